import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { hashPassword } from '../features/auth/password.ts'
import { moveProject } from '../features/moving/bandmate/move.ts'
import { findPeople, makeAccounts, type People } from '../features/moving/bandmate/people.ts'
import { readProject } from '../features/moving/bandmate/project.ts'
import { findUploads, readContents, type Uploads } from '../features/moving/bandmate/recordings.ts'
import { type BandMateRow, type BandMateSource, openBandMate } from '../features/moving/bandmate/source.ts'
import { idFrom, type Misfit } from '../features/moving/bandmate/values.ts'
import { type ContentStore, openContentStore } from '../features/moving/contents.ts'
import { MovingError } from '../features/moving/export.ts'
import type { Imported } from '../features/moving/import.ts'
import { LineError } from '../features/moving/lines.ts'
import { packageVersion } from '../lib/package-version.ts'
import { listNotes, said } from './import.ts'
import { CommandError, counted, note, showProgress } from './output.ts'
import { type Store, withStore } from './store.ts'

export interface BandMateOptions {
  uploads?: string
  joinAccounts?: boolean
  dryRun?: boolean
}

/** Misfits that are listed. */
const LISTED = 100

interface Moving {
  store: Store
  contents: ContentStore
  source: BandMateSource
  people: People
  admins: ReadonlySet<string>
  uploads: () => Promise<Uploads>
  misfits: Misfit[]
  dryRun: boolean
}

const ROOM = `SELECT 1 FROM "Room" WHERE id = 'project:' || $1`

/** One project; contents are read and analysed first, unless it is here already. */
async function bring(
  { store, contents, source, people, admins, uploads, misfits, dryRun }: Moving,
  project: BandMateRow<'Project'>,
) {
  const rows = readProject(source, project, misfits)
  const isHere = (await store.query({ text: ROOM, values: [idFrom(project.id)] })).length > 0
  let [done, unit] = [0, 'files read']
  const stop = showProgress(() => ({ done, total: rows.files.length, unit }))
  try {
    const found = await readContents(rows.files, rows.files.length > 0 ? await uploads() : new Map(), {
      analyses: !dryRun && !isHere,
      misfits,
      onFile: () => done++,
    })
    const onProgress = ({ files }: { files: number }) => {
      ;[done, unit] = [files, 'files stored']
    }
    const options = { people, admins, contents: found, misfits, version: packageVersion(), dryRun, onProgress }
    return await moveProject({ ...contents, query: store.query }, rows, options)
  } finally {
    stop()
  }
}

function tell(imported: Imported): void {
  if (imported.outcome === 'invalid') {
    const [first] = imported.complaints
    throw new MovingError(`what it became does not fit: ${first?.message}`)
  }
  const { name, projectId, counts, files, head } = imported.checked
  const comments = (counts.get('comment') ?? 0) + (counts.get('reply') ?? 0)
  note(
    `“${name}” (${projectId}) ${said[imported.outcome]}: ${counted(comments, 'comment')}, ${counted(files.length, 'file')}, log at ${head}.`,
  )
}

/** All projects, one after another; one that cannot come is told, and the others do. @returns how many could not */
async function bringAll(moving: Moving): Promise<number> {
  let failed = 0
  for (const project of moving.source.read('Project', moving.misfits)) {
    try {
      tell(await bring(moving, project))
    } catch (error) {
      if (!(error instanceof MovingError || error instanceof LineError)) throw error
      failed++
      note(`“${project.name}” (${idFrom(project.id)}) did not come: ${error.message}`)
    }
  }
  return failed
}

/** People come first, all of them: projects name them. */
async function bringPeople(store: Store, people: People, dryRun: boolean): Promise<void> {
  const { accounts, newcomers } = people
  if (!dryRun) {
    const noPassword = await hashPassword(randomBytes(32).toString('base64url'))
    await store.commit(null, (write) => makeAccounts(write, newcomers, noPassword))
  }
  note(
    `People: ${newcomers.length} ${dryRun ? 'get accounts' : 'have accounts now'}, ${accounts.size - newcomers.length} had one.`,
  )
}

function report(misfits: readonly Misfit[], source: BandMateSource): void {
  if (misfits.length > 0) note(`${misfits.length} ${misfits.length === 1 ? 'thing does' : 'things do'} not fit as they are:`)
  listNotes(
    misfits.map(({ what, message }) => `${what}: ${message}`),
    LISTED,
  )
  const behind = [...source.others()].map(([table, count]) => `${table} (${count})`)
  if (behind.length > 0) note(`Tables that stay behind, with their rows: ${behind.join(', ')}.`)
}

/** `cutroom import bandmate`. @throws CommandError */
export async function importBandMate(
  file: string,
  { uploads, joinAccounts = false, dryRun = false }: BandMateOptions,
): Promise<void> {
  let found: Promise<Uploads> | undefined
  const uploadsOnce = () => (found ??= findUploads(uploads ?? join(dirname(file), 'uploads')))
  try {
    const source = await openBandMate(file)
    try {
      const failed = await withStore(async (store) => {
        const misfits: Misfit[] = []
        const users = source.read('User', misfits)
        const people = await findPeople(store.query, users, joinAccounts, misfits)
        const admins = new Set(
          users.filter(({ role }) => role === 'ADMIN').flatMap(({ id }) => people.accounts.get(id)?.id ?? []),
        )
        await bringPeople(store, people, dryRun)
        const contents = openContentStore(store.config, store, (error) => note(`An object stays for now: ${String(error)}`))
        try {
          return await bringAll({ store, contents, source, people, admins, uploads: uploadsOnce, misfits, dryRun })
        } finally {
          await contents.close()
          report(misfits, source)
        }
      })
      if (failed > 0) throw new CommandError(`${failed} ${failed === 1 ? 'project' : 'projects'} did not come`)
    } finally {
      source.close()
    }
  } catch (error) {
    throw error instanceof MovingError ? new CommandError(error.message) : error
  }
}
