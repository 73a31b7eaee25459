import { requests } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { mayWrite, sharing } from './access.ts'

/**
 * The others who are to know that a participant types: those who share a project with another participant.
 * @throws problem not-found | forbidden
 */
async function receiversOf(query: Query, conversationId: string, userId: string): Promise<string[]> {
  const [found] = await query<{ mayWrite: boolean; receivers: string[] }>(
    Prisma.sql`SELECT ${mayWrite(Prisma.sql`p."conversationId"`, Prisma.sql`p."userId"`)} AS "mayWrite",
        ARRAY(SELECT DISTINCT s."userId"::text FROM (${sharing(conversationId)}) s WHERE s."userId" <> p."userId") AS receivers
      FROM "Participant" p WHERE p."conversationId" = ${conversationId}::uuid AND p."userId" = ${userId}::uuid`,
  )
  if (!found) throw problem('not-found')
  if (!found.mayWrite) throw problem('forbidden')
  return found.receivers
}

/** Handles `chat:typing` of sockets. */
export function handleTyping(app: FastifyInstance, query: Query): void {
  app.rooms.handle('chat:typing', requests['chat:typing'], async (caller, { conversationId, isTyping }) => {
    if (caller.isApiToken) throw problem('forbidden', 'API tokens may not do this')
    caller.chatTyping(conversationId, isTyping, await receiversOf(query, conversationId, caller.userId))
    return {}
  })
}
