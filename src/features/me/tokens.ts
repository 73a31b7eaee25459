import { type ApiToken, tokens as contract, type Parsed, type Role } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { ApiTokens } from '../../http/api-tokens.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { hashToken } from '../auth/refresh-token.ts'
import { revokeSessions } from '../auth/writes.ts'
import { newRow } from '../shared/new-row.ts'

/** Open API tokens of one person. */
export const MAX_TOKENS = 50
/** The end of a token that has none, in the database, where every session has one. */
const NEVER = new Date('9999-12-31T23:59:59.999Z')

/** A row of `Session` that is an API token. */
interface TokenRow {
  id: string
  name: string | null
  maxRole: Role | null
  allProjects: boolean
  projectIds: string[]
  createdAt: Date
  rotatedAt: Date
  expiresAt: Date
}

export const presentToken = (row: TokenRow): ApiToken => ({
  id: row.id,
  name: row.name ?? '',
  role: row.maxRole ?? 'viewer',
  projectIds: row.allProjects ? null : row.projectIds,
  createdAt: row.createdAt.toISOString(),
  lastUsedAt: row.rotatedAt > row.createdAt ? row.rotatedAt.toISOString() : null,
  expiresAt: row.expiresAt >= NEVER ? null : row.expiresAt.toISOString(),
})

/** The text of a token. */
export const tokenText = (api: ApiTokens, userId: string, { id, expiresAt }: Pick<ApiToken, 'id' | 'expiresAt'>): string =>
  api.of({ sessionId: id, userId, expiresAt: expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt) })

/** What a person may list: their tokens that are open. */
export const openTokens = (userId: string) => ({
  where: { userId, name: { not: null }, revokedAt: null, expiresAt: { gt: new Date() } },
  orderBy: { id: 'desc' } as const,
})

/**
 * Creates an API token of a person.
 * @throws problem too-many, and validation for a project that they are no member of
 */
export async function createToken(
  { tx, query, insert }: Write,
  api: ApiTokens,
  userId: string,
  input: Parsed<typeof contract.create, 'body'>,
): Promise<ApiToken> {
  // The person's row orders the tokens that they create at once; before the session's, as everywhere.
  await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`)
  if ((await tx.session.count({ where: openTokens(userId).where })) >= MAX_TOKENS)
    throw problem('too-many', `A person has at most ${MAX_TOKENS} API tokens`)
  const { name, role, projectIds } = input
  if (projectIds) {
    const members = await tx.member.findMany({ where: { userId, projectId: { in: projectIds } }, select: { projectId: true } })
    const own = new Set(members.map(({ projectId }) => projectId))
    const errors = projectIds.flatMap((id, n) =>
      own.has(id) ? [] : [{ pointer: `/projectIds/${n}`, code: 'not-found', detail: 'You are not a member of this project' }],
    )
    if (errors.length > 0) throw problem('validation', undefined, { errors: errors.slice(0, 20) })
  }
  const { id, createdAt } = newRow()
  const expiresAt = input.expiresAt === null ? NEVER : new Date(input.expiresAt)
  const scope = { name, maxRole: role, allProjects: projectIds === null, projectIds: projectIds ?? [] }
  const token = presentToken({ id, ...scope, createdAt, rotatedAt: createdAt, expiresAt })
  const unused = { generation: 0, confirmed: 0, remember: true, userAgent: null, address: null }
  const tokenHash = hashToken(tokenText(api, userId, token))
  insert('Session', { id, userId, ...scope, createdAt, rotatedAt: createdAt, expiresAt, ...unused, tokenHash })
  return token
}

export function tokenRoutes(app: FastifyInstance, prisma: Database['prisma']): void {
  const { api } = app.tokens

  app.serve(contract.list, async ({ me }) => {
    const rows = await prisma.session.findMany(openTokens(me.person.id))
    return { data: rows.map(presentToken) }
  })

  app.write(
    contract.create,
    // The text is not saved with an Idempotency-Key: it follows from the rest.
    async ({ me, body }, write) => ({ ...(await createToken(write, api, me.person.id, body)), token: '' }),
    undefined,
    {
      complete({ me, reply }, answer) {
        reply.header('cache-control', 'no-store')
        return { ...answer, token: tokenText(api, me.person.id, answer) }
      },
    },
  )

  app.write(
    contract.revoke,
    async ({ me, params }, write) => {
      const which = { only: params.tokenId, kind: 'api-token' } as const
      if ((await revokeSessions(write, me.person.id, which, 'ended', me.sessionId)) === 0) throw problem('not-found')
    },
    undefined,
    { locksSession: true },
  )
}
