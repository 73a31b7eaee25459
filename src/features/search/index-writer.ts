import { setImmediate as nextTick } from 'node:timers/promises'
import type { SearchType } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'
import { createWordNotes } from './near.ts'
import { type Doc, indexedTypes, type Source, sources } from './sources.ts'
import { folded } from './words.ts'

/** Things that one statement reads, and characters that are folded before others have their turn. */
const MAX_DOCS = 100
const MAX_FOLDED = 50_000
/** Rows that one statement removes. */
const MAX_REMOVED = 2_000
/** Writes the index. What it writes follows from the tables as they are: done again, or by two at once, it ends the same. */
export interface IndexWriter {
  /** Brings these things up to date; those that are gone are removed. Calls of one moment share statements. */
  refresh(docs: readonly Doc[]): Promise<void>
  /** The same, also of those whose version is in the index. */
  rebuild(type: SearchType, ids: readonly string[]): Promise<void>
  /** Removes those of these things that are gone. */
  sweep(type: SearchType, ids: readonly string[]): Promise<void>
  /** Removes things that are gone, with all that went along. */
  removeBelow(ids: readonly string[]): Promise<void>
  /** Removes all of a project. */
  removeScope(id: string): Promise<void>
  /** Forgets all near words: those that are still written come with a new build. */
  forgetWords(): Promise<void>
}

interface Row {
  id: string
  scope: string
  parent: string | null
  at: Date
  version: number
  title: string
  text: string | null
  /** When the index was built last; null: it is being built. */
  built: string | null
}

const readText = ({ id, scope, parent, at, version, title, text, from }: Source): string =>
  `SELECT ${id} AS id, ${scope} AS scope, ${parent} AS parent, ${at} AS at, ${version} AS version, ${title} AS title, ${text} AS text,
   (SELECT "builtAt"::text FROM "SearchBuild") AS built FROM ${from} WHERE ${id} = ANY($1::uuid[]) ORDER BY 1`
/** Behind the commit of what was read before: what was deleted while it was read is found here, or its event comes after this. */
const goneText = ({ id, from }: Source): string =>
  `SELECT known.id FROM unnest($1::uuid[]) AS known(id) WHERE NOT EXISTS (SELECT FROM ${from} WHERE ${id} = known.id)`

const UPSERT = `INSERT INTO "Search" AS s (type, id, scope, parent, at, version, tsv)
  SELECT $1, id, scope, parent, at, version,
    setweight(to_tsvector($2::text::regconfig, title), 'A') || setweight(to_tsvector($2::text::regconfig, body), 'B')
  FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::timestamptz[], $8::int[], $9::text[], $10::text[])
    AS n(id, scope, parent, at, version, title, body)
  ON CONFLICT (type, id) DO UPDATE SET scope = excluded.scope, parent = excluded.parent, at = excluded.at, version = excluded.version,
    tsv = excluded.tsv WHERE s.version < excluded.version OR ($3 AND s.version = excluded.version)`
// The deepest first: what is left of a round that was interrupted is still found from the top.
const BELOW = `WITH RECURSIVE below AS (
    SELECT type, id, 0 AS depth FROM "Search" WHERE type = ANY($2::text[]) AND id = ANY($1::uuid[])
    UNION SELECT s.type, s.id, 1 FROM unnest($1::uuid[]) AS top(id) JOIN "Search" s ON s.parent = top.id
    UNION SELECT s.type, s.id, b.depth + 1 FROM below b JOIN "Search" s ON s.parent = b.id AND b.depth < 8
  ), chosen AS (SELECT type, id FROM below GROUP BY type, id ORDER BY max(depth) DESC LIMIT ${MAX_REMOVED}),
  gone AS (DELETE FROM "Search" s USING chosen c WHERE s.type = c.type AND s.id = c.id RETURNING 1)
  SELECT count(*)::int AS count FROM gone`
const SCOPE = `WITH gone AS (DELETE FROM "Search" WHERE ctid = ANY (ARRAY(SELECT ctid FROM "Search" WHERE scope = $1 LIMIT ${MAX_REMOVED})) RETURNING 1)
  SELECT count(*)::int AS count FROM gone`

interface Waiting {
  docs: readonly Doc[]
  resolve: () => void
  reject: (error: unknown) => void
}

/** Lets things that are to be refreshed at one moment share statements. */
function createBatches(writeAll: (docs: readonly Doc[]) => Promise<void>): (docs: readonly Doc[]) => Promise<void> {
  const waiting: Waiting[] = []
  let running = false

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch: Waiting[] = []
      for (let count = 0; waiting[0] && (count === 0 || count + waiting[0].docs.length <= MAX_DOCS); ) {
        const next = waiting.shift() as Waiting
        count += next.docs.length
        batch.push(next)
      }
      const isDone = await writeAll(batch.flatMap(({ docs }) => docs)).then(
        () => true,
        () => false,
      )
      // One that fails fails alone.
      for (const { docs, resolve, reject } of batch) await (isDone ? Promise.resolve() : writeAll(docs)).then(resolve, reject)
    }
    running = false
  }

  return (docs) =>
    new Promise((resolve, reject) => {
      waiting.push({ docs, resolve, reject })
      if (!running) setImmediate(flush)
      running = true
    })
}

async function inRounds(query: Query, text: string, values: unknown[]): Promise<void> {
  for (let count = MAX_REMOVED; count === MAX_REMOVED; ) {
    const [row] = await query<{ count: number }>({ text, values })
    count = row?.count ?? 0
  }
}

/** @param language the text search configuration of Postgres that stems words */
export function createIndexWriter(query: Query, language: string): IndexWriter {
  const words = createWordNotes(query)

  const removeBelow = (ids: readonly string[]) => inRounds(query, BELOW, [ids, indexedTypes])
  /** With what went along: once a thing is gone from the index, what hangs below it is not found from the top any more. */
  async function sweep(type: SearchType, ids: readonly string[]): Promise<void> {
    const gone = await query<{ id: string }>({ text: goneText(sources[type]), values: [ids] })
    if (gone.length > 0) await removeBelow(gone.map(({ id }) => id))
  }

  async function write(type: SearchType, ids: readonly string[], again: boolean): Promise<void> {
    const rows = await query<Row>({ text: readText(sources[type]), values: [ids] })
    const [titles, bodies]: [string[], string[]] = [[], []]
    let length = 0
    for (const { title, text } of rows) {
      titles.push(folded(title))
      bodies.push(folded(text ?? ''))
      length += title.length + (text?.length ?? 0)
      if (length > MAX_FOLDED) {
        length = 0
        await nextTick()
      }
    }
    const column = <K extends keyof Row>(name: K) => rows.map((row) => row[name])
    const at = rows.map((row) => row.at.toISOString())
    const values = [type, language, again, column('id'), column('scope'), column('parent'), at, column('version'), titles, bodies]
    if (rows.length > 0) await query({ text: UPSERT, values })
    await sweep(type, ids)
    await words.note([...titles, ...bodies], rows[0]?.built ?? null)
  }

  async function writeAll(docs: readonly Doc[]): Promise<void> {
    for (const type of indexedTypes) {
      const ids = [...new Set(docs.flatMap((doc) => (doc.type === type ? doc.id : [])))].sort()
      for (let from = 0; from < ids.length; from += MAX_DOCS) await write(type, ids.slice(from, from + MAX_DOCS), false)
    }
  }

  return {
    refresh: createBatches(writeAll),
    rebuild: (type, ids) => write(type, ids, true),
    sweep,
    removeBelow,
    removeScope: (id) => inRounds(query, SCOPE, [id]),
    forgetWords: words.forget,
  }
}
