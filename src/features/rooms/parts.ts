import { Prisma } from '../../db/client.ts'
import { commentReading } from '../comments/serialize.ts'
import { cutReading, lyricsReading } from '../cuts/serialize.ts'
import { memberReading } from '../members/serialize.ts'
import { after, byId, type Order } from '../shared/paging.ts'
import { PAGE_BYTES, type Readable, ROW_BYTES } from '../shared/reading.ts'
import { taskReading } from '../tasks/serialize.ts'
import { vibeReading } from '../vibes/serialize.ts'

/** Rows of one part in one page. */
export const ROWS = 2_000

/** One list of a snapshot. */
export interface Part {
  name: 'members' | 'tasks' | 'vibes' | 'cuts' | 'lyrics' | 'comments'
  order: Order
  reading: Readable<unknown>
  /** The rows behind an id, as `t`. */
  rows: (id: string | null) => Prisma.Sql
}

type Rows = (beyond: Prisma.Sql) => Prisma.Sql

const part = (name: Part['name'], order: Order, reading: Readable<unknown>, rows: Rows): Part => ({
  name,
  order,
  reading,
  rows: (id) => rows(after(order, id === null ? null : ['', id])),
})

/**
 * How long lyrics are is seen only by reading them. So they are measured one by one, in the order of their ids, until they fill a page.
 */
const measured = (within: Prisma.Sql, beyond: Prisma.Sql) => Prisma.sql`(
  WITH RECURSIVE keys AS MATERIALIZED (
    SELECT ARRAY(SELECT t."cutId" FROM "Lyrics" t WHERE ${within} AND ${beyond} ORDER BY t."cutId" LIMIT ${ROWS + 1}) AS ids
  ), walk AS (
    SELECT 0 AS n, 0::bigint AS total
    UNION ALL
    SELECT w.n + 1, w.total + l.size FROM walk w CROSS JOIN keys k CROSS JOIN LATERAL (
      SELECT octet_length(lines::text) + ${ROW_BYTES}::int AS size FROM "Lyrics" WHERE "cutId" = k.ids[w.n + 1] LIMIT 1) l
    WHERE w.total <= ${PAGE_BYTES}
  )
  SELECT l.* FROM walk w CROSS JOIN keys k CROSS JOIN LATERAL (SELECT * FROM "Lyrics" WHERE "cutId" = k.ids[w.n] LIMIT 1) l
) t`

/** The parts of a project in the order in which they are read: what others refer to comes first. */
export function partsOf(projectId: string, comments: string): Part[] {
  const within = Prisma.sql`t."projectId" = ${projectId}::uuid`
  // OFFSET: the rows of the project by its index, not all rows by their ids.
  const ordered =
    (table: Prisma.Sql): Rows =>
    (beyond) =>
      Prisma.sql`(SELECT t.* FROM ${table} t WHERE ${within} AND ${beyond} OFFSET 0) t`
  // Asked once: nothing is read of a thread in another project.
  const on =
    (column: Prisma.Sql, table: Prisma.Sql): Rows =>
    (beyond) =>
      Prisma.sql`(SELECT t.id FROM "Comment" t WHERE ${column} = ${comments}::uuid AND ${beyond}
      AND EXISTS (SELECT FROM ${table} o WHERE o.id = ${comments}::uuid AND o."projectId" = ${projectId}::uuid)) t`
  const all: Rows = (beyond) => Prisma.sql`(SELECT t.id FROM "Comment" t WHERE ${within} AND ${beyond}) t`
  const threads = [on(Prisma.sql`t."cutId"`, Prisma.sql`"Cut"`), on(Prisma.sql`t."taskId"`, Prisma.sql`"Task"`)]
  const chosen = { all: [all], none: [] }[comments] ?? threads
  return [
    part('members', { id: 'userId' }, memberReading, (beyond) => Prisma.sql`"Member" t WHERE ${within} AND ${beyond}`),
    part('tasks', byId, taskReading, ordered(Prisma.sql`"Task"`)),
    part('vibes', byId, vibeReading, ordered(Prisma.sql`"Vibe"`)),
    part('cuts', byId, cutReading, ordered(Prisma.sql`"Cut"`)),
    part('lyrics', { id: 'cutId' }, lyricsReading, (beyond) => measured(within, beyond)),
    ...chosen.map((rows) => part('comments', byId, commentReading, rows)),
  ]
}
