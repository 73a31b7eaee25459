import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Complaint, MAX_COMPLAINTS } from '../features/moving/check.ts'
import { openContentStore } from '../features/moving/contents.ts'
import { MovingError, ROWS } from '../features/moving/export.ts'
import { type Imported, importProject } from '../features/moving/import.ts'
import { LineError } from '../features/moving/lines.ts'
import { CommandError, counted, note, type Progress, showProgress } from './output.ts'
import { type Store, withStore } from './store.ts'

const MAX_NOTES = 20

/** A list of what people are to know, the first ones of many. */
export function listNotes(lines: readonly string[], most: number): void {
  for (const line of lines.slice(0, most)) note(`  ${line}`)
  if (lines.length > most) note(`  and ${lines.length - most} more`)
}

function complaintsOf(complaints: readonly Complaint[], further: number): CommandError {
  note('Nothing was imported:')
  listNotes(
    complaints.map(({ line, message }) => `line ${line}: ${message}`),
    MAX_COMPLAINTS,
  )
  const count = complaints.length + further
  return new CommandError(`${count} ${count === 1 ? 'line is' : 'lines are'} wrong; ${ROWS} counts them from 1`)
}

/** Imports the project of a folder into the database and the store of the configuration. @throws CommandError */
export async function importFolder(
  store: Store,
  folder: string,
  dryRun: boolean,
): Promise<Exclude<Imported, { outcome: 'invalid' }>> {
  const { config, pool, query, commit } = store
  const found = await stat(join(folder, ROWS)).catch(() => null)
  if (!found?.isFile()) throw new CommandError(`${join(folder, ROWS)} is no file: cutroom export writes one when all is there`)
  const contents = openContentStore(config, { pool, commit }, (error) => note(`An object stays for now: ${String(error)}`))
  let now: Progress = { done: 0, total: found.size, unit: 'bytes checked' }
  const units = { check: 'bytes checked', files: 'files', rows: 'bytes written' }
  const stop = showProgress(() => now)
  try {
    const imported = await importProject(
      { ...contents, query },
      {
        folder,
        dryRun,
        onProgress: ({ step, bytes, files, of }) => {
          now = { done: step === 'files' ? files : bytes, total: step === 'files' ? of : found.size, unit: units[step] }
        },
      },
    )
    if (imported.outcome === 'invalid') throw complaintsOf(imported.complaints, imported.further)
    return imported
  } catch (error) {
    if (error instanceof LineError) throw complaintsOf([{ line: error.number, message: error.message }], 0)
    throw error instanceof MovingError ? new CommandError(error.message) : error
  } finally {
    stop()
    await contents.close()
  }
}

/** What became of a project. */
export const said = {
  present: 'is here already; nothing was changed',
  fits: 'fits; nothing was changed',
  imported: 'is here now',
} as const

/** `cutroom import`. @throws CommandError */
export async function importFrom(given: string, { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  const folder = basename(given) === ROWS ? dirname(given) : given
  const { outcome, checked, notes } = await withStore((store) => importFolder(store, folder, dryRun))
  const { counts, files, head, name, projectId } = checked
  const comments = (counts.get('comment') ?? 0) + (counts.get('reply') ?? 0)
  note(
    `“${name}” (${projectId}) ${said[outcome]}: ${counted(comments, 'comment')}, ${counted(files.length, 'file')}, log at ${head}.`,
  )
  listNotes(notes, MAX_NOTES)
}
