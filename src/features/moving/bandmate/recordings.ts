import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '../../../lib/folders.ts'
import { createSemaphore } from '../../../lib/semaphore.ts'
import { createMedia, type FileKind, sniff } from '../../../media/index.ts'
import { createAnalysis, type Outcome } from '../../files/processing.ts'
import { isProcessed } from '../../files/writes.ts'
import { MovingError } from '../export.ts'
import type { BandMateRow } from './source.ts'
import type { Misfit } from './values.ts'

/** The content of a file as it lies on the disk of BandMate, and what it is. */
export interface Content {
  path: string
  size: number
  sha256: string
  type: string
  kind: FileKind
  /** What was found in it; null for what is not processed, or was not yet. */
  outcome: Outcome | null
}

/** Where contents are: the name of a file, which BandMate made of a UUID → its path. Links are not followed. */
export type Uploads = ReadonlyMap<string, string>

/** @throws MovingError where there is no such folder */
export async function findUploads(folder: string): Promise<Uploads> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return new Map(entries.filter((entry) => entry.isFile()).map(({ name, parentPath }) => [name, join(parentPath, name)]))
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error))) throw error
    throw new MovingError(`${folder} is no folder: --uploads names the one where BandMate keeps its files`)
  }
}

async function look(path: string): Promise<Content | null> {
  const found = await sniff(path)
  if (!found) return null
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  const { size } = await stat(path)
  return { path, size, sha256: hash.digest('hex'), type: found.type, kind: found.kind, outcome: null }
}

/**
 * The contents of files.
 * @param analyses reads recordings and pictures, too, as the server does with uploads; several at a time
 * @returns by the id of the file there; those that are missing, or that cannot be kept, are told
 */
export async function readContents(
  files: readonly BandMateRow<'ManagedFile'>[],
  uploads: Uploads,
  { analyses, misfits, onFile }: { analyses: boolean; misfits: Misfit[]; onFile: () => void },
): Promise<ReadonlyMap<string, Content>> {
  const width = availableParallelism()
  const media = createMedia({ parallel: width })
  const analyse = createAnalysis(media)
  const { run } = createSemaphore(width)
  const closing = new AbortController()
  const contents = new Map<string, Content>()
  const leave = (file: BandMateRow<'ManagedFile'>, message: string) =>
    misfits.push({ what: `file ${file.id} “${file.name ?? file.originalName}”`, message: `${message}; it is left out` })
  const read = async (file: BandMateRow<'ManagedFile'>) => {
    closing.signal.throwIfAborted()
    const path = uploads.get(file.filename)
    const content = path === undefined ? undefined : await look(path)
    if (content === undefined) leave(file, `${file.filename} is not among the uploads`)
    else if (content === null) leave(file, 'it is of no type that is accepted')
    else {
      const outcome = analyses && isProcessed(content.kind) ? await analyse(content, content.path, closing.signal) : null
      contents.set(file.id, { ...content, outcome })
    }
    onFile()
  }
  try {
    await Promise.all(files.map((file) => run(() => read(file))))
  } finally {
    closing.abort()
    await media.close()
  }
  return contents
}
