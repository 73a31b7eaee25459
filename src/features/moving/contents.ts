import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import type { Database } from '../../db/client.ts'
import { ProblemError } from '../../errors.ts'
import { createObjects, type Objects } from '../../jobs/objects.ts'
import { codeOf } from '../../lib/folders.ts'
import { sniff } from '../../media/sniff.ts'
import { openStorage } from '../../ports/storage/open-storage.ts'
import { openStaging, type StagedFile, type Staging } from '../../ports/storage/staging.ts'
import type { Commit } from '../../rooms/log/commit.ts'
import type { Complaint, MovedFile } from './check.ts'
import { FILES, MovingError } from './export.ts'
import { RENEW } from './statements.ts'

/** Where the contents of files go. */
export interface ContentStore {
  commit: Commit
  staging: Staging
  objects: Objects
  close(): Promise<void>
}

/** Opens the store of the configuration. @param onError an object could not be removed now */
export function openContentStore(
  config: Pick<Config, 'dataDir' | 's3'>,
  { pool, commit }: { pool: Database['pool']; commit: Commit },
  onError: (error: unknown) => void,
): ContentStore {
  const storage = openStorage(config)
  return {
    commit,
    staging: openStaging(config.dataDir),
    objects: createObjects({ pool, storage, onError }),
    close: () => storage.close(),
  }
}

/** Objects without a file are swept after an hour: until the rows are written, theirs begin anew this often, ms. */
const RENEW_MS = 600_000

/** Where the content of a file lies. */
export type ContentOf = (file: MovedFile) => string
/** In an export the name is a hash, so that none leads out of the folder. */
export const contentIn =
  (folder: string): ContentOf =>
  ({ sha256 }) =>
    join(folder, FILES, sha256)

/** Opens the content of a file: one that is a link is none. */
async function openContent(path: string): Promise<FileHandle> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    if ((await handle.stat()).isFile()) return handle
    await handle.close()
  } catch (error) {
    if (!['ENOENT', 'ELOOP', 'ENOTDIR'].includes(codeOf(error))) throw error
  }
  throw new MovingError(`${path} is missing, or no file`)
}

const assertSame = (size: number, sha256: string, file: MovedFile): void => {
  if (size !== file.size || sha256 !== file.sha256)
    throw new MovingError(`${FILES}/${file.sha256} has other bytes than its name and size say`)
}

/** What a file is, its content says here as in an upload. */
async function assertType(path: string, { type, kind, sha256 }: MovedFile): Promise<void> {
  const found = await sniff(path)
  if (found?.type !== type || found.kind !== kind)
    throw new MovingError(`${FILES}/${sha256} is ${found?.type ?? 'of no type that is accepted'}, not ${type}`)
}

async function checkOne(path: string, file: MovedFile): Promise<void> {
  const handle = await openContent(path)
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of handle.createReadStream()) {
    hash.update(chunk)
    size += chunk.length
    if (size > file.size) break
  }
  assertSame(size, hash.digest('hex'), file)
  await assertType(path, file)
}

/** Looks at the contents of all files. @returns what is wrong with them */
export async function checkContents(contentOf: ContentOf, files: readonly MovedFile[], onFile: () => void): Promise<Complaint[]> {
  const complaints: Complaint[] = []
  for (const file of files) {
    try {
      await checkOne(contentOf(file), file)
    } catch (error) {
      if (!(error instanceof MovingError)) throw error
      complaints.push({ line: file.line, message: error.message })
    }
    onFile()
  }
  return complaints
}

/**
 * Stores the contents of all files, which no row names yet. Where it fails nothing is left.
 * @returns the object of each file, by its id
 * @throws MovingError
 */
export async function storeContents(
  { commit, staging, objects }: ContentStore,
  contentOf: ContentOf,
  files: readonly MovedFile[],
  onFile: () => void,
): Promise<Map<string, string>> {
  const keys = new Map<string, string>()
  let renewedAt = Date.now()
  const stage = async (file: MovedFile): Promise<StagedFile> => {
    const handle = await openContent(contentOf(file))
    try {
      return await staging.write(handle.createReadStream(), { limit: file.size })
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'too-large') assertSame(-1, '', file)
      throw error
    }
  }
  try {
    for (const file of files) {
      const staged = await stage(file)
      try {
        assertSame(staged.size, staged.sha256, file)
        await assertType(staged.path, file)
        keys.set(file.id, await objects.store({ ...staged, type: file.type }))
      } finally {
        await staging.remove(staged.path)
      }
      onFile()
      if (Date.now() - renewedAt < RENEW_MS) continue
      renewedAt = Date.now()
      await commit(null, (write) => write.query({ text: RENEW, values: [[...keys.values()]] }))
    }
    return keys
  } catch (error) {
    for (const key of keys.values()) await objects.discard(key)
    throw error
  }
}
