import { conversations, MESSAGES_PER_MINUTE, messages } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { newestFirst, readPage } from '../shared/paging.ts'
import { visibleMessages } from './access.ts'
import { createMessage, deleteMessage, editMessage, findMessage, loadMessage } from './messages.ts'
import { listConversations, loadConversation } from './reading.ts'
import { messageReading } from './serialize.ts'
import { handleTyping } from './typing.ts'
import { markRead, openConversation } from './writes.ts'

/** Conversations that one person may open or make in an hour. */
const OPENINGS = 300

export function conversationRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  const openings = app.limit('conversation-create', OPENINGS, 3_600_000)
  const written = app.limit('message-write', MESSAGES_PER_MINUTE, 60_000)

  app.serve(conversations.list, (asked) => listConversations(query, asked.me.userId, asked))
  app.serve(conversations.get, ({ me, params }) => loadConversation(query, me.userId, params.conversationId))
  app.write(conversations.create, ({ me, body }, write) => openConversation(write, me.userId, body), undefined, {
    prepare: ({ me }) => openings.spend(me.userId),
  })
  app.write(conversations.read, ({ me, params, body }, write) =>
    markRead(write, params.conversationId, me.userId, body.messageId),
  )

  app.serve(messages.list, async (asked) => {
    const visible = await visibleMessages(query, asked.params.conversationId, asked.me.userId)
    return readPage(query, asked, {
      order: newestFirst,
      reading: messageReading,
      of: asked.me.userId,
      // Ids alone, which an index holds, in its order.
      rows: (after) => Prisma.sql`(SELECT t.id FROM "Message" t WHERE ${visible} AND ${after}) t`,
    })
  })
  app.serve(messages.get, async ({ me, params }) => {
    await findMessage(query, params.messageId, me.userId)
    return loadMessage(prisma, params.messageId)
  })
  const spend = { prepare: ({ me }: { me: { userId: string } }) => written.spend(me.userId) }
  app.write(
    messages.create,
    ({ me, params, body }, write) => createMessage(write, params.conversationId, me.userId, body.body),
    undefined,
    spend,
  )
  app.write(
    messages.update,
    ({ me, params, body }, write) => editMessage(write, params.messageId, me.userId, body.body),
    undefined,
    spend,
  )
  app.write(messages.delete, ({ me, params }, write) => deleteMessage(write, params.messageId, me.userId))

  handleTyping(app, query)
}
