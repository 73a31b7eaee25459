import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { File, Project } from '@cutroom/contract'
import type pg from 'pg'
import { beginUpload, bytesOf, download, sendFile, sha256, tus, zipOf } from './files.ts'
import type { Person } from './people.ts'
import { until } from './until.ts'

/** A server that is killed and comes back at the same address, with the same DATA_DIR. */
export interface Mortal {
  url: string
  /** SIGKILL, and gone. */
  kill(): Promise<void>
  start(): Promise<void>
}

interface Options {
  server: Mortal
  db: pg.Pool
  dataDir: string
  person: Person
  project: Project
  cutId: string
  kills: number
  /** 0 to 1. */
  random: () => number
  onKill?: (done: number) => void
}

const PIECE = 150_000
const sizeOf = (random: () => number) => 200_000 + Math.floor(random() * 1_500_000)
/** No answer: the server died. */
const quietly = <T>(work: Promise<T>): Promise<T | null> => work.catch(() => null)

/** Goes on with an upload in parts until it is a file. @returns its id, or null where it must be begun anew */
async function goOn(server: Mortal, person: Person, path: string, bytes: Buffer): Promise<string> {
  for (;;) {
    const head = await quietly(tus(server, person, 'HEAD', path))
    const known = head?.headers.get('cutroom-file')
    if (known) return known
    if (head?.status !== 200) {
      await new Promise((next) => setTimeout(next, 30))
      continue
    }
    const at = Number(head.headers.get('upload-offset'))
    const sent = await quietly(tus(server, person, 'PATCH', path, { 'upload-offset': `${at}` }, bytes.subarray(at, at + PIECE)))
    const made = sent?.headers.get('cutroom-file')
    if (made) return made
  }
}

/** Files of a folder and below. */
const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name)

/** Lets the sweeps find what is left, as they would an hour or a day later. */
async function sweep({ server, db, dataDir }: Options): Promise<void> {
  const uploads = join(dataDir, 'uploads')
  await db.query(`UPDATE "StoredObject" SET "createdAt" = now() - interval '2 hours' WHERE "fileId" IS NULL`)
  await db.query(`UPDATE "Upload" SET "expiresAt" = now() - interval '1 second'`)
  const past = new Date(Date.now() - 2 * 3_600_000)
  for (const name of await readdir(uploads)) await utimes(join(uploads, name), past, past)
  await db.query(`UPDATE "Due" SET at = now() WHERE consumer = 'objects'`)
  // At its start a node sweeps its own disk.
  await server.kill()
  await server.start()
}

/**
 * Uploads in one form and in parts while the server is killed again and again, at any moment of them.
 * @returns what must be empty: each fault that was found
 */
export async function uploadThroughKills(
  options: Options,
): Promise<{ acknowledged: number; unanswered: number; faults: string[] }> {
  const { server, db, dataDir, person, project, cutId, kills, random, onKill } = options
  const faults: string[] = []
  const bytesBy = new Map<string, Buffer>()
  const acknowledged = new Map<string, string>()
  let unanswered = 0
  const make = () => {
    const bytes = zipOf(sizeOf(random))
    bytesBy.set(sha256(bytes), bytes)
    return bytes
  }
  // How long one takes here, so that kills fall into each step of it.
  const from = performance.now()
  await sendFile(server, person, cutId, make())
  const span = (performance.now() - from) * 1.5

  for (let kill = 0; kill < kills; kill++) {
    const [whole, parts] = [make(), make()]
    const path = await beginUpload(server, person, parts.length, { cutId, filename: `${kill}.zip` })
    const form = quietly(sendFile(server, person, cutId, whole)).then((answer) => {
      if (answer?.status === 201) acknowledged.set(answer.body.id, sha256(whole))
      else unanswered++
    })
    const resumed = goOn(server, person, path, parts).then((id) => acknowledged.set(id, sha256(parts)))
    await new Promise((next) => setTimeout(next, random() * span))
    await server.kill()
    await server.start()
    await Promise.all([form, resumed])
    onKill?.(kill + 1)
  }

  const { rows } = await db.query<{ id: string; sha256: string; objectKey: string }>(
    'SELECT id, sha256, "objectKey" FROM "File" WHERE "projectId" = $1',
    [project.id],
  )
  for (const [id, hash] of acknowledged)
    if (!rows.some((row) => row.id === id && row.sha256 === hash)) faults.push(`${id} was acknowledged, and is not there`)
  if (new Set(rows.map((row) => row.sha256)).size !== rows.length) faults.push('one upload became two files')
  for (const row of rows) {
    const answer = await download(server, person, row.id)
    const bytes = await bytesOf(answer)
    if (answer.status !== 200 || !bytesBy.get(row.sha256)?.equals(bytes))
      faults.push(`${row.id} has other bytes: ${answer.status}`)
    const shown = await person.must<File>('GET', `/api/files/${row.id}`)
    if (shown.size !== bytes.length) faults.push(`${row.id} has another size`)
  }
  await sweep(options)
  await until('nothing is left without a file', async () => {
    const orphans = await db.query('SELECT 1 FROM "StoredObject" WHERE "fileId" IS NULL')
    return orphans.rows.length === 0 && (await filesIn(join(dataDir, 'uploads'))).length === 0
  }).catch((error: unknown) => faults.push(String(error)))
  const stored = (await filesIn(join(dataDir, 'files'))).sort()
  if (JSON.stringify(stored) !== JSON.stringify(rows.map((row) => row.objectKey).sort()))
    faults.push(`${stored.length} objects for ${rows.length} files`)
  return { acknowledged: acknowledged.size, unanswered, faults }
}
