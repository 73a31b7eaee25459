import type { FileKind, ShareAllows, SharedFile } from '@cutroom/contract'
import type { FastifyRequest } from 'fastify'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Limit } from '../../http/limits.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'
import { hashToken } from '../auth/refresh-token.ts'
import { iso } from '../shared/serialize.ts'

/** A link with the file that it shows now. */
export interface Visit {
  shareId: string
  allows: ShareAllows
  passwordHash: string | null
  expiresAt: Date | null
  isOver: boolean
  sharedBy: string
  fileId: string
  name: string
  kind: FileKind
  take: number | null
  type: string
  size: string
  durationMs: number | null
}

/** The link with this token; of a cut without a take there is nothing to show, as of a link that was revoked. */
const find = (token: string): Prisma.Sql => Prisma.sql`
  SELECT s.id AS "shareId", s.allows, s."passwordHash", s."expiresAt", coalesce(s."expiresAt" <= now(), false) AS "isOver",
    u.name AS "sharedBy", f.id AS "fileId", coalesce(c.name, f.name) AS name, f.kind, f.take, f.type, f.size,
    (f.audio->>'durationMs')::int AS "durationMs"
  FROM "Share" s
  JOIN "Project" p ON p.id = s."projectId" AND p."deletedAt" IS NULL
  JOIN "User" u ON u.id = s."authorId"
  LEFT JOIN "Cut" c ON c.id = s."cutId"
  JOIN LATERAL (
    (SELECT * FROM "File" WHERE id = s."fileId")
    UNION ALL
    (SELECT * FROM "File" WHERE "cutId" = s."cutId" AND take IS NOT NULL ORDER BY take DESC LIMIT 1)
  ) f ON true
  WHERE s."tokenHash" = ${hashToken(token)}`

/** What visitors see of a link. */
export const presentVisit = (visit: Visit): SharedFile => ({
  name: visit.name,
  kind: visit.kind,
  take: visit.take,
  type: visit.type,
  size: Number(visit.size),
  durationMs: visit.durationMs,
  allows: visit.allows,
  sharedBy: visit.sharedBy,
  expiresAt: iso(visit.expiresAt),
})

/**
 * Finds links by their tokens.
 * @param invented counts tokens that name nothing, by network: good ones are answered however many of these there were
 */
export function createVisits(query: Query, invented: Limit) {
  /** @throws problem not-found | gone, and rate-limited in place of the first */
  return async ({ ip }: Pick<FastifyRequest, 'ip'>, token: string): Promise<Visit> => {
    const [visit] = await query<Visit>(find(token))
    if (!visit) {
      await invented.spend(networkOf(ip))
      throw problem('not-found')
    }
    if (visit.isOver) throw problem('gone', 'This link has expired')
    return visit
  }
}

/** A download by a link. */
export interface LinkAccess {
  shareId: string
  fileId: string
}

/** Of each download, whether its link still shows the file; one that began goes on when a newer take comes. */
export async function stillShown(query: Query, accesses: readonly LinkAccess[]): Promise<boolean[]> {
  const column = (name: keyof LinkAccess) => accesses.map((each) => each[name])
  const found = await query<{ n: number }>(Prisma.sql`
    SELECT a.n::int AS n FROM unnest(${column('shareId')}::uuid[], ${column('fileId')}::uuid[])
      WITH ORDINALITY AS a("shareId", "fileId", n)
    JOIN "Share" s ON s.id = a."shareId" AND (s."expiresAt" IS NULL OR s."expiresAt" > now())
    JOIN "Project" p ON p.id = s."projectId" AND p."deletedAt" IS NULL
    JOIN "File" f ON f.id = a."fileId" AND (f.id = s."fileId" OR f."cutId" = s."cutId")`)
  const shown = new Set(found.map(({ n }) => n))
  return accesses.map((_, index) => shown.has(index + 1))
}
