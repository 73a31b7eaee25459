import { z } from 'zod'
import { prose } from '../contract/values.ts'
import { problem } from '../errors.ts'

/** Where the page before ended: (sort key, id). @throws problem validation */
export function readCursor(
  cursor: string | undefined,
  key: z.ZodType<string> = prose(2_000),
): readonly [key: string, id: string] | null {
  if (cursor === undefined) return null
  try {
    return z.tuple([key, z.uuid()]).parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
  } catch (cause) {
    throw problem(
      'validation',
      'The cursor is not one of ours',
      { errors: [{ pointer: '/query/cursor', code: 'custom', detail: 'use nextCursor as it came' }] },
      { cause },
    )
  }
}

/**
 * One page of rows that were asked for with `take: limit + 1`.
 * @param keyOf the sort key and id of a row
 */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  keyOf: (row: Row) => readonly [key: string, id: string],
  present: (row: Row) => Item,
) {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  const more = rows.length > limit && last !== undefined
  return { data: data.map(present), nextCursor: more ? Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') : null }
}

/** Prisma's `where` for rows after (rank, id): the first condition is the one an index can begin at. */
export function afterRank(cursor: string | undefined) {
  const at = readCursor(cursor)
  return at === null ? {} : { rank: { gte: at[0] }, OR: [{ rank: { gt: at[0] } }, { id: { gt: at[1] } }] }
}

/** Prisma's `where` for rows after an id: UUIDv7 ids sort by age. */
export function afterId(cursor: string | undefined) {
  const at = readCursor(cursor)
  return at === null ? {} : { id: { gt: at[1] } }
}
