import { timeout } from './timing.ts'

/** The order in which requests are sent: the lowest goes first. */
export const ranks = { userRoom: 0, leave: 1, join: 2, presence: 3 } as const

interface Job {
  rank: number
  /** Sends it; a join counts as running until it is removed. */
  send(): void
}

export interface PacerOptions {
  /** Steady requests per second, and how many may go at once after a pause; the server allows 20 and 100. */
  rate?: number
  burst?: number
  /** Joins that run at once. */
  joins?: number
}

export type Pacer = ReturnType<typeof createPacer>

/** How many requests may be sent now. */
function createBudget(rate: number, burst: number) {
  let allowance = burst
  let filledAt = Date.now()
  let blockedUntil = 0

  function refill(): void {
    const now = Date.now()
    // a clock may be set back
    allowance = Math.min(burst, allowance + (Math.max(now - filledAt, 0) / 1000) * rate)
    filledAt = now
  }

  return {
    /** Takes one request from it. @returns 0, or the milliseconds to wait before the next attempt */
    take(): number {
      refill()
      const wait = Math.max(blockedUntil - Date.now(), ((1 - allowance) / rate) * 1000, 0)
      if (wait === 0) allowance--
      return wait
    },
    block(ms: number): void {
      blockedUntil = Math.max(blockedUntil, Date.now() + ms)
    },
    reset(): void {
      allowance = burst
      filledAt = Date.now()
      blockedUntil = 0
    },
  }
}

/**
 * Spreads the requests of a socket over time, so that the rate limit of the server refuses none of them: by rank, then in the order
 * of asking. Only some joins run at once, since each may cause a replay and a snapshot.
 */
export function createPacer({ rate = 15, burst = 50, joins = 8 }: PacerOptions = {}) {
  const waiting = new Set<Job>()
  const joining = new Set<Job>()
  const budget = createBudget(rate, burst)
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOpen = false

  function next(): Job | undefined {
    let first: Job | undefined
    for (const job of waiting) {
      if (job.rank === ranks.join && joining.size >= joins) continue
      if (!first || job.rank < first.rank) first = job
    }
    return first
  }

  function run(): void {
    clearTimeout(timer)
    timer = undefined
    for (let job = next(); isOpen && job; job = next()) {
      const wait = budget.take()
      if (wait > 0) {
        timer = timeout(run, wait)
        return
      }
      waiting.delete(job)
      if (job.rank === ranks.join) joining.add(job)
      job.send()
    }
  }

  return {
    /** Sends as soon as it may. @returns cancels the request, or says that a join has finished */
    add(rank: number, send: () => void): () => void {
      const job: Job = { rank, send }
      waiting.add(job)
      if (isOpen && timer === undefined) run()
      return () => {
        waiting.delete(job)
        if (joining.delete(job) && timer === undefined) run()
      }
    },
    /** Calls all of a rank now: for requests that will not reach the server. */
    flush(rank: number): void {
      for (const job of [...waiting]) if (job.rank === rank && waiting.delete(job)) job.send()
    },
    /** For messages that are dropped rather than delayed: may one be sent now? */
    mayPass: (): boolean => isOpen && waiting.size === 0 && budget.take() === 0,
    /** The server asked for a pause. */
    block: budget.block,
    /** A new connection, on which nothing was sent yet. */
    open(): void {
      isOpen = true
      budget.reset()
      run()
    },
    /** The connection is lost, and the requests on it. */
    close(): void {
      isOpen = false
      clearTimeout(timer)
      timer = undefined
      waiting.clear()
      joining.clear()
    },
  }
}
