import { userRoom } from '@cutroom/contract'
import { databaseFault } from '../../errors.ts'
import { codeOf } from '../../lib/folders.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { MovingError } from './export.ts'
import { LineError } from './lines.ts'
import { PEOPLE, PEOPLES_ROOMS } from './statements.ts'
import { type MovedType, movedTables } from './tables.ts'

/** A row, and the line in which it stands. */
export interface NumberedRow {
  number: number
  row: Record<string, unknown>
}

/** Columns that only this server knows. */
const own: Partial<Record<MovedType, readonly string[]>> = { file: ['objectKey'], event: ['room', 'bytes'] }

/** Inserts rows that come as one JSON, and answers the keys of those for which there was room. */
const insertionOf = (write: Write, type: MovedType) => {
  const { table, key, columns } = movedTables[type]
  const names = [...columns, ...(own[type] ?? [])].map((column) => `"${column}"`).join()
  const text = `INSERT INTO "${table}" (${names}) SELECT ${names} FROM json_populate_recordset(NULL::"${table}", $1::json)
    ON CONFLICT DO NOTHING RETURNING "${key}" AS key`
  return (rows: unknown[]) => write.query<{ key: string | number }>({ text, values: [JSON.stringify(rows)] })
}

/** What a row has here besides what its line says. */
function complete(type: MovedType, row: Record<string, unknown>, projectId: string, keys: ReadonlyMap<string, string>) {
  if (type === 'file') return { ...row, objectKey: keys.get(row.id as string) }
  if (type === 'rendition') return { ...row, data: `\\x${Buffer.from(row.data as string, 'base64').toString('hex')}` }
  if (type !== 'event') return row
  return { ...row, room: `project:${projectId}`, bytes: Buffer.byteLength(JSON.stringify(row.payload)) }
}

/** Class 23 of SQLSTATE: a constraint; 22: data. What else fails is no matter of the lines. */
const isOfTheRows = (error: unknown): error is Error => /^2[23]/.test(codeOf(error)) && databaseFault(error) !== 'unique'

/**
 * Inserts rows of one table.
 * @throws LineError for a row whose id or place is taken, in this file or on this server; MovingError where the database refuses one
 */
export async function insertBatch(
  write: Write,
  type: MovedType,
  batch: readonly NumberedRow[],
  { projectId, keys }: { projectId: string; keys: ReadonlyMap<string, string> },
): Promise<void> {
  if (batch.length === 0) return
  const { key, table } = movedTables[type]
  let inserted: { key: string | number }[]
  try {
    inserted = await insertionOf(write, type)(batch.map(({ row }) => complete(type, row, projectId, keys)))
  } catch (error) {
    if (!isOfTheRows(error)) throw error
    throw new MovingError(
      `One of the lines ${batch[0]?.number} to ${batch.at(-1)?.number} does not fit ${table}: ${error.message}`,
    )
  }
  if (inserted.length === batch.length) return
  const there = new Set(inserted.map((row) => String(row.key)))
  const refused = batch.find(({ row }) => !there.has(String(row[key])))
  throw new LineError(refused?.number ?? 0, `/${key}: another row of ${table} has this id, or this place, already`)
}

/** What of a new person is looked at; without a hash of their own they get one of a password that no one knows. */
interface NewPerson {
  id: string
  email: string
  name: string
  passwordHash?: string | null
}

const FOUND = 'SELECT id, email, name FROM "User" WHERE id = ANY ($1::uuid[]) OR email = ANY ($2::text[]) FOR KEY SHARE'

/**
 * Makes accounts for people who have none here. Who is here under the same id and e-mail stays as they are.
 * @returns what is to be known
 * @throws LineError where the id or the e-mail is another person's
 */
export async function insertPeople(write: Write, batch: readonly NumberedRow[], passwordHash: string): Promise<string[]> {
  const people = batch.map(({ number, row }) => ({ number, row: row as unknown as NewPerson }))
  const found = await write.query<{ id: string; email: string; name: string }>({
    text: FOUND,
    values: [people.map(({ row }) => row.id), people.map(({ row }) => row.email)],
  })
  const byId = new Map(found.map((user) => [user.id, user]))
  const byEmail = new Map(found.map((user) => [user.email, user]))
  const fresh = people.filter(({ number, row: { id, email } }) => {
    const [same, other] = [byId.get(id), byEmail.get(email)]
    if (other && other.id !== id)
      throw new LineError(number, `/email: ${email} has an account here with another id (${other.id})`)
    if (same && same.email !== email) throw new LineError(number, '/id: an account here has it, with another e-mail')
    return !same
  })
  if (fresh.length > 0) {
    await write.query({ text: PEOPLE, values: [JSON.stringify(fresh.map(({ row }) => row)), passwordHash] })
    await write.query({ text: PEOPLES_ROOMS, values: [fresh.map(({ row }) => userRoom(row.id))] })
  }
  return fresh
    .filter(({ row }) => !row.passwordHash)
    .map(({ row }) => `${row.email} has an account here now, without a password yet`)
}
