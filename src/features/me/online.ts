import { me, type Person } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { readPage } from '../shared/paging.ts'
import { readable } from '../shared/reading.ts'

const reading = readable({
  columns: ['userId'],
  people: { user: 'userId' },
  texts: [],
  present: ({ user }: { userId: string; user: Person }) => user,
})

/** Who is connected now, on any node, of the people who share a project with the caller. */
export function onlineRoute(app: FastifyInstance, { query }: Pick<Database, 'query'>): void {
  const { isOnline } = app.rooms
  app.serve(me.online, async (asked) => {
    const of = asked.me.person.id
    // Of each project no more rows than the page may need, in the order of an index.
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`(SELECT DISTINCT peer."userId" FROM "Member" own CROSS JOIN LATERAL (
          SELECT t."userId" FROM "Member" t WHERE t."projectId" = own."projectId" AND t."userId" <> ${of}::uuid AND ${after}
          ORDER BY t."userId" LIMIT ${asked.query.limit + 1}) peer
        WHERE own."userId" = ${of}::uuid) t`
    const { data, nextCursor } = await readPage(query, asked, { order: { id: 'userId' }, reading, rows, of })
    return { data: data.filter(({ id }) => isOnline(id)), nextCursor }
  })
}
