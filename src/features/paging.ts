import { hash } from 'node:crypto'
import { z } from 'zod'
import { prose } from '../contract/values.ts'
import { problem } from '../errors.ts'

interface Asked {
  params: unknown
  query: object
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
 * Where the page before ended: (sort key, id).
 * @param list the list that is read: a cursor is good for the list that gave it only
 * @throws problem validation
 */
export function readCursor(
  cursor: string | undefined,
  list: string,
  key: z.ZodType<string> = prose(6_000),
): readonly [key: string, id: string] | null {
  if (cursor === undefined) return null
  try {
    const [, ...at] = z.tuple([z.literal(list), key, z.uuid()]).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    return at
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

/**
 * One page of rows that were asked for with `take: limit + 1`.
 * @param list the list that is read
 * @param keyOf the sort key and id of a row
 */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  list: string,
  keyOf: (row: Row) => readonly [key: string, id: string],
  present: (row: Row) => Item,
) {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  const more = rows.length > limit && last !== undefined
  const nextCursor = more ? Buffer.from(JSON.stringify([list, ...keyOf(last)])).toString('base64url') : null
  return { data: data.map(present), nextCursor }
}

/** Prisma's `where` for rows after (rank, id): the first condition is the one an index can begin at. */
export function afterRank(cursor: string | undefined, list: string) {
  const at = readCursor(cursor, list)
  return at === null ? {} : { rank: { gte: at[0] }, OR: [{ rank: { gt: at[0] } }, { id: { gt: at[1] } }] }
}

/** Prisma's `where` for rows after an id: UUIDv7 ids sort by age. */
export function afterId(cursor: string | undefined, list: string) {
  const at = readCursor(cursor, list)
  return at === null ? {} : { id: { gt: at[1] } }
}
