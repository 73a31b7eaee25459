import type { Problem, ProblemCode } from '@cutroom/contract'
import { problems } from './generated/contract.ts'

/** A problem the server answered (REST, ack or handshake), or one the client found out itself. Match on `code`. */
export class CutroomError extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.detail ?? problem.title)
    this.name = 'CutroomError'
    this.problem = problem
  }
  get status(): number {
    return this.problem.status
  }
  get code(): ProblemCode {
    return this.problem.code
  }
  /** What is wrong with one field of what was sent, by its JSON pointer (`/title`); undefined: nothing. */
  at(pointer: string): NonNullable<Problem['errors']>[number] | undefined {
    return this.problem.errors?.find((error) => error.pointer === pointer)
  }
}

/** A problem made on this side of the wire. */
export const problemOf = (code: ProblemCode, detail?: string): Problem => ({
  type: 'about:blank',
  ...problems[code],
  code,
  ...(detail === undefined ? {} : { detail }),
})

export const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  'status' in value &&
  typeof value.code === 'string' &&
  typeof value.status === 'number'

/** What a proxy or a crash answered without our words for it, put into our words. */
function codeFor(status: number): ProblemCode {
  const known = Object.entries(problems).find(([, problem]) => problem.status === status)
  if (status === 401) return 'token-invalid'
  if (status === 502 || status === 504) return 'unavailable'
  if (known) return known[0] as ProblemCode
  return status >= 500 ? 'internal' : 'bad-request'
}

/** Seconds of a Retry-After header, which has seconds or a date. */
function secondsOf(retryAfter: string | null): number {
  if (retryAfter === null) return Number.NaN
  const seconds = Number(retryAfter)
  return Number.isNaN(seconds) ? Math.max(Math.ceil((Date.parse(retryAfter) - Date.now()) / 1000), 0) : seconds
}

/** The problem in an answer; `retryAfter` (as the header has it) fills in where the body is silent. */
export function problemFrom(status: number, body: unknown, retryAfter: string | null): Problem {
  const problem: Problem = isProblem(body) ? body : { ...problemOf(codeFor(status)), status }
  const seconds = secondsOf(retryAfter)
  return problem.retryAfter === undefined && seconds >= 0 ? { ...problem, retryAfter: seconds } : problem
}
