import type { Database } from '../db/client.ts'
import type { Job } from '../rooms/log/consumers/consumer.ts'
import { type ProjectTable, purgeRows, STEP, statements } from './retention.ts'
import { inSteps, type Steps } from './steps.ts'

export interface PurgeOptions {
  pool: Database['pool']
  /** The tables with rows of projects, what others refer to first. */
  tables: readonly ProjectTable[]
  onPurged: (projects: number) => void
}

/** Rounds over all deleted projects, which find what a program without jobs has deleted. */
const EVERY_MS = 300_000

/** Removes the rows of one deleted project. @returns how many projects are gone: it, or none */
async function purgeOne({ step }: Steps, rowsOfProject: readonly string[], id: string): Promise<number> {
  for (const text of rowsOfProject) for (let count = STEP; count === STEP; ) ({ count } = await step(text, [id]))
  return (await step(statements.project, [id])).count
}

/** Removes the rows of all deleted projects. @returns how many projects are gone */
async function purgeAll(steps: Steps, rowsOfProject: readonly string[]): Promise<number> {
  for (let gone = 0; ; ) {
    const { rows } = await steps.query<{ id: string }>(statements.deletedProjects)
    if (rows.length === 0) return gone
    for (const { id } of rows) gone += await purgeOne(steps, rowsOfProject, id)
  }
}

/**
 * Removes the rows of deleted projects little by little: a project of any size is deleted at once for those who see it, and costs
 * others little. The key of a row of work is the project; what a crash leaves of it stays due.
 */
export function purgeJob({ pool, tables, onPurged }: PurgeOptions): Job {
  // What refers to others goes first: then nothing takes others along. The project itself goes last.
  const rowsOfProject = tables
    .filter(({ name }) => name !== 'Project')
    .reverse()
    .map(purgeRows)
  return {
    name: 'purge',
    every: { firstMs: EVERY_MS, everyMs: EVERY_MS },
    async run({ key, signal }) {
      const gone = await inSteps(pool, signal, (steps) =>
        key === '' ? purgeAll(steps, rowsOfProject) : purgeOne(steps, rowsOfProject, key),
      )
      if (gone > 0) onPurged(gone)
      return undefined
    },
  }
}
