import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Peaks } from '@cutroom/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { type Content, sendContent } from '../../http/content.ts'
import type { Download } from '../../http/downloads.ts'
import { decodePeaks, resample } from '../../media/peaks.ts'
import type { Storage } from '../../ports/storage/storage.ts'

/** Who downloads what. */
interface Access {
  userId: string
  sessionId: string
  fileId: string
}

/** Of each access, whether it still holds: the file is there, the person is a member of its project, and their session stands. */
async function stillAllowed(query: Query, accesses: readonly Access[]): Promise<boolean[]> {
  const column = (name: keyof Access) => accesses.map((each) => each[name])
  const found = await query<{ n: number }>(Prisma.sql`
    SELECT a.n::int AS n FROM unnest(${column('fileId')}::uuid[], ${column('userId')}::uuid[], ${column('sessionId')}::uuid[])
      WITH ORDINALITY AS a("fileId", "userId", "sessionId", n)
    JOIN "File" f ON f.id = a."fileId"
    JOIN "Member" m ON m."projectId" = f."projectId" AND m."userId" = a."userId"
    JOIN "Session" s ON s.id = a."sessionId" AND s."userId" = a."userId" AND s."revokedAt" IS NULL AND s."expiresAt" > now()
      AND (s."allProjects" OR m."projectId" = ANY(s."projectIds"))`)
  const allowed = new Set(found.map(({ n }) => n))
  return accesses.map((_, index) => allowed.has(index + 1))
}

/** Downloads of members, from what they ask. */
export function createMemberDownloads(app: FastifyInstance, query: Query) {
  const open = app.downloads.kind<Access>((accesses) => stillAllowed(query, accesses))
  return ({ request, reply, me, params: { fileId } }: Asked): Exchange => ({
    request,
    reply,
    fileId,
    start: () => open(me.userId, { userId: me.userId, sessionId: me.sessionId, fileId }),
  })
}

/** What a member asks. */
interface Asked {
  request: FastifyRequest
  reply: FastifyReply
  me: { userId: string; sessionId: string }
  params: { fileId: string }
}

/** A file that is asked for, by someone who may have it. */
export interface Exchange {
  request: FastifyRequest
  reply: FastifyReply
  fileId: string
  /** Begins the download, which ends with their access. */
  start: () => Download
}

/** What is known of a file that is read. */
interface FileRow {
  objectKey: string
  name: string
  type: string
  size: string
  sha256: string
  createdAt: Date
}

/** A name with another ending. */
export const renamed = (name: string, ending: string): string => `${name.replace(/\.[^.]{1,10}$/, '')}.${ending}`

/** Sends the bytes of files and what was made from them, as long as who asked may have them. */
export function createContentSender(query: Query, storage: Storage) {
  /** Sends what was made from a file, or from what is said about it. */
  function made({ request, reply, start }: Exchange, about: Omit<Content, 'size' | 'tag'>, bytes: Buffer): Promise<FastifyReply> {
    const content = { ...about, size: bytes.length, tag: hash('sha256', bytes) }
    const read = async ({ start, end }: { start: number; end: number }) => Readable.from([bytes.subarray(start, end + 1)])
    return sendContent(request, reply, content, read, start())
  }

  return {
    made,

    /** The content of a file, or a part of it. */
    async content({ request, reply, fileId, start }: Exchange, disposition: Content['disposition']): Promise<FastifyReply> {
      const [file] = await query<FileRow>(Prisma.sql`SELECT "objectKey", name, type, size, sha256, "createdAt" FROM "File"
        WHERE id = ${fileId}::uuid`)
      if (!file) throw problem('not-found')
      const { objectKey, size, sha256: tag, createdAt: lastModified, ...rest } = file
      const content = { ...rest, size: Number(size), tag, lastModified, disposition }
      const read = (range: { start: number; end: number }, signal: AbortSignal) => storage.open(objectKey, range, signal)
      return sendContent(request, reply, content, read, start())
    },

    /** Small data that was made from a file. @param make what is sent, from what is stored */
    async rendition(
      exchange: Exchange,
      name: RenditionName,
      type: string,
      make: (data: Buffer) => Buffer = same,
    ): Promise<FastifyReply> {
      const { data, ...file } = await loadRendition(query, exchange.fileId, name)
      const about = { type, name: renamed(file.name, type === 'image/webp' ? 'webp' : 'svg'), disposition: 'inline' as const }
      return made(exchange, { ...about, lastModified: file.updatedAt }, make(data))
    },
  }
}

const same = (data: Buffer): Buffer => data

export type RenditionName = 'peaks' | 'thumbnail'

/** @throws problem not-found where there is none, or none yet */
async function loadRendition(query: Query, fileId: string, name: RenditionName) {
  const [found] = await query<{ data: Buffer; name: string; version: number; updatedAt: Date; durationMs: number | null }>(
    Prisma.sql`SELECT r.data, f.name, f.version, f."updatedAt", (f.audio->>'durationMs')::int AS "durationMs"
      FROM "Rendition" r JOIN "File" f ON f.id = r."fileId" WHERE r."fileId" = ${fileId}::uuid AND r.name = ${name}`,
  )
  if (!found) throw problem('not-found', 'There is none, or none yet: wait for file:processed')
  return found
}

/** The waveform of a recording in so many points. */
export async function loadPeaks(query: Query, fileId: string, points: number): Promise<Peaks> {
  const { data, version, durationMs } = await loadRendition(query, fileId, 'peaks')
  const { min, max } = resample(decodePeaks(data), points)
  return { fileId, points: min.length, durationMs: durationMs ?? 0, min: [...min], max: [...max], version }
}
