/** A day of the calendar in UTC: `2026-11-30`. */
export type Day = string

const DAY_MS = 86_400_000
/** Days that are made up for after the server was away. */
const MOST_DAYS_BACK = 7

const dayOf = (ms: number): Day => new Date(ms).toISOString().slice(0, 10)
const startOf = (day: Day): number => Date.parse(`${day}T00:00:00.000Z`)

/** When the digests of a day are due. @param hour of the day, UTC */
export const dueOn = (day: Day, hour: number): Date => new Date(startOf(day) + hour * 3_600_000)

/** The first day whose digests are still to come. */
export function nextDay(hour: number, now = Date.now()): Day {
  const today = dayOf(now)
  return dueOn(today, hour).getTime() > now ? today : dayOf(now + DAY_MS)
}

/** The day after one whose digests were made; a long absence is not made up for day by day. */
export const dayAfter = (day: Day, now = Date.now()): Day => dayOf(Math.max(startOf(day) + DAY_MS, now - MOST_DAYS_BACK * DAY_MS))

/** Frequencies that are due on a day. */
export const frequenciesOn = (day: Day): ('daily' | 'weekly')[] =>
  new Date(startOf(day)).getUTCDay() === 1 ? ['daily', 'weekly'] : ['daily']

/** Where the first digest of a member begins, who has had none. */
export const periodBefore = (day: Day): Date => new Date(startOf(day) - (frequenciesOn(day).includes('weekly') ? 7 : 1) * DAY_MS)
