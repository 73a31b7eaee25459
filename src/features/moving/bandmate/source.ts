import { open } from 'node:fs/promises'
import * as z from 'zod'
import { MovingError } from '../export.ts'
import type { Misfit } from './values.ts'

/** A moment as Prisma keeps it in SQLite: milliseconds, or a text, which is UTC where it names no zone. */
const time = z.union([z.number(), z.bigint(), z.string()]).transform((value, context) => {
  const isText = typeof value === 'string' && !/^\d+$/.test(value)
  const at = new Date(isText ? value.replace(/^(\S+) ([\d:.]+)$/, '$1T$2Z') : Number(value))
  if (at.getTime() >= 0 && at.getUTCFullYear() <= 9999) return at
  context.addIssue({ code: 'custom', message: 'is no time' })
  return z.NEVER
})
const id = z.string().min(1).max(200)
const text = z.string()
/** Columns that not every version has, and those that may be empty. */
const maybe = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? null)
const yes = z.union([z.number(), z.bigint()]).transform(Boolean)
const number = z.union([z.number(), z.bigint().transform(Number)])
const stamps = { createdAt: time, updatedAt: time }

/** The tables of BandMate 1.4 that are read, as far as they are. */
const tables = {
  User: z.object({ id, email: text, password: maybe(text), name: text, role: text, avatarUrl: maybe(text), ...stamps }),
  Project: z.object({ id, name: text, image: maybe(text), ...stamps }),
  ProjectMember: z.object({ userId: id, projectId: id, canCreateVibes: yes }),
  Vibe: z.object({ id, projectId: id, name: text, image: maybe(text), theme: maybe(text), notes: maybe(text), ...stamps }),
  Cut: z.object({
    id,
    vibeId: id,
    name: text,
    order: number,
    lyrics: maybe(text),
    bpm: maybe(number),
    timeSignature: maybe(text),
    ...stamps,
  }),
  ManagedFile: z.object({
    id,
    cutId: id,
    uploadedById: id,
    name: maybe(text),
    filename: text,
    originalName: text,
    isPublic: yes,
    ...stamps,
  }),
  Comment: z.object({
    id,
    cutId: id,
    managedFileId: id,
    userId: id,
    parentId: maybe(id),
    content: text,
    timestamp: maybe(number),
    ...stamps,
  }),
  Activity: z.object({
    type: text,
    userId: id,
    projectId: id,
    metadata: maybe(text),
    resourceLink: maybe(text),
    createdAt: time,
  }),
  ProjectMemberDigestPreference: z.object({ userId: id, projectId: id, optedOut: yes }),
}
type Table = keyof typeof tables
export type BandMateRow<T extends Table> = z.output<(typeof tables)[T]>

/** Tables that came with later versions, or that only say more of what others have. */
const optional: readonly string[] = ['Activity', 'ProjectMemberDigestPreference']
/** What is not worth a word: logins, and Prisma's own. */
const silent: readonly string[] = ['RefreshToken', '_prisma_migrations', 'sqlite_sequence', 'ActivityRead']

export interface BandMateSource {
  /** Rows of a table; those that cannot be read are told. @param where a condition with one `?` */
  read<T extends Table>(table: T, misfits: Misfit[], where?: string, value?: string): BandMateRow<T>[]
  /** Rows of other tables, which stay behind: table → how many. */
  others(): Map<string, number>
  close(): void
}

/** Bytes of a file of SQLite that say what it is, and where the version of its journal stands. */
const [MAGIC, JOURNAL, WAL] = ['SQLite format 3\0', 18, 2]

async function assertReadable(path: string): Promise<void> {
  const head = Buffer.alloc(100)
  const file = await open(path, 'r').catch(() => null)
  const read = await file?.read(head, 0, head.length, 0).catch(() => null)
  await file?.close()
  if (!read) throw new MovingError(`${path} is no file that can be read`)
  if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new MovingError(`${path} is no database of SQLite`)
  if (head[JOURNAL] === WAL)
    throw new MovingError(
      `${path} keeps a write-ahead log. Stop BandMate and make a plain copy: sqlite3 ${path} "VACUUM INTO 'copy.db'"`,
    )
}

/**
 * Opens the database of a BandMate; nothing is written to it.
 * @throws MovingError where it is none
 */
export async function openBandMate(path: string): Promise<BandMateSource> {
  await assertReadable(path)
  // Compiled to WebAssembly: `node:sqlite` needs Node 22.
  const { default: sqlite } = await import('node-sqlite3-wasm')
  const database = new sqlite.Database(path, { readOnly: true, fileMustExist: true })
  const select = (query: string, values: string[] = []): unknown[] => {
    try {
      return database.all(query, values)
    } catch (error) {
      throw new MovingError(`${path} cannot be read: ${(error as Error).message}`)
    }
  }
  try {
    const found = new Set(
      z
        .array(z.object({ name: text }))
        .parse(select("SELECT name FROM sqlite_master WHERE type = 'table'"))
        .map(({ name }) => name),
    )
    const missing = Object.keys(tables).find((table) => !found.has(table) && !optional.includes(table))
    if (missing !== undefined) throw new MovingError(`${path} is no database of BandMate: it has no table ${missing}`)
    return {
      read(table, misfits, where = 'true', value) {
        if (!found.has(table)) return []
        const rows = select(`SELECT * FROM "${table}" WHERE ${where}`, value === undefined ? [] : [value])
        return rows.flatMap((row) => {
          const { data, error } = tables[table].safeParse(row)
          if (data) return [data as BandMateRow<typeof table>]
          const [issue] = error.issues
          const named = z.object({ id }).safeParse(row).data?.id ?? 'without an id'
          misfits.push({ what: `${table} ${named}`, message: `${issue?.path.join('/')}: ${issue?.message}; it is left out` })
          return []
        })
      },
      others() {
        const names = [...found].filter((name) => !Object.hasOwn(tables, name) && !silent.includes(name)).sort()
        const counted = names.map((name): [string, number] => {
          const [row] = z
            .array(z.object({ n: number }))
            .parse(select(`SELECT count(*) AS n FROM "${name.replaceAll('"', '""')}"`))
          return [name, row?.n ?? 0]
        })
        return new Map(counted.filter(([, count]) => count > 0))
      },
      close: () => database.close(),
    }
  } catch (error) {
    database.close()
    throw error
  }
}
