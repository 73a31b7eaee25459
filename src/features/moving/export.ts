import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import type { Database, Transaction } from '../../db/client.ts'
import { LOWEST_ID } from '../../db/ids.ts'
import { ProblemError } from '../../errors.ts'
import type { Storage } from '../../ports/storage/storage.ts'
import { bounded, READ_BYTES } from '../../rooms/log/entries.ts'
import { EPOCH } from '../../rooms/log/history.ts'
import { header } from './lines.ts'
import { type MovedType, movedTables, movedTypes } from './tables.ts'

/** What stands in the way of an export or an import, as a line for the person who runs it. */
export class MovingError extends Error {}

/** Rows in an export, and files beside them by their hash. */
export const ROWS = 'project.ndjson'
export const FILES = 'files'

/** No limit of time in this transaction: it is as long as the project is large. */
export const UNLIMITED = {
  text: `SELECT set_config(name, '0', true) FROM (VALUES ('statement_timeout'), ('transaction_timeout'),
    ('idle_in_transaction_session_timeout')) AS wanted (name) WHERE current_setting(name, true) IS NOT NULL`,
  values: [],
}
const ONE_MOMENT = { text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY', values: [] }

const ROOM = `SELECT p.name, r.head, r.floor, (SELECT count(*)::int FROM "File" f WHERE f."projectId" = p.id AND f.status = 'processing') AS processing,
  ${EPOCH} FROM "Project" p JOIN "Room" r ON r.id = 'project:' || p.id WHERE p.id = $1 AND p."deletedAt" IS NULL`

/** People that rows name, by the columns with foreign keys. */
const NAMED = `SELECT u.id, u.email, u.name, u."avatarUrl", u.version, u."createdAt", u."updatedAt" FROM "User" u WHERE u.id IN (
    SELECT "authorId" FROM "Project" WHERE id = $1
    UNION SELECT "userId" FROM "Member" WHERE "projectId" = $1
    UNION SELECT "authorId" FROM "Invitation" WHERE "projectId" = $1
    UNION SELECT unnest(ARRAY["authorId", "assigneeId"]) FROM "Task" WHERE "projectId" = $1
    UNION SELECT "authorId" FROM "Vibe" WHERE "projectId" = $1
    UNION SELECT unnest(ARRAY["authorId", "approvedById"]) FROM "Cut" WHERE "projectId" = $1
    UNION SELECT "authorId" FROM "File" WHERE "projectId" = $1
    UNION SELECT "authorId" FROM "Share" WHERE "projectId" = $1
    UNION SELECT unnest(ARRAY["authorId", "resolvedById"]) FROM "Comment" WHERE "projectId" = $1
  ) AND u.id > $2 ORDER BY u.id LIMIT 500`

/** Which rows of a table are of the project. */
const conditions: Partial<Record<MovedType, string>> = {
  project: 'id = $1::uuid',
  rendition: '"fileId" IN (SELECT id FROM "File" WHERE "projectId" = $1::uuid)',
  comment: '"projectId" = $1::uuid AND "parentId" IS NULL',
  reply: '"projectId" = $1::uuid AND "parentId" IS NOT NULL',
  event: `room = 'project:' || $1`,
}
const pageOf = (type: MovedType): string => {
  const { table, key, columns, page } = movedTables[type]
  const names = columns.map((column) => `"${column}"`).join()
  const after = type === 'event' ? '$2::bigint' : '$2::uuid'
  const rows = (what: string) => `SELECT ${what} FROM "${table}" WHERE ${conditions[type] ?? '"projectId" = $1::uuid'}
    AND "${key}" > ${after} ORDER BY "${key}" LIMIT ${page}`
  return type === 'event' ? `SELECT ${names} FROM ${bounded(rows('*'), `${READ_BYTES}`)} e ORDER BY seq` : rows(names)
}

/** Columns that Postgres answers as text, being larger than a number might be. */
const numbers: ReadonlySet<string> = new Set(['seq', 'size', 'head', 'floor'])

const plain = (name: string, value: unknown): unknown => {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return numbers.has(name) ? Number(value) : value
}
/** A row as JSON can have it. */
export const plainRow = (row: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(name, value)]))

async function* rowsOf({ query }: Transaction, text: string, key: string, projectId: string, first: string) {
  for (let after = first; ; ) {
    const rows = await query<Record<string, unknown>>({ text, values: [projectId, after] })
    for (const row of rows) yield plainRow(row)
    const last = rows.at(-1)?.[key]
    if (last === undefined) return
    after = String(last)
  }
}

