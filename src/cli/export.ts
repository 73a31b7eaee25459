import { mkdtemp, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { exportProject, MovingError, projectIdOf } from '../features/moving/export.ts'
import { packageVersion } from '../lib/package-version.ts'
import { openStorage } from '../ports/storage/open-storage.ts'
import { CommandError, counted, note, showProgress } from './output.ts'
import { withStore } from './store.ts'

/** Lines that an export will have, about: rows that are many, and the log. And what it will not have. */
const EXPECTED = `SELECT (SELECT count(*) FROM "Comment" WHERE "projectId" = $1::uuid)::int
  + (SELECT head - floor FROM "Room" WHERE id = 'project:' || $1)::int AS lines,
  (SELECT count(DISTINCT sha256) FROM "File" WHERE "projectId" = $1::uuid)::int AS files,
  (SELECT count(*) FROM "Webhook" WHERE "projectId" = $1::uuid)::int AS webhooks`

/** A folder beside the one that is asked for, on the same disk; it is gone at the end. */
async function inDraft<T>(folder: string, work: (draft: string) => Promise<T>): Promise<T> {
  const draft = await mkdtemp(join(dirname(resolve(folder)), '.cutroom-export-'))
  try {
    return await work(draft)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** `cutroom export`. @throws CommandError */
export async function exportTo(
  project: string,
  given: string | undefined,
  { dryRun = false }: { dryRun?: boolean },
): Promise<void> {
  const projectId = projectIdOf(project)
  if (projectId === null) throw new CommandError(`There is no project ${project}`)
  const folder = given ?? `cutroom-${projectId}`
  const written = await withStore(async ({ config, query, begin }) => {
    const storage = openStorage(config)
    const [expected] = await query<{ lines: number | null; files: number; webhooks: number }>({
      text: EXPECTED,
      values: [projectId],
    })
    const total = (expected?.lines ?? 0) + (expected?.files ?? 0)
    let done = 0
    const stop = showProgress(() => ({ done: Math.min(done, total), total, unit: 'lines and files' }))
    const write = (to: string) =>
      exportProject({ begin }, storage, {
        projectId,
        folder: to,
        version: packageVersion(),
        onProgress: ({ lines, files }) => {
          done = lines + files
        },
      })
    try {
      return { ...(await (dryRun ? inDraft(folder, write) : write(folder))), webhooks: expected?.webhooks ?? 0 }
    } catch (error) {
      if (error instanceof MovingError) throw new CommandError(error.message)
      throw error
    } finally {
      stop()
      await storage.close()
    }
  })
  const what = `${counted(written.lines, 'line')} and ${counted(written.files, 'file')}`
  if (written.webhooks > 0) note(`Webhooks stay behind (${written.webhooks}): make them anew there, with new secrets.`)
  if (dryRun) return note(`It would have ${what}. Nothing was kept.`)
  const { size } = await stat(join(folder, 'project.ndjson'))
  note(`Written to ${folder}: ${what}; ${(size / 1024 ** 2).toFixed(1)} MiB of lines.`)
}
