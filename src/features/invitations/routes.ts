import { type Answer, invitations, type ProjectInvitation } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { Prisma } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { queueMail } from '../mail/outbox.ts'
import type { RouteContext } from '../shared/noun.ts'
import { byAge, readPage } from '../shared/paging.ts'
import { acceptInvitation } from './accept.ts'
import { assertOpen, createFindInvitation, presentPreview } from './lookup.ts'
import { ownerReading } from './serialize.ts'
import { invitationLinks } from './tokens.ts'
import { createInvitation, loadInvitation, renewInvitation, revokeInvitation } from './writes.ts'

/** Invitations that one person makes or sends again in an hour, to all projects together. */
const INVITATIONS = 100
const HOUR_MS = 3_600_000
/** Mails that one address gets in a day, for all projects together. Then an owner has the link to send. */
const MAILS = 10
const DAY_MS = 24 * HOUR_MS

type Made = Answer<typeof invitations.create>

/** Of one request, whose write may be tried again: whether its mail was counted. */
interface Counted {
  isCounted: boolean
}

export function invitationRoutes(app: FastifyInstance, { prisma, query, config }: RouteContext): void {
  const links = invitationLinks(config)
  const made = app.limit('invitation', INVITATIONS, HOUR_MS)
  const mailed = app.limit('invitation-mail', MAILS, DAY_MS)

  app.serve(invitations.list, (asked) => {
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`"Invitation" t WHERE t."projectId" = ${asked.params.projectId}::uuid AND t."acceptedAt" IS NULL AND ${after}`
    return readPage(query, asked, { order: byAge, reading: ownerReading, rows })
  })
  app.serve(invitations.get, ({ params }) => loadInvitation(prisma, params.invitationId))

  /** The token is not saved with an Idempotency-Key: it follows from the rest. */
  const complete = (_: unknown, answer: Made): Made => ({
    ...answer,
    token: links.tokenOf(answer.id),
    url: links.urlOf(answer.id),
  })
  const options = {
    async prepare({ me }: { me: { userId: string } }): Promise<Counted> {
      await made.spend(me.userId)
      return { isCounted: false }
    },
    complete,
  }

  /** Queues the mail of an invitation by e-mail, where mail is sent. */
  async function answerOf(write: Write, invitation: ProjectInvitation, counted: Counted): Promise<Made> {
    const { id, email, version } = invitation
    const isMailed = email !== null && config.mail !== undefined && (counted.isCounted || (await mailed.used(email)) < MAILS)
    if (isMailed) {
      if (!counted.isCounted) await mailed.count(email)
      counted.isCounted = true
      queueMail(write, { kind: 'invitation', key: `${id}.${version}`, payload: { invitationId: id } })
    }
    return { ...invitation, token: '', url: '', isMailed }
  }

  app.write(
    invitations.create,
    async ({ scope, body }, write, counted: Counted) =>
      answerOf(write, await createInvitation(write, links, scope, body), counted),
    undefined,
    options,
  )
  app.write(
    invitations.resend,
    async ({ params }, write, counted: Counted) => answerOf(write, await renewInvitation(write, params.invitationId), counted),
    loadInvitation,
    options,
  )
  app.write(
    invitations.revoke,
    ({ scope, params }, write) => revokeInvitation(write, scope.projectId, params.invitationId),
    loadInvitation,
  )

  const find = createFindInvitation(query, app.limit)
  app.serve(invitations.byToken, async ({ request, params }) => {
    const found = await find(request, params.token)
    assertOpen(found)
    return presentPreview(found)
  })
  app.write(
    invitations.accept,
    ({ me }, write, found: Awaited<ReturnType<typeof find>>) => acceptInvitation(write, found, me.userId),
    undefined,
    { prepare: ({ request, params }) => find(request, params.token) },
  )
}
