import { mail } from '@cutroom/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { type Database, Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'
import { endMails, loadPreferences, type MailSubject, replacePreferences } from './preferences.ts'
import { unsubscribeTokens } from './unsubscribe-tokens.ts'

/** Tokens that are none, of one network in 15 minutes. */
const INVENTED = 120

/** What mails one gets, and the links in them that end them. */
export function mailRoutes(
  app: FastifyInstance,
  { config, database: { prisma, query } }: { config: Config; database: Pick<Database, 'prisma' | 'query'> },
): void {
  const tokens = unsubscribeTokens(config.jwtSecret)
  const invented = app.limit('unsubscribe-invented', INVENTED)

  app.serve(mail.get, ({ me }) => loadPreferences(prisma, me.userId))
  app.write(mail.update, ({ me, body }, write) => replacePreferences(write, me.userId, body))

  /** @throws problem not-found | rate-limited */
  async function subjectOf(request: FastifyRequest, token: string): Promise<MailSubject> {
    const subject = tokens.parse(token)
    if (subject) return subject
    await invented.spend(networkOf(request.ip))
    throw problem('not-found')
  }

  app.serve(mail.unsubscription, async ({ request, params: { mailToken } }) => {
    const { userId, kind, projectId } = await subjectOf(request, mailToken)
    const [found] = await query<{ project: { id: string; name: string } | null }>(Prisma.sql`
      SELECT CASE WHEN p.id IS NOT NULL THEN json_build_object('id', p.id, 'name', p.name) END AS project FROM "User" u
      LEFT JOIN "Member" m ON m."userId" = u.id AND m."projectId" = ${projectId}::uuid
      LEFT JOIN "Project" p ON p.id = m."projectId" AND p."deletedAt" IS NULL WHERE u.id = ${userId}::uuid`)
    // A person who left the project gets no mails of it, and does not learn its name.
    if (!found || (projectId !== null && found.project === null)) throw problem('not-found')
    return { kind, project: found.project }
  })
  app.serve(mail.unsubscribe, async ({ request, params: { mailToken } }) => {
    const subject = await subjectOf(request, mailToken)
    await app.rooms.commit(null, (write) => endMails(write, subject))
  })
}
