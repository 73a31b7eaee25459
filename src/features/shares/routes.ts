import { type Answer, type Parsed, shares } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { Prisma } from '../../db/client.ts'
import { hashPassword, withHashSlot } from '../auth/password.ts'
import type { RouteContext } from '../shared/noun.ts'
import { byAge, readPage } from '../shared/paging.ts'
import { publicRoutes } from './public-routes.ts'
import { shareReading } from './serialize.ts'
import { shareTokens } from './tokens.ts'
import { createShare, loadShare, revokeShare } from './writes.ts'

/** Links with a password that one person makes in 15 minutes: each is hashed, which takes a while. */
const PASSWORDS = 60

type Create = typeof shares.createOnFile | typeof shares.createOnCut
type Body = Parsed<Create, 'body'>

export function shareRoutes(app: FastifyInstance, context: RouteContext): void {
  const { prisma, query, config } = context
  const tokens = shareTokens(config.jwtSecret)
  const passwords = app.limit('share-password', PASSWORDS)

  app.serve(shares.list, (asked) => {
    const rows = (after: Prisma.Sql) => Prisma.sql`"Share" t WHERE t."projectId" = ${asked.params.projectId}::uuid AND ${after}`
    return readPage(query, asked, { order: byAge, reading: shareReading, rows })
  })
  app.serve(shares.get, ({ params }) => loadShare(prisma, params.shareId))

  const hashOf = (userId: string, { password }: Body) =>
    password === null
      ? Promise.resolve(null)
      : withHashSlot(async () => {
          await passwords.spend(userId)
          return hashPassword(password)
        })
  const inputOf = ({ allows, expiresAt }: Body, passwordHash: string | null) => ({
    allows,
    passwordHash,
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  })
  /** The token is not saved with an Idempotency-Key: it follows from the rest. */
  const complete = (answer: Answer<Create>): Answer<Create> => {
    const token = tokens.of(answer.id)
    return { ...answer, token, url: `${config.publicUrl ?? ''}/shared/${token}` }
  }
  const untold = { token: '', url: '' }
  const options = {
    prepare: ({ me, body }: { me: { userId: string }; body: Body }) => hashOf(me.userId, body),
    complete: (_: unknown, answer: Answer<Create>) => complete(answer),
  }

  app.write(
    shares.createOnFile,
    async ({ scope, params: { fileId }, body }, write, passwordHash: string | null) => {
      const shared = { fileId, cutId: null }
      return { ...(await createShare(write, tokens, scope, shared, inputOf(body, passwordHash))), ...untold }
    },
    undefined,
    options,
  )
  app.write(
    shares.createOnCut,
    async ({ scope, params: { cutId }, body }, write, passwordHash: string | null) => {
      const shared = { fileId: null, cutId }
      return { ...(await createShare(write, tokens, scope, shared, inputOf(body, passwordHash))), ...untold }
    },
    undefined,
    options,
  )
  app.write(shares.revoke, ({ scope, params }, write) => revokeShare(write, scope.projectId, params.shareId), loadShare)

  publicRoutes(app, context, tokens)
}
