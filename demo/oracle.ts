/** One event, as the log or a listener has it. */
export interface Entry {
  seq: number
  id: string
}

export interface Verdict {
  delivered: number
  /** In the log, and never came. */
  missing: Entry[]
  /** Came a second time, or more often. */
  repeated: Entry[]
  /** Came after one with a higher seq. */
  outOfOrder: Entry[]
  /** Came, and the log knows nothing of it (or has it elsewhere). */
  unknown: Entry[]
}

/** Compares what one client got, in the order in which it came, with the log after the position they started from. */
export function compare(log: readonly Entry[], got: readonly Entry[], after: number): Verdict {
  const expected = new Map(log.filter((entry) => entry.seq > after).map((entry) => [entry.id, entry]))
  const seen = new Set<string>()
  const verdict: Verdict = { delivered: 0, missing: [], repeated: [], outOfOrder: [], unknown: [] }
  let highest = after
  for (const entry of got) {
    if (expected.get(entry.id)?.seq !== entry.seq) {
      verdict.unknown.push(entry)
      continue
    }
    if (seen.has(entry.id)) {
      verdict.repeated.push(entry)
      continue
    }
    seen.add(entry.id)
    verdict.delivered++
    if (entry.seq < highest) verdict.outOfOrder.push(entry)
    highest = Math.max(highest, entry.seq)
  }
  verdict.missing = [...expected.values()].filter((entry) => !seen.has(entry.id))
  return verdict
}

/** What is wrong with a log that should count 1, 2, 3, … */
export const holes = (log: readonly Entry[]): Entry[] => log.filter((entry, index) => entry.seq !== index + 1)

/** Whatever a stranger got that is not of their own room; `room` is missing where the frame named none. */
export const leaks = <F extends { room?: string | undefined }>(frames: readonly F[], ownRoom: string): F[] =>
  frames.filter((frame) => frame.room !== ownRoom)

/** Writes that were answered with success and stand in the log more or less often than once. */
export function misfiled(answered: readonly string[], log: readonly { mutationId?: string | undefined }[]): string[] {
  const times = new Map<string, number>()
  for (const { mutationId } of log) if (mutationId !== undefined) times.set(mutationId, (times.get(mutationId) ?? 0) + 1)
  return answered.filter((key) => times.get(key) !== 1)
}
