import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'

export interface Take {
  id: string
  /** Null until it was processed, and where that failed. */
  durationMs: number | null
}

/**
 * A recording of a cut; null where there is none.
 * @param fileId null: the current one
 */
export async function takeOf(query: Query, cutId: string, fileId: string | null): Promise<Take | null> {
  const which = fileId === null ? Prisma.sql`true` : Prisma.sql`id = ${fileId}::uuid`
  const [take] = await query<{ id: string; durationMs: number | null }>(
    Prisma.sql`SELECT id, (audio->>'durationMs')::int AS "durationMs" FROM "File"
      WHERE "cutId" = ${cutId}::uuid AND take IS NOT NULL AND ${which} ORDER BY take DESC LIMIT 1`,
  )
  return take ?? null
}

/** A file as what is said about its sound needs it. */
export interface TakeOfCut extends Take {
  cutId: string
  /** Null for a file that is no recording. */
  take: number | null
  name: string
}

/** A file by its id. @throws problem not-found */
export async function loadTake(query: Query, fileId: string): Promise<TakeOfCut> {
  const [file] = await query<TakeOfCut>(
    Prisma.sql`SELECT id, "cutId", take, name, (audio->>'durationMs')::int AS "durationMs" FROM "File" WHERE id = ${fileId}::uuid`,
  )
  if (!file) throw problem('not-found')
  return file
}
