import { me, projectRoom } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { shownActions } from '../activity/serialize.ts'
import { countUnread } from '../activity/unread.ts'
import type { Noun } from '../shared/noun.ts'
import { readPage } from '../shared/paging.ts'
import { readable } from '../shared/reading.ts'

/** People of a room that are shown, as the contract says. */
const SHOWN = 4

/** Ids of projects that are there: the list has a person's rows of `Member`. */
const reading = readable({
  people: {},
  texts: [],
  columns: ['projectId'],
  join: {
    alias: 'own',
    sql: 'CROSS JOIN LATERAL (SELECT p.id AS "projectId" FROM "Project" p WHERE p.id = t."projectId" LIMIT 1) own',
  },
  present: ({ projectId }: { projectId: string }) => projectId,
})

/** What goes on in all projects of a person, without joining their rooms. */
export function overviewRoute(
  app: FastifyInstance,
  { query, pages, nouns }: Pick<Database, 'query' | 'pages'> & { nouns: readonly Noun[] },
): void {
  const actions = shownActions(nouns)
  const { log, presentIn } = app.rooms
  app.serve(me.overview, async (asked) => {
    const of = asked.me.person.id
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`(SELECT "userId", "projectId" FROM "Member" t WHERE t."userId" = ${of}::uuid AND ${after}) t`
    const { data, nextCursor } = await readPage(query, asked, { order: { id: 'projectId' }, reading, rows, of })
    const [ends, unread] = await Promise.all([log.ends(data.map(projectRoom)), countUnread(pages.query, of, data, actions)])
    const pulses = data.map((projectId) => {
      const room = projectRoom(projectId)
      const { people, total } = presentIn(room, SHOWN, of)
      const { head = 0, at = null } = ends.get(room) ?? {}
      return { projectId, head, lastEventAt: at, present: people, presentTotal: total, unread: unread.get(projectId) ?? 0 }
    })
    return { data: pulses, nextCursor, epoch: log.epoch() }
  })
}
