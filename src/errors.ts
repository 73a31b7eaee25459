import { type Problem, type ProblemCode, problems } from '@cutroom/contract'
import type { z } from 'zod'

type Extra = Pick<Problem, 'errors' | 'current' | 'retryAfter'>

/** A problem of the closed list, thrown. */
export class ProblemError extends Error {
  readonly code: ProblemCode
  readonly status: number
  readonly extra: Extra

  constructor(code: ProblemCode, detail?: string, extra: Extra = {}, options?: ErrorOptions) {
    super(detail ?? problems[code].title, options)
    this.name = 'ProblemError'
    this.code = code
    this.status = problems[code].status
    this.extra = extra
  }
}

/** `throw problem('not-found')`; `detail` is for people, `extra` carries what the code promises. */
export const problem = (code: ProblemCode, detail?: string, extra?: Extra, options?: ErrorOptions): ProblemError =>
  new ProblemError(code, detail, extra, options)

/** The wire form of a problem, RFC 9457. */
export function toWire(error: ProblemError, requestId?: string): Problem {
  const { title, status } = problems[error.code]
  return {
    type: `urn:cutroom:problem:${error.code}`,
    title,
    status,
    ...(error.message !== title && { detail: error.message }),
    code: error.code,
    ...(requestId !== undefined && { requestId }),
    ...error.extra,
  }
}

/** Names and words of the caller come back in an answer, but not at any length. */
const clip = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

/** The zod issues of one value as problem `errors`; `root` is the JSON pointer of that value in the request. */
export const issuesOf = (issues: readonly z.core.$ZodIssue[], root = ''): NonNullable<Problem['errors']> =>
  issues.slice(0, 20).map((issue) => ({
    pointer: clip(root + issue.path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')),
    code: issue.code ?? 'invalid',
    detail: clip(issue.message),
  }))

/** What the database said, in the few words that matter here; null for anything else. */
export type DatabaseFault = 'serialization' | 'unique' | 'foreign-key' | 'assumption' | 'superseded' | 'unavailable'

const bySqlState = (code: string): DatabaseFault | null => {
  if (code === '40001' || code === '40P01') return 'serialization'
  if (code === '23505') return 'unique'
  if (code === '23503') return 'foreign-key'
  // Raised by assert_holds: an assumption of the write does not hold (access/scope-cache.ts).
  if (code === 'CR001') return 'assumption'
  // Raised by assert_current: another leader was there before (rooms/log/consumers).
  if (code === 'CR002') return 'superseded'
  // 08 connection (08P01 is a mistake of ours), 53 resources, 57 cancelled by a timeout or an operator, shut down, idle for too long
  if (/^(08(?!P01)|53|57014$|57P0)/.test(code)) return 'unavailable'
  // 25006 read-only: a standby, for the moment; 25P03 and 25P04 a transaction that stood or lasted too long; 55P03 no lock in time
  if (/^(25006|25P03|25P04|55P03)$/.test(code)) return 'unavailable'
  return null
}
const byName: Record<string, DatabaseFault> = {
  P2034: 'serialization',
  TransactionWriteConflict: 'serialization',
  P2002: 'unique',
  UniqueConstraintViolation: 'unique',
  P2003: 'foreign-key',
  ForeignKeyConstraintViolation: 'foreign-key',
  P1001: 'unavailable',
  P1002: 'unavailable',
  P1008: 'unavailable',
  P1017: 'unavailable',
  P2024: 'unavailable',
  P2028: 'unavailable',
  TooManyConnections: 'unavailable',
  ConnectionClosed: 'unavailable',
  DatabaseNotReachable: 'unavailable',
  SocketTimeout: 'unavailable',
  ECONNREFUSED: 'unavailable',
  ECONNRESET: 'unavailable',
  EPIPE: 'unavailable',
  ETIMEDOUT: 'unavailable',
  ENOENT: 'unavailable',
  CUTROOM_UNFIT: 'unavailable',
}
/** node-postgres gives these no code. */
const lostConnection =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable/

/** Reads a fault out of errors of pg, of the Prisma adapter and of Prisma, whichever wraps the other. */
export function databaseFault(error: unknown, depth = 0): DatabaseFault | null {
  if (typeof error !== 'object' || error === null || depth > 6) return null
  const e = error as {
    code?: unknown
    kind?: unknown
    name?: unknown
    cause?: unknown
    meta?: { driverAdapterError?: unknown }
    message?: unknown
    originalCode?: unknown
  }
  const isDatabase = depth > 0 || typeof e.code === 'string' || e.name === 'DriverAdapterError' || e.name === 'Error'
  if (!isDatabase) return null
  for (const key of [e.originalCode, e.kind, e.code]) {
    if (typeof key !== 'string') continue
    const fault = byName[key] ?? bySqlState(key)
    if (fault) return fault
  }
  return (
    databaseFault(e.cause, depth + 1) ??
    databaseFault(e.meta?.driverAdapterError, depth + 1) ??
    (typeof e.message === 'string' && lostConnection.test(e.message) ? 'unavailable' : null)
  )
}

const pointerRoots: Record<string, string> = { body: '', querystring: '/query', headers: '/headers' }

/** What zod says against one part of a request, as a problem. A strange id in a path names nothing: like any unknown id. */
export const invalid = (part: string, issues: readonly z.core.$ZodIssue[]): ProblemError =>
  part === 'params'
    ? problem('not-found')
    : problem('validation', undefined, { errors: issuesOf(issues, pointerRoots[part] ?? '') })

/** Any error → a problem. What is not ours and not the caller's becomes `internal`, with the cause kept for the log. */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  const e = error as { statusCode?: unknown; code?: unknown; message?: unknown }
  const detail = typeof e.message === 'string' ? e.message : undefined
  // Of Fastify, which says so with a status: also where a visitor hung up, with a code that a lost database has, too.
  if (typeof e.statusCode === 'number') return httpProblem(e.statusCode, e.code, detail, error)
  // Prisma's "record not found": the thing was there when access was checked, and was deleted since.
  if (e.code === 'P2025') return problem('not-found', undefined, undefined, { cause: error })
  const fault = databaseFault(error)
  if (fault === 'unavailable')
    return problem('unavailable', 'The database cannot be reached', { retryAfter: 1 }, { cause: error })
  if (fault === 'serialization') return problem('unavailable', 'Too much contention', { retryAfter: 1 })
  if (fault !== null) return problem('conflict', undefined, undefined, { cause: error })
  return problem('internal', undefined, undefined, { cause: error })
}

function httpProblem(status: number, code: unknown, detail: string | undefined, cause: unknown): ProblemError {
  // An id that is too long for one names nothing.
  if (code === 'FST_ERR_MAX_PARAM_LENGTH') return problem('not-found')
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return problem('bad-request', 'The body did not come whole')
  if (status === 413) return problem('too-large', detail)
  if (status === 415) return problem('unsupported-media-type', detail)
  if (status === 503) return problem('unavailable', detail, { retryAfter: 1 })
  if (status >= 400 && status < 500) return problem('bad-request', detail)
  return problem('internal', undefined, undefined, { cause })
}
