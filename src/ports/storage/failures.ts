import { type ProblemError, problem } from '../../errors.ts'
import { codeOf } from '../../lib/folders.ts'

/** No space, no quota, or a file that is larger than the system allows. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Seconds after which a caller may try again. */
const RETRY_AFTER = 5

/** The store is full; what was written of the file is gone. */
export const full = (cause: unknown): ProblemError => problem('storage-full', undefined, undefined, { cause })

/** The store cannot be reached, or refuses. */
export const away = (cause: unknown): ProblemError =>
  problem('unavailable', 'The store of files cannot be reached', { retryAfter: RETRY_AFTER }, { cause })

/** What the file system says, as a problem: never as the code of the system, which a lost database has, too. */
export const ofDisk = (error: unknown): ProblemError => (FULL.has(codeOf(error)) ? full(error) : away(error))

const KEY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Keys are made by the server: another one is a fault of ours, and no path. */
export function assertKey(key: string): void {
  if (!KEY.test(key)) throw new TypeError('a key of an object must be a UUID')
}
