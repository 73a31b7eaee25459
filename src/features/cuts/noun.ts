import type { Cut } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { type ActivityTarget, defineNoun, projectTable, SNAPSHOT_ROWS, snapshotById, targetIn } from '../shared/noun.ts'
import { PAGE_BYTES, ROW_BYTES } from '../shared/reading.ts'
import { cutRoutes } from './routes.ts'
import { cutReading, lyricsReading } from './serialize.ts'

const target = (id: string, name: string | null): ActivityTarget => ({ type: 'cut', id, name, path: `/cuts/${id}` })
const shown = ({ id, name }: Cut) => target(id, name)

/**
 * How long lyrics are is seen only by reading them. So they are measured one by one, in the order of their ids, until they fill a page.
 */
const lyricsRows = (projectId: string) => (beyond: Prisma.Sql) =>
  Prisma.sql`(
  WITH RECURSIVE keys AS MATERIALIZED (
    SELECT ARRAY(SELECT t."cutId" FROM "Lyrics" t WHERE t."projectId" = ${projectId}::uuid AND ${beyond}
      ORDER BY t."cutId" LIMIT ${SNAPSHOT_ROWS + 1}) AS ids
  ), walk AS (
    SELECT 0 AS n, 0::bigint AS total
    UNION ALL
    SELECT w.n + 1, w.total + l.size FROM walk w CROSS JOIN keys k CROSS JOIN LATERAL (
      SELECT octet_length(lines::text) + ${ROW_BYTES}::int AS size FROM "Lyrics" WHERE "cutId" = k.ids[w.n + 1] LIMIT 1) l
    WHERE w.total <= ${PAGE_BYTES}
  )
  SELECT l.* FROM walk w CROSS JOIN keys k CROSS JOIN LATERAL (SELECT * FROM "Lyrics" WHERE "cutId" = k.ids[w.n] LIMIT 1) l
) t`

export const cuts = defineNoun({
  name: 'cuts',
  targets: { cutId: targetIn('Cut') },
  tables: [projectTable('Cut', ['authorId', 'approvedById']), { name: 'Lyrics', key: 'cutId', project: 'projectId', people: [] }],
  routes: cutRoutes,
  snapshot: {
    cuts: snapshotById('Cut', cutReading),
    lyrics: { order: { id: 'cutId' }, reading: lyricsReading, rows: ({ projectId }) => [lyricsRows(projectId)] },
  },
  activity: {
    'cut:created': shown,
    'cut:updated': shown,
    'cut:moved': ({ cutId }, label) => target(cutId, label),
    'cut:reranked': null,
    'cut:drafted': shown,
    'cut:submitted': shown,
    'cut:approved': shown,
    'cut:deleted': ({ cutId }, label) => ({ ...target(cutId, label), path: '' }),
    'lyrics:updated': ({ cutId }, label) => ({ ...target(cutId, label), path: `/cuts/${cutId}/lyrics` }),
  },
})
