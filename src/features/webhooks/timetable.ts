const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** Waits before the second, third, … attempt, ms: ten attempts in three days. */
export const DELAYS_MS: readonly number[] = [
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
]
/** A wait grows by up to this part of it, so that what failed together does not come together. */
export const JITTER = 0.1
/** The longest `Retry-After` that is heeded: with it at each attempt the last one is still within the four days that the log is kept. */
export const MAX_RETRY_AFTER_MS = 2 * HOUR_MS
/** The least EVENT_RETENTION with webhooks, s: bodies are read from the log. */
export const LEAST_RETENTION_S = 4 * 86_400

/** What `Retry-After` asks for, ms: seconds or a date; 0 where it says nothing. */
export function retryAfterMs(value: string | undefined, now = Date.now()): number {
  if (value === undefined) return 0
  const asked = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now
  return Number.isFinite(asked) ? Math.min(Math.max(asked, 0), MAX_RETRY_AFTER_MS) : 0
}

/** When something is tried again that has failed so many times, ms from now; null: it is given up. */
export function delayAfter(attempts: number, retryAfter: string | undefined, delaysMs = DELAYS_MS): number | null {
  const delay = delaysMs[attempts - 1]
  if (delay === undefined) return null
  return Math.max(delay * (1 + Math.random() * JITTER), retryAfterMs(retryAfter))
}
