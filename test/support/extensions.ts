import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** The folder of test/fixtures/extensions: `bell` rings where a new task says. */
export const BELL = join(import.meta.dirname, '..', 'fixtures', 'extensions')

/** Title of a task that has the extension `bell` send an event of this name to a room. */
export const ring = (room: string, event = 'rung') => `Ring ${room} ${event}`

/** A folder of extensions with these files, removed when the test ends. A folder of its own each time: Node loads a module once. */
export async function extensionsOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-extensions-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [name, source] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), source)
  }
  return folder
}
