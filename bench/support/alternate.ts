/**
 * Measures several subjects in turn, A B A B …: what else the machine does falls on all of them alike. Every second round runs
 * the other way round, so that none always follows the same one.
 * @param warmUp runs once for each, before anything counts
 * @returns what `measure` said, round by round, for each subject
 */
export async function alternate<S, M>(
  subjects: readonly S[],
  options: {
    rounds: number
    warmUp: (subject: S) => Promise<unknown>
    measure: (subject: S, round: number) => Promise<M>
    /** Told before each step how much of all is done, 0 to 1. */
    progress?: (share: number, subject: S) => void
  },
): Promise<Map<S, M[]>> {
  const { rounds, warmUp, measure, progress } = options
  const steps = subjects.length * (rounds + 1)
  let step = 0
  const found = new Map<S, M[]>(subjects.map((subject) => [subject, []]))
  for (const subject of subjects) {
    progress?.(step++ / steps, subject)
    await warmUp(subject)
  }
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? subjects : subjects.toReversed()
    for (const subject of order) {
      progress?.(step++ / steps, subject)
      found.get(subject)?.push(await measure(subject, round))
    }
  }
  return found
}
