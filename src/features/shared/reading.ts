import type { Person } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'

/** A page at most, bytes of JSON. */
export const PAGE_BYTES = 1024 * 1024
/** What a row adds to its texts, bytes: names of fields, ids, times. */
export const ROW_BYTES = 500
/** JSON writes a byte of text in six at most. */
const WORST_ESCAPE = 6

type People<R> = { [K in keyof R]-?: R[K] extends Person | null ? K : never }[keyof R] & string

/** How the rows of a noun become entities. */
export interface Reading<R, Item> {
  columns: readonly Exclude<keyof R & string, People<R>>[]
  /** By field: the column with the person's id. */
  people: Record<People<R>, string>
  /** The columns that may be long. */
  texts: readonly string[]
  /** Where a list has rows `t` of another table: the join that brings these. */
  join?: { alias: string; sql: string }
  present: (row: R) => Item
}

/** A row as Postgres answers it. */
export type Row = Record<string, unknown>

/** A reading with its SQL, in which `t` is the row of the list. */
export interface Readable<Item> {
  columns: Prisma.Sql
  joins: Prisma.Sql
  /** Bytes of a row, known without reading its long columns. */
  size: Prisma.Sql
  present: (row: Row) => Item
}

/** Prepares a reading; the names in it are names of the schema. */
export function readable<R, Item>({ columns, people, texts, join, present }: Reading<R, Item>): Readable<Item> {
  const alias = join?.alias ?? 't'
  const own = (names: readonly string[]) => names.map((name) => `${alias}."${name}"`)
  const fields = Object.keys(people)
  const ofPeople = (make: (field: string, column: string) => string[]) =>
    Object.entries<string>(people).flatMap(([field, column]) => make(`"${field}"`, column))
  const drawn = fields.flatMap((field) => ['id', 'name', 'avatarUrl'].map((name) => `"${field}"."${name}" AS "${field}.${name}"`))
  const lengths = [
    ...own(texts).map((text) => `${text}::text`),
    ...ofPeople((field) => [`${field}.name`, `${field}."avatarUrl"`]),
  ]
  // LIMIT keeps the planner from reading all people for a page of rows.
  const lookups = ofPeople((field, column) => [
    `LEFT JOIN LATERAL (SELECT id, name, "avatarUrl" FROM "User" WHERE id = ${alias}."${column}" LIMIT 1) ${field} ON true`,
  ])
  return {
    columns: Prisma.raw([...own(columns), ...drawn].join(', ')),
    joins: Prisma.raw([join?.sql ?? '', ...lookups].join(' ')),
    size: Prisma.raw([`${ROW_BYTES}`, ...lengths.map((text) => `coalesce(octet_length(${text}), 0)`)].join(' + ')),
    present(row) {
      for (const field of fields) {
        const id = row[`${field}.id`]
        row[field] = id === null ? null : { id, name: row[`${field}.name`], avatarUrl: row[`${field}.avatarUrl`] }
      }
      return present(row as R)
    },
  }
}

/** The rows of a list from a place on. `rows` selects them as `t`, without their order. */
export interface Selection {
  rows: Prisma.Sql
  /** Columns of the order, the last one unique. */
  order: Prisma.Sql
  /** Rows and bytes at most. */
  limit: number
  bytes: number
  /** How many are read however large they are. */
  least?: 0 | 1
}

/** How many of these fit into so many bytes of JSON, with commas between them. */
function countFitting(items: unknown[], bytes: number): number {
  let sum = 0
  for (const [n, item] of items.entries()) {
    sum += Buffer.byteLength(JSON.stringify(item)) + 1
    if (sum > bytes) return n
  }
  return items.length
}

/**
 * Reads a part of a list, as much of it as fits. Sizes are added up before a long column is read; what escaping adds in JSON is
 * weighed afterwards.
 */
export async function readPart<Item>(
  query: Query,
  { columns, joins, size, present }: Readable<Item>,
  { rows, order, limit, bytes, least = 1 }: Selection,
): Promise<{ rows: Row[]; items: Item[]; more: boolean }> {
  const found = await query<Row>(Prisma.sql`
    SELECT * FROM (
      SELECT ${columns}, row_number() OVER w AS n, sum(${size}) OVER w AS total, count(*) OVER () AS found
      FROM (SELECT t.* FROM ${rows} ORDER BY ${order} LIMIT ${limit + 1}) t ${joins}
      WINDOW w AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)
    ) page WHERE n <= ${limit} AND (n = 1 OR total <= ${bytes}) ORDER BY n`)
  const items = found.map(present)
  const mayBeOver = Number(found.at(-1)?.total ?? 0) * WORST_ESCAPE > bytes
  const fit = mayBeOver ? Math.max(Math.min(least, items.length), countFitting(items, bytes)) : items.length
  return { rows: found.slice(0, fit), items: items.slice(0, fit), more: fit < Number(found[0]?.found ?? 0) }
}