/** The id that a person typed; null where it is none. */
export const projectIdOf = (typed: string): string | null => z.uuid().toLowerCase().safeParse(typed).data ?? null

export interface ExportOptions {
  projectId: string
  /** Is made. A first try that was broken off may have left something there, and is gone on with. */
  folder: string
  /** Of this program. */
  version: string
  /** Told of each line and each file. */
  onProgress?: (done: { lines: number; files: number }) => void
}

/** Files of the project, each content once. */
type Contents = Map<string, { key: string; size: number }>

async function* linesOf(transaction: Transaction, { projectId, version }: ExportOptions, contents: Contents) {
  await transaction.query(ONE_MOMENT)
  await transaction.query(UNLIMITED)
  const [room] = await transaction.query<Record<'head' | 'floor' | 'epoch', string> & { processing: number }>({
    text: ROOM,
    values: [projectId],
  })
  if (!room) throw new MovingError(`There is no project ${projectId}`)
  if (room.processing > 0)
    throw new MovingError(`Files that are still being processed: ${room.processing}. Try again when a server has done that`)
  yield header(version, room.epoch, new Date())
  yield { line: 'room', head: Number(room.head), floor: Number(room.floor) }
  for await (const row of rowsOf(transaction, NAMED, 'id', projectId, LOWEST_ID)) yield { line: 'person', ...row }
  for (const type of movedTypes) {
    const first = type === 'event' ? room.floor : LOWEST_ID
    for await (const row of rowsOf(transaction, pageOf(type), movedTables[type].key, projectId, first))
      yield { line: type, ...row }
  }
  const KEYS = 'SELECT sha256, size, "objectKey" AS key FROM "File" WHERE "projectId" = $1'
  for (const { sha256, size, key } of await transaction.query<Record<'sha256' | 'size' | 'key', string>>({
    text: KEYS,
    values: [projectId],
  }))
    contents.set(sha256, { key, size: Number(size) })
}

/** Makes what was written outlive a crash, and gives it its name. */
async function finish(draft: string, path: string): Promise<void> {
  const handle = await open(draft, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, path)
}

async function writeContent(storage: Storage, sha256: string, { key, size }: { key: string; size: number }, path: string) {
  // A name of a hash is given to whole files alone.
  const before = await stat(path).catch(() => null)
  if (before?.size === size) return
  const hash = createHash('sha256')
  const source = await storage.open(key)
  source.on('data', (chunk) => hash.update(chunk))
  await pipeline(source, createWriteStream(`${path}.part`))
  if (hash.digest('hex') !== sha256) throw new MovingError(`The store has other bytes than were uploaded: object ${key}`)
  await finish(`${path}.part`, path)
}

/**
 * Writes a project as it is at one moment into a folder: its rows and its log as lines, the content of its files beside them.
 * @returns how many
 * @throws MovingError
 */
export async function exportProject(
  { begin }: { begin: Database['begin'] },
  storage: Storage,
  options: ExportOptions,
): Promise<{ lines: number; files: number }> {
  const { folder, onProgress = () => {} } = options
  const path = join(folder, ROWS)
  if (await stat(path).catch(() => null)) throw new MovingError(`${path} exists already`)
  await mkdir(join(folder, FILES), { recursive: true })
  const contents: Contents = new Map()
  const done = { lines: 0, files: 0 }
  const transaction = await begin()
  async function* text() {
    for await (const line of linesOf(transaction, options, contents)) {
      done.lines++
      onProgress(done)
      yield `${JSON.stringify(line)}\n`
    }
    done.lines++
    yield `${JSON.stringify({ line: 'end', lines: done.lines })}\n`
  }
  try {
    await pipeline(text, createWriteStream(`${path}.part`))
  } catch (error) {
    throw await transaction.rollback(error)
  }
  await transaction.commit()
  for (const [sha256, content] of contents) {
    try {
      await writeContent(storage, sha256, content, join(folder, FILES, sha256))
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'not-found')
        throw new MovingError(`The content of a file is gone: it was deleted since, or the store lost it (${sha256}). Try again`)
      throw error
    }
    done.files++
    onProgress(done)
  }
  // The rows come last: where they have their name, all is there.
  await finish(`${path}.part`, path)
  return done
}
