import { setTimeout as sleep } from 'node:timers/promises'
import type { SearchType } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'
import { LOWEST_ID } from '../../db/ids.ts'
import type { Job } from '../../rooms/log/consumers/consumer.ts'
import { makeDue } from '../../rooms/log/consumers/statements.ts'
import type { IndexWriter } from './index-writer.ts'
import { indexedTypes, type Source, sources } from './sources.ts'

/** The job that builds the index. */
export const SEARCH_BUILD = 'search-build'

/** Things of one step; pause after it, as a multiple of its time and at least, ms. */
const STEP = 100
const [PAUSES, LEAST_PAUSE_MS] = [2, 5]

/** What is done one after another: all things are read into the index, then what of the index is gone is removed. */
const work = [...indexedTypes.map((type) => ({ type, fills: true })), ...indexedTypes.map((type) => ({ type, fills: false }))]

// An index of another language is of no use: it is built anew.
const BEGIN = `INSERT INTO "SearchBuild" AS b (language) VALUES ($1) ON CONFLICT (id) DO UPDATE
  SET language = excluded.language, step = 0, after = NULL, "builtAt" = NULL WHERE b.language <> excluded.language`
const REBUILD = `UPDATE "SearchBuild" SET step = 0, after = NULL, "builtAt" = NULL`
const STATE = 'SELECT language, step, after, "builtAt" FROM "SearchBuild"'
const SAVE = `UPDATE "SearchBuild" SET step = $2, after = $3, "builtAt" = CASE WHEN $4 THEN now() END
  WHERE language = $1 AND step = $5 AND after IS NOT DISTINCT FROM $6::uuid AND "builtAt" IS NULL`

const pageOf = ({ id, from }: Source): string =>
  `SELECT ${id} AS id FROM ${from} WHERE ${id} > $1::uuid ORDER BY ${id} LIMIT ${STEP}`
const INDEXED = `SELECT id FROM "Search" WHERE type = $2 AND id > $1::uuid ORDER BY id LIMIT ${STEP}`

interface State {
  language: string
  step: number
  after: string | null
  builtAt: Date | null
}

/** Has what was there before the consumer built into the index, unless that is done in this language. */
export async function scheduleBuild(query: Query, language: string): Promise<void> {
  await query({ text: BEGIN, values: [language] })
  const [state] = await query<State>({ text: STATE, values: [] })
  if (state && state.builtAt === null) await query(makeDue(SEARCH_BUILD, { key: 'all', at: new Date(), payload: {} }))
}

/** Has the whole index built again, on the node that leads. @returns false where there is none: no server has been started yet */
export async function rebuild(query: Query): Promise<boolean> {
  const [state] = await query<State>({ text: `${REBUILD} RETURNING language`, values: [] })
  if (state) await query(makeDue(SEARCH_BUILD, { key: 'all', at: new Date(), payload: {} }))
  return state !== undefined
}

/**
 * Builds the index from the tables, little by little, beside the consumer: for what was there before it, and for an index that was made
 * for another language or is in doubt. It goes on where it was interrupted.
 */
export function searchBuildJob(query: Query, writer: IndexWriter, onBuilt: (things: number) => void): Job {
  async function page(type: SearchType, fills: boolean, after: string): Promise<string[]> {
    const statement = fills ? { text: pageOf(sources[type]), values: [after] } : { text: INDEXED, values: [after, type] }
    return (await query<{ id: string }>(statement)).map(({ id }) => id)
  }

  /** Does the next step. @returns how many things it had, null when all is done */
  async function next({ language, step, after }: State): Promise<number | null> {
    const part = work[step]
    if (!part) return null
    if (step === 0 && after === null) await writer.forgetWords()
    const ids = await page(part.type, part.fills, after ?? LOWEST_ID)
    if (ids.length > 0) await (part.fills ? writer.rebuild(part.type, ids) : writer.sweep(part.type, ids))
    const isOver = ids.length < STEP
    const to = isOver ? [step + 1, null] : [step, ids.at(-1)]
    // Where it was begun anew in the meantime, this changes nothing.
    await query({ text: SAVE, values: [language, ...to, step + 1 === work.length && isOver, step, after] })
    return part.fills ? ids.length : 0
  }

  return {
    name: SEARCH_BUILD,
    async run({ signal }) {
      for (let things = 0; ; ) {
        signal.throwIfAborted()
        const from = performance.now()
        const [state] = await query<State>({ text: STATE, values: [] })
        const count = state && state.builtAt === null ? await next(state) : null
        if (count === null) {
          if (things > 0) onBuilt(things)
          return undefined
        }
        things += count
        const ms = Math.max(LEAST_PAUSE_MS, PAUSES * (performance.now() - from))
        await sleep(ms, undefined, { signal, ref: false })
      }
    },
  }
}
