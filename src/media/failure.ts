import type { Failure, FailureReason } from './types.ts'

/** Thrown where a file cannot be read for a reason of the closed list. */
export class MediaFailure extends Error {
  readonly reason: FailureReason

  constructor(reason: FailureReason, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'MediaFailure'
    this.reason = reason
  }
}

const isOfSystem = (error: unknown): boolean => error instanceof Error && 'syscall' in error

/**
 * What an error of a reader or decoder says about the file.
 * @throws the error itself where it is one of the system, such as a disk that cannot be read
 */
export function failureOf(error: unknown): Failure {
  if (error instanceof MediaFailure) return { ok: false, reason: error.reason }
  if (isOfSystem(error)) throw error
  const message = error instanceof Error ? error.message : String(error)
  if (/allocation failed|out of memory|could not allocate|unable to allocate/i.test(message))
    return { ok: false, reason: 'out-of-memory' }
  if (/unsupported|not support|no decoder/i.test(message)) return { ok: false, reason: 'unsupported' }
  return { ok: false, reason: 'damaged' }
}
