import { hash } from 'node:crypto'
import { prose, timeInput } from '@cutroom/contract'
import { z } from 'zod'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { SHORT } from './rank.ts'
import { PAGE_BYTES, type Readable, type Row, readPart } from './reading.ts'

/** What stands around the entities of a page, its cursor above all, bytes. */
const ENVELOPE_BYTES = 10_000

export interface Asked {
  params: unknown
  query: { limit: number; cursor?: string | undefined }
  request: { routeOptions: { url?: string | undefined } }
}

/**
 * The name of the list a request reads: path, parameters and filters, without `limit` and `cursor`, which may change from page to page.
 * @param of the person whose list it is, where the path does not say it
 */
export function listOf({ params, query, request }: Asked, of = ''): string {
  const filters = Object.entries(query).filter(([name, value]) => name !== 'limit' && name !== 'cursor' && value !== undefined)
  const named = [request.routeOptions.url, of, params, filters.sort(([a], [b]) => (a < b ? -1 : 1))]
  return hash('sha256', JSON.stringify(named), 'base64url').slice(0, 12)
}

/**
 * Where the page before ended.
 * @param list the list that is read: a cursor is good for the list that gave it only
 * @throws problem validation
 */
export function readCursor<Place>(cursor: string | undefined, list: string, place: z.ZodType<Place>): Place | null {
  if (cursor === undefined) return null
  try {
    const [of, ...at] = z.array(z.unknown()).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    z.literal(list).parse(of)
    return place.parse(at)
  } catch (cause) {
    throw problem(
      'validation',
      'The cursor is not of this list',
      {
        errors: [
          { pointer: '/query/cursor', code: 'custom', detail: 'use nextCursor as it came, with the same path and filters' },
        ],
      },
      { cause },
    )
  }
}

/** The cursor for what comes after a place of a list. */
export const writeCursor = (list: string, place: readonly unknown[]): string =>
  Buffer.from(JSON.stringify([list, ...place])).toString('base64url')

/** How a list is ordered: by a column that may repeat, if any, then by one that does not. */
export interface Order {
  sort?: keyof typeof sorts
  id: keyof typeof ids
  /** Of a list that people order: where a row's rank stands. */
  table?: Prisma.Sql
  /** The highest id comes first. */
  isDescending?: true
}
export const byRank = (table: Prisma.Sql): Order => ({ sort: 'rank', id: 'id', table })
/** UUIDv7 ids sort by age. */
export const byId: Order = { id: 'id' }
export const newestFirst: Order = { id: 'id', isDescending: true }
/** Of few rows of a table, by an index of their own: in the order of ids the planner may look through all rows of the table. */
export const byAge: Order = { sort: 'createdAt', id: 'id' }

const ids = {
  id: Prisma.sql`t.id`,
  userId: Prisma.sql`t."userId"`,
  cutId: Prisma.sql`t."cutId"`,
  projectId: Prisma.sql`t."projectId"`,
}
const sorts = {
  rank: { column: Prisma.sql`t.rank`, key: prose(6_000), value: (key: string) => Prisma.sql`${key}::text` },
  createdAt: { column: Prisma.sql`t."createdAt"`, key: timeInput, value: (key: string) => Prisma.sql`${key}::timestamptz` },
}

export function columnsOf({ sort, id, isDescending }: Order): Prisma.Sql {
  if (isDescending) return Prisma.sql`${ids[id]} DESC`
  return sort ? Prisma.sql`${sorts[sort].column}, ${ids[id]}` : ids[id]
}

/** The condition for rows after a place; its first part is the one at which an index can begin. */
export function after({ sort, id, table, isDescending }: Order, at: readonly [key: string, id: string] | null): Prisma.Sql {
  if (at === null) return Prisma.sql`true`
  if (isDescending) return Prisma.sql`${ids[id]} < ${at[1]}::uuid`
  const beyond = Prisma.sql`${ids[id]} > ${at[1]}::uuid`
  if (!sort) return beyond
  const { column, value } = sorts[sort]
  // A long rank may have been rewritten since, with those behind it: then the page begins where the row is now.
  const isLasting = table === undefined || at[0].length <= SHORT
  const key = isLasting ? value(at[0]) : Prisma.sql`LEAST(${value(at[0])}, (SELECT rank FROM ${table} WHERE id = ${at[1]}::uuid))`
  return Prisma.sql`${column} >= ${key} AND (${column} > ${key} OR ${beyond})`
}

function placeOf({ sort, id }: Order, row: Row): readonly [key: string, id: string] {
  const key = sort ? row[sort] : ''
  return [key instanceof Date ? key.toISOString() : String(key), String(row[id])]
}

/**
 * One page of a list: as many entities as were asked for, fewer where they would be too many bytes.
 * @param rows selects them as `t`: a FROM with its WHERE, which begins after the page before
 * @param of the person whose list it is, where the path does not say it
 * @throws problem validation for a cursor of another list
 */
export async function readPage<Item>(
  query: Query,
  asked: Asked,
  { order, reading, rows, of }: { order: Order; reading: Readable<Item>; rows: (after: Prisma.Sql) => Prisma.Sql; of?: string },
): Promise<{ data: Item[]; nextCursor: string | null }> {
  const list = listOf(asked, of)
  const place = z.tuple([order.sort ? sorts[order.sort].key : z.literal(''), z.uuid()])
  const at = readCursor(asked.query.cursor, list, place)
  const part = await readPart(query, reading, {
    rows: rows(after(order, at)),
    order: columnsOf(order),
    limit: asked.query.limit,
    bytes: PAGE_BYTES - ENVELOPE_BYTES,
  })
  const last = part.rows.at(-1)
  const nextCursor = part.more && last ? writeCursor(list, placeOf(order, last)) : null
  return { data: part.items, nextCursor }
}
