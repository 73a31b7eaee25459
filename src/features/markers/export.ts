import type { Markers } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { commentReading } from '../comments/serialize.ts'
import { loadTake } from '../files/takes.ts'
import { readPart } from '../shared/reading.ts'

/** Markers of one answer, and bytes of JSON of their comments. */
const MOST_MARKERS = 2_000
const MOST_BYTES = 2 * 1024 * 1024

/**
 * The markers of a take as they are heard: first comments of threads at a moment of it.
 * @param resolved of resolved threads only, or of open ones
 * @throws problem not-found | too-many
 */
export async function loadMarkers(query: Query, fileId: string, resolved?: 'true' | 'false'): Promise<Markers> {
  const { name, take } = await loadTake(query, fileId)
  const settled = { true: Prisma.sql`"resolvedAt" IS NOT NULL`, false: Prisma.sql`"resolvedAt" IS NULL` }
  const { items, more } = await readPart(query, commentReading, {
    // The limit stands before the order, so that no more than this is sorted.
    rows: Prisma.sql`(SELECT id, "atMs" FROM "Comment" WHERE "fileId" = ${fileId}::uuid AND "parentId" IS NULL AND "atMs" IS NOT NULL
      AND ${resolved ? settled[resolved] : Prisma.sql`true`} LIMIT ${MOST_MARKERS + 1}) t`,
    order: Prisma.sql`t."atMs", t.id`,
    limit: MOST_MARKERS,
    bytes: MOST_BYTES,
  })
  if (more)
    throw problem('too-many', `At most ${MOST_MARKERS} markers and 2 MiB are exported at a time: ask for the open ones only`)
  const markers = items.flatMap(({ id: commentId, atMs, endMs, body, author, resolvedAt }) =>
    atMs === null ? [] : [{ commentId, atMs, endMs, body, author, resolvedAt }],
  )
  return { fileId, name, take, markers }
}
