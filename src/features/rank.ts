import { generateKeyBetween } from 'fractional-indexing'
import { Prisma, type Query } from '../db/client.ts'
import { problem } from '../errors.ts'

/**
 * A rank between two others (null: no neighbour on that side). The choice inside the gap is random, so that two who
 * aim at one gap at once land on two places; a unique index catches the rest, and `commit` tries again.
 */
export function rankBetween(before: string | null, after: string | null): string {
  let low = before
  // Beyond the last item the gap is the next whole step, so that appending does not grow the keys.
  let high = after ?? generateKeyBetween(generateKeyBetween(before, null), null)
  for (let bits = 0; bits < 16; bits++) {
    const middle = generateKeyBetween(low, high)
    if (Math.random() < 0.5) low = middle
    else high = middle
  }
  return generateKeyBetween(low, high)
}

/** A list that people order: the table, and the rows of it that are one list. */
export interface List {
  table: '"Task"' | '"Vibe"' | '"Cut"'
  where: Prisma.Sql
}

const rankWhere = async (query: Query, list: List, column: Prisma.Sql, condition: Prisma.Sql): Promise<string | null> => {
  const rows = await query<{ rank: string | null }>(
    Prisma.sql`SELECT ${column} AS rank FROM ${Prisma.raw(list.table)} WHERE ${list.where} AND ${condition}`,
  )
  return rows[0]?.rank ?? null
}
const lowest = Prisma.sql`min(rank)`

/** A rank behind everything in the list. */
export const lastRank = async (query: Query, list: List): Promise<string> =>
  rankBetween(await rankWhere(query, list, Prisma.sql`max(rank)`, Prisma.sql`true`), null)

/**
 * The rank right after a sibling (null: the first place) for an item of the list, or one that comes into it.
 * @throws problem validation when `after` is not another item of the list
 */
export async function rankAfter(query: Query, list: List, item: string, after: string | null): Promise<string> {
  const before = after === null || after === item ? null : await rankWhere(query, list, lowest, Prisma.sql`id = ${after}::uuid`)
  if (after !== null && before === null)
    throw problem('validation', undefined, {
      errors: [{ pointer: '/after', code: 'unknown', detail: 'is not another item of that list' }],
    })
  const above = before === null ? Prisma.sql`true` : Prisma.sql`rank > ${before}`
  return rankBetween(before, await rankWhere(query, list, lowest, Prisma.sql`id <> ${item}::uuid AND ${above}`))
}
