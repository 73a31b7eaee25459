import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing'
import { Prisma, type Query, type RankedTable } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Reranked, Write } from '../../rooms/log/commit.ts'

/** No rank is longer, characters. */
const LONGEST = 200
/** Ranks up to here are never rewritten, so that what stands between two of them fits in a little more than that, however many. */
export const SHORT = 100
/** Items in one event. */
const MOST_ITEMS = 1_000

/**
 * A rank between two others (null: no neighbour on that side). The choice inside the gap is random, so that two who
 * aim at one gap at once land on two places; a unique index catches the rest, and `commit` tries again.
 */
export function rankBetween(before: string | null, after: string | null): string {
  let low = before
  let high = after ?? wholeAfter(wholeAfter(before))
  for (let bits = 0; bits < 16; bits++) {
    const middle = generateKeyBetween(low, high)
    if (Math.random() < 0.5) low = middle
    else high = middle
  }
  return generateKeyBetween(low, high)
}

/** The next whole step, which is short whatever stands before it. */
const wholeAfter = (rank: string | null): string => generateKeyBetween(rank, null)

/** Behind everything: between the next two whole steps, so that adding at the end does not make ranks longer. */
const rankBehind = (last: string | null): string => rankBetween(wholeAfter(last), wholeAfter(wholeAfter(last)))

/** A list that people order: the table, and the rows of it that are one list. */
export interface List {
  table: RankedTable
  where: Prisma.Sql
  /** Unique among all lists. */
  name: string
}

interface Item {
  id: string
  rank: string
}

const select = (query: Query, { table, where }: List, condition: Prisma.Sql) =>
  query<Item>(Prisma.sql`SELECT id, rank FROM ${Prisma.raw(`"${table}"`)} WHERE ${where} AND ${condition}`)

async function lastOf(query: Query, list: List): Promise<string | null> {
  const [last] = await select(query, list, Prisma.sql`true ORDER BY rank DESC LIMIT 1`)
  return last?.rank ?? null
}

/** A rank behind everything in the list. */
export const lastRank = async (query: Query, list: List): Promise<string> => rankBehind(await lastOf(query, list))

/** Does the item stand in the list already, right after this sibling (null: in the first place)? */
export async function standsAfter(query: Query, list: List, item: string, after: string | null): Promise<boolean> {
  const [own] = await select(query, list, Prisma.sql`id = ${item}::uuid`)
  if (!own) return false
  const [sibling] = await select(query, list, Prisma.sql`rank < ${own.rank} ORDER BY rank DESC LIMIT 1`)
  return (sibling?.id ?? null) === after
}

/**
 * Lets moves into this list wait for each other until the commit, for ranks that are rewritten mean nothing to a move that has seen
 * the old ones. Comes before the lock on the row that moves: a rewrite waits for rows.
 */
export const lockOrder = ({ assert }: Pick<Write, 'assert'>, { name }: List): void =>
  assert(Prisma.sql`SELECT pg_advisory_xact_lock(hashtextextended(${`order ${name}`}, 0))`)

/**
 * The rank right after a sibling (null: the first place) for an item of the list, or one that comes into it. Where it would be too
 * long, neighbours get new ranks first. The caller holds the order.
 * @param reranked adds the event for up to 1,000 items with new ranks
 * @throws problem validation when `after` is not another item of the list
 */
export async function rankAfter(
  write: Pick<Write, 'query' | 'rerank'>,
  list: List,
  item: string,
  after: string | null,
  reranked: (items: Reranked[], updatedAt: string) => void,
): Promise<string> {
  const { query } = write
  const [sibling] = after === null || after === item ? [] : await select(query, list, Prisma.sql`id = ${after}::uuid`)
  if (after !== null && sibling === undefined)
    throw problem('validation', undefined, {
      errors: [{ pointer: '/after', code: 'unknown', detail: 'is not another item of that list' }],
    })
  const before = sibling?.rank ?? null
  const above = before === null ? Prisma.sql`true` : Prisma.sql`rank > ${before}`
  const [next] = await select(query, list, Prisma.sql`id <> ${item}::uuid AND ${above} ORDER BY rank LIMIT 1`)
  const rank = next ? rankBetween(before, next.rank) : rankBehind(before)
  if (rank.length <= LONGEST) return rank

  const window = await makeRoom(query, list, item, before)
  const updatedAt = new Date()
  const changed = await write.rerank(list.table, window.items, updatedAt)
  for (let from = 0; from < changed.length; from += MOST_ITEMS)
    reranked(changed.slice(from, from + MOST_ITEMS), updatedAt.toISOString())
  return window.rank
}

/** New ranks for the items around the gap behind `before`, as far as the next short ranks, and a rank for the gap. */
async function makeRoom(query: Query, list: List, item: string, before: string | null) {
  const short = Prisma.sql`id <> ${item}::uuid AND length(rank) <= ${SHORT}`
  const up = before === null ? Prisma.sql`true` : Prisma.sql`rank > ${before}`
  const [below] =
    before === null ? [] : await select(query, list, Prisma.sql`${short} AND rank <= ${before} ORDER BY rank DESC LIMIT 1`)
  const [above] = await select(query, list, Prisma.sql`${short} AND ${up} ORDER BY rank LIMIT 1`)
  // At the end the room ends before the place where an item that is created now would stand.
  const [low, high] = [below?.rank ?? null, above?.rank ?? wholeAfter(await lastOf(query, list))]
  const beyond = low === null ? Prisma.sql`true` : Prisma.sql`rank > ${low}`
  const between = await select(query, list, Prisma.sql`${beyond} AND rank < ${high} ORDER BY rank`)
  const others = between.filter(({ id }) => id !== item)
  const ranks = spread(low, high, new Set(between.map(({ rank }) => rank)), others.length + 1)
  const [rank = ''] = ranks.splice(before === null ? 0 : others.filter((other) => other.rank <= before).length, 1)
  return { rank, items: others.map(({ id, rank: was }, n) => ({ id, was, rank: ranks[n] ?? '' })) }
}

/** So many ranks between two, evenly, none of which is taken: rows get them one after the other. */
function spread(low: string | null, high: string, taken: ReadonlySet<string>, count: number): string[] {
  const ranks = generateNKeysBetween(low, high, count)
  return ranks.map((rank, n) => {
    let free = rank
    while (taken.has(free)) free = rankBetween(rank, ranks[n + 1] ?? high)
    return free
  })
}
