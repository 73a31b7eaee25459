import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/**
 * Makes a folder with those above it, and proves that it can be written. One at a time: Node's own `recursive` never returns where
 * the kernel says "no such folder" to a name below one that is there, as in /proc.
 * @throws the error of the system, with its `code`
 */
export function makeFolder(path: string): void {
  const missing: string[] = []
  for (let folder = resolve(path); !existsSync(folder) && folder !== dirname(folder); folder = dirname(folder))
    missing.unshift(folder)
  for (const folder of missing) {
    try {
      mkdirSync(folder)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }
  const probe = join(path, `.probe-${randomUUID()}`)
  writeFileSync(probe, '')
  rmSync(probe)
}

/** The `code` of an error of the system or of Postgres; '' where it has none. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? '')
}
