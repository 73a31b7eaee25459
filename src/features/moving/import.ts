import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { projectRoom, userRoom } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'
import { databaseFault } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { hashPassword } from '../auth/password.ts'
import { loadProject } from '../projects/writes.ts'
import { rebuild } from '../search/build.ts'
import { type Checked, type Complaint, checkLines } from './check.ts'
import { type ContentOf, type ContentStore, checkContents, contentIn, storeContents } from './contents.ts'
import { MovingError, ROWS, UNLIMITED } from './export.ts'
import { insertBatch, insertPeople, type NumberedRow } from './insert.ts'
import { type LineType, parseLine, readLines } from './lines.ts'
import { CLAIM, CONSUMED, MAILED, ROOM, SEEN } from './statements.ts'
import { type MovedType, movedTables } from './tables.ts'

export interface ImportOptions {
  /** As an export wrote it. */
  folder: string
  /** Looks at everything, and writes nothing. */
  dryRun: boolean
  /** Where contents lie; without it in the folder, as an export has them. */
  contentOf?: ContentOf
  /** What else belongs to the project, in the transaction of its rows. */
  finish?: (write: Write) => Promise<unknown>
  /** `of`: how many files there are. */
  onProgress?: (done: { step: 'check' | 'files' | 'rows'; bytes: number; files: number; of: number }) => void
}

export type Imported =
  | { outcome: 'invalid'; complaints: Complaint[]; further: number }
  | { outcome: 'present' | 'fits' | 'imported'; checked: Checked; notes: string[] }

/** Rows, or UTF-16 units of their lines, that are inserted in one statement at most. */
const [BATCH, BATCH_UNITS] = [200, 1024 * 1024]

const STANDS = `SELECT p."createdAt", p."authorId", p."deletedAt", r.head,
    (SELECT e.id FROM "Event" e WHERE e.room = r.id AND e.seq = $2::bigint) AS "eventId"
  FROM "Room" r LEFT JOIN "Project" p ON p.id = $1::uuid WHERE r.id = 'project:' || $1`

/**
 * Is the project here already, with this history and perhaps more behind it?
 * @throws MovingError where something else has its id
 */
async function isPresent(query: Query, { projectId, createdAt, authorId, head, lastEventId }: Checked): Promise<boolean> {
  const [at] = await query<{
    createdAt: Date | null
    authorId: string | null
    deletedAt: Date | null
    head: string
    eventId: string | null
  }>({ text: STANDS, values: [projectId, head] })
  if (!at) return false
  if (at.createdAt === null || at.deletedAt !== null)
    throw new MovingError(`Project ${projectId} was on this server, and was deleted here: it is not brought back`)
  const isSame = at.createdAt.toISOString() === createdAt && at.authorId === authorId && Number(at.head) >= head
  // Retention may have taken the event here since.
  if (!isSame || (at.eventId !== null && at.eventId !== lastEventId))
    throw new MovingError(`Project ${projectId} is here with another history: nothing was changed`)
  return true
}

/** What belongs to a project that is on this server, and to none of its rows. */
async function settle(write: Write, { projectId, head, files }: Checked): Promise<void> {
  const { query, emit, tx } = write
  await query({ text: CONSUMED, values: [projectRoom(projectId), head] })
  await query({ text: SEEN, values: [projectId, head] })
  await query({ text: MAILED, values: [projectId, head] })
  const claimed = await query({ text: CLAIM, values: [projectId] })
  if (claimed.length !== files.length) throw new MovingError('Contents of files were swept before their rows came: try again')
  // Their screens show the project at once.
  const project = await loadProject(tx, projectId)
  const members = await query<{ userId: string }>({
    text: 'SELECT "userId" FROM "Member" WHERE "projectId" = $1::uuid',
    values: [projectId],
  })
  for (const { userId } of members) emit(userRoom(userId), 'project:joined', project)
  await rebuild(query)
}

interface Writing {
  path: string
  checked: Checked
  keys: ReadonlyMap<string, string>
  passwordHash: string
  onBytes: (bytes: number) => void
}

/** All rows, in the order of their lines, and the log at the positions that it had. @returns what is to be known about people */
async function writeRows(write: Write, { path, checked, keys, passwordHash, onBytes }: Writing): Promise<string[]> {
  const { projectId, head, floor } = checked
  const notes: string[] = []
  let [batch, of, units]: [NumberedRow[], LineType, number] = [[], 'header', 0]
  const flush = async () => {
    if (of === 'person') notes.push(...(await insertPeople(write, batch, passwordHash)))
    else if (Object.hasOwn(movedTables, of)) await insertBatch(write, of as MovedType, batch, { projectId, keys })
    batch = []
    units = 0
  }
  await write.query(UNLIMITED)
  await write.query({ text: ROOM, values: [projectRoom(projectId), head, floor] })
  for await (const [number, text] of readLines(path, onBytes)) {
    const { type, row } = parseLine(number, text)
    if (type !== of || batch.length === BATCH || units > BATCH_UNITS) await flush()
    of = type
    batch.push({ number, row })
    units += text.length
  }
  await flush()
  await settle(write, checked)
  return notes
}

/**
 * Brings a project as it was exported: all of it, in one transaction, or nothing.
 * @throws MovingError
 */
export async function importProject(
  store: ContentStore & { query: Query },
  { folder, dryRun, contentOf = contentIn(folder), finish, onProgress = () => {} }: ImportOptions,
): Promise<Imported> {
  const path = join(folder, ROWS)
  const done = { bytes: 0, files: 0, of: 0 }
  const onBytes = (step: 'check' | 'rows') => (bytes: number) => {
    done.bytes += bytes
    onProgress({ step, ...done })
  }
  const onFile = () => {
    done.files++
    onProgress({ step: 'files', ...done })
  }
  const found = await checkLines(path, onBytes('check'))
  if ('complaints' in found) return { outcome: 'invalid', ...found }
  const { checked } = found
  done.of = checked.files.length
  if (await isPresent(store.query, checked)) return { outcome: 'present', checked, notes: [] }
  if (dryRun) {
    const complaints = await checkContents(contentOf, checked.files, onFile)
    return complaints.length > 0 ? { outcome: 'invalid', complaints, further: 0 } : { outcome: 'fits', checked, notes: [] }
  }
  // One that no one knows: they get a new password by mail, or by `cutroom user`.
  const passwordHash = await hashPassword(randomBytes(32).toString('base64url'))
  const keys = await storeContents(store, contentOf, checked.files, onFile)
  try {
    const notes = await store.commit(null, async (write) => {
      done.bytes = 0
      const told = await writeRows(write, { path, checked, keys, passwordHash, onBytes: onBytes('rows') })
      await finish?.(write)
      return told
    })
    return { outcome: 'imported', checked, notes }
  } catch (error) {
    for (const key of keys.values()) await store.objects.discard(key)
    if (databaseFault(error) === 'unique')
      throw new MovingError(`Project ${checked.projectId} came from elsewhere at the same time: try again`)
    throw error
  }
}
