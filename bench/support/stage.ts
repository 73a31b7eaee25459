import type { Bench } from './scenario.ts'
import type { Running, SeedPlan, Subject, World } from './subject.ts'

export const SUBJECTS = ['cutroom', 'limit', 'article', 'feathers', 'parse'] as const
/**
 * How long a subject is asked before each round, ms: pools close connections that were idle while others had their turn, and
 * opening all of them again is not what is measured.
 */
export const REOPEN_MS = 300

/** Neither Cutroom nor the limit of its own stack. */
export const isPeer = ({ name }: Pick<Subject, 'name'>): boolean => name !== 'cutroom' && name !== 'limit'

/** A subject that runs on its own database, with people in it. */
export interface Staged {
  subject: Subject
  running: Running
  world: World
}

/**
 * Starts subjects with the same people and projects; all of them are then ready at once, idle until asked.
 * `work` gets those that came up; they end with it. A peer that does not start is left out, with a note.
 */
export async function withSubjects<T>(
  bench: Bench,
  plan: SeedPlan,
  names: readonly string[],
  work: (staged: Staged[]) => Promise<T>,
): Promise<T> {
  const postgres = await bench.postgres()
  const started: Running[] = []
  async function stage(subject: Subject): Promise<Staged | null> {
    try {
      const running = await subject.start({ postgres })
      started.push(running)
      return { subject, running, world: await running.seed(plan) }
    } catch (error) {
      if (!isPeer(subject)) throw error
      console.error(`!!! ${subject.title} did not start:`, error)
      bench.note(`${subject.title} did not start`)
      return null
    }
  }
  try {
    bench.progress(0, 'starting')
    const staged = await Promise.allSettled((await bench.subjects(...names)).map(stage))
    const failed = staged.find((one) => one.status === 'rejected')
    if (failed) throw failed.reason
    return await work(staged.flatMap((one) => (one.status === 'fulfilled' && one.value !== null ? [one.value] : [])))
  } finally {
    await Promise.all(started.map((running) => running.stop()))
  }
}
