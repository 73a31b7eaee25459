import type { Snapshot } from '@cutroom/contract'
import { isNetworkError, retrying } from './call.ts'
import { CutroomError, problemOf } from './problem.ts'
import { addPage, type ProjectState, stateOf } from './reduce.ts'
import type { Position } from './resume-hooks.ts'
import { deadline } from './timing.ts'

/** Asks for one page of a project's snapshot. */
export type FetchPage = (cursor: string | undefined, signal: AbortSignal) => Promise<Snapshot>

/** For one page, ms: to be answered, and to be tried again while the trouble is passing. */
const PAGE_TIMEOUT_MS = 30_000
const PAGE_RETRIES_MS = 60_000
/** How often a snapshot is begun again because the log was cut between two of its pages. */
const RESTARTS = 5

/** Any failure as a problem: `unavailable` for the network, `internal` for the program. */
function problemIn(error: unknown): CutroomError {
  if (error instanceof CutroomError) return error
  if (isNetworkError(error)) return new CutroomError(problemOf('unavailable'))
  return new CutroomError(problemOf('internal', error instanceof Error ? error.message : undefined))
}

async function fetchPage(fetch: FetchPage, cursor: string | undefined, signal: AbortSignal): Promise<Snapshot> {
  const limit = deadline(PAGE_TIMEOUT_MS, signal)
  try {
    return await fetch(cursor, limit.signal)
  } catch (error) {
    if (limit.signal.aborted && !signal.aborted)
      throw new CutroomError(problemOf('unavailable', 'A page was not answered in time'))
    throw problemIn(error)
  } finally {
    limit.done()
  }
}

async function loadOnce(fetch: FetchPage, signal: AbortSignal): Promise<{ state: ProjectState; start: Position }> {
  const page = (cursor?: string) => retrying(() => fetchPage(fetch, cursor, signal), PAGE_RETRIES_MS, signal)
  const first = await page()
  const state = stateOf(first)
  for (let cursor = first.nextCursor; cursor !== null; ) {
    const next = await page(cursor)
    addPage(state, next)
    cursor = next.nextCursor
  }
  return { state, start: { epoch: first.epoch, seq: first.seq } }
}

/**
 * Loads a project page by page; of what has been read only the rows are kept.
 * @throws CutroomError
 */
export async function loadProject(fetch: FetchPage, signal: AbortSignal): Promise<{ state: ProjectState; start: Position }> {
  for (let tries = 1; ; tries++) {
    try {
      return await loadOnce(fetch, signal)
    } catch (error) {
      const isGone = error instanceof CutroomError && error.code === 'gone'
      if (!isGone || signal.aborted || tries > RESTARTS) throw problemIn(error)
    }
  }
}
