import { notifications as contract } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { newestFirst, readPage } from '../shared/paging.ts'
import { countUnseen, deleteOne, markAll, markOne, ofPerson } from './own-writes.ts'
import { readPreferences, setPreferences } from './preferences.ts'
import { notificationReading, notificationRows } from './serialize.ts'

/** What a person must not miss, and what of it they want. */
export function notificationRoutes(app: FastifyInstance, { query }: Pick<Database, 'query'>): void {
  app.serve(contract.list, async (asked) => {
    const of = asked.me.person.id
    const unseenOnly = asked.query.unseen === 'true' ? Prisma.sql`AND t."seenAt" IS NULL` : Prisma.empty
    const rows = (beyond: Prisma.Sql) => notificationRows(Prisma.sql`${ofPerson(of)} ${unseenOnly} AND ${beyond}`)
    // Counted first: the list may be newer than the position, never older.
    const counted = await countUnseen(query, of)
    const page = await readPage(query, asked, { order: newestFirst, reading: notificationReading, rows, of })
    return { ...page, ...counted, epoch: app.rooms.log.epoch() }
  })
  app.write(contract.update, ({ me, params }, write) => markOne(write, me.person.id, params.notificationId))
  app.write(contract.seenAll, ({ me, body }, write) => markAll(write, me.person.id, body.upTo))
  app.write(contract.delete, ({ me, params }, write) => deleteOne(write, me.person.id, params.notificationId))
  app.serve(contract.preferences, ({ me }) => readPreferences(query, me.person.id))
  app.write(contract.setPreferences, ({ me, body }, write) => setPreferences(write, me.person.id, body))
}
