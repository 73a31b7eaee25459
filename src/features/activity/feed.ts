import { Activity, type ActivityPage, type RoomId } from '@cutroom/contract'
import { z } from 'zod'
import type { Query } from '../../db/client.ts'
import { ENTRY_COLUMNS, type EntryRow, READ_BYTES, toEntry } from '../../rooms/log/entries.ts'
import { type Asked, listOf, readCursor, writeCursor } from '../shared/paging.ts'
import { lookAfter, type Place, type Search, type Seen } from './look.ts'
import type { ActivityReader } from './serialize.ts'

/** Events that one look reads, where what is looked for is rare, and looks for one page. */
const LOOK = 600
const LOOKS = 4

const place = z.tuple([z.iso.datetime(), z.uuid(), z.int().min(0)])

/** Reads activities from the logs. */
export interface FeedReader {
  /** On connections for large reads. */
  query: Query
  activityOf: ActivityReader
  epoch: () => string
  /** How long an event stays in the log at least, in seconds; null: for ever. */
  retentionSeconds: number | null
}

interface Found {
  chosen: Seen[]
  /** Where the next page begins after; null: nothing is left. */
  next: Place | null
  read: Map<string, number>
}

/** As many events as fit on a page. */
function countFitting(matches: readonly Seen[], limit: number, bytes: number): number {
  let [n, sum] = [0, 0]
  for (const event of matches) {
    sum += event.bytes
    if (n === limit || (n > 0 && sum > bytes)) break
    n++
  }
  return n
}

/** Looks for a page of events, a limited number of times. @returns null where the project is none of the person's */
async function find(query: Query, search: Search, from: Place | null, limit: number): Promise<Found | null> {
  // Most of what happens is shown: a plain list needs little more than it shows.
  const matches: Seen[] = []
  const read = new Map<string, number>()
  for (let n = 1, before = from; ; n++) {
    const look = await lookAfter(query, search, before, search.isRare ? LOOK : 2 * limit)
    if (search.projectId !== null && look.read.size === 0) return null
    for (const [projectId, seq] of look.read) read.set(projectId, seq)
    matches.push(...look.seen.filter((event) => event.matches))
    const fit = countFitting(matches, limit, READ_BYTES)
    const chosen = matches.slice(0, fit)
    if (fit === limit || fit < matches.length) {
      const isAll = look.isEnd && fit === matches.length
      return { chosen, next: isAll ? null : (chosen.at(-1) ?? null), read }
    }
    before = look.seen.at(-1) ?? before
    if (look.isEnd || n === LOOKS) return { chosen, next: look.isEnd ? null : before, read }
  }
}

/** Reads the entries of events, in their order; those that were removed since are left out, and those that do not fit the contract. */
async function readActivities({ query, activityOf, epoch }: FeedReader, chosen: readonly Seen[]): Promise<Activity[]> {
  if (chosen.length === 0) return []
  const text = `SELECT e.room, ${ENTRY_COLUMNS} FROM "Event" e WHERE e.id = ANY($1::uuid[])`
  const rows = await query<EntryRow & { room: RoomId }>({ text, values: [chosen.map(({ id }) => id)] })
  const byId = new Map(rows.map((row) => [row.id, row]))
  return chosen.flatMap(({ id }) => {
    const row = byId.get(id)
    return row ? readable(activityOf, toEntry(row.room, epoch(), row)) : []
  })
}

/** What other programs append is not checked: an event that cannot be read is not shown. */
function readable(activityOf: ActivityReader, entry: Parameters<ActivityReader>[0]): Activity[] {
  try {
    const { success, data } = Activity.safeParse(activityOf(entry))
    return success ? [data] : []
  } catch {
    return []
  }
}

/** From when on all is kept, to the minute. */
function endOf(retentionSeconds: number | null): string | null {
  if (retentionSeconds === null) return null
  const minute = 60_000
  return new Date(Math.ceil((Date.now() - retentionSeconds * 1_000) / minute) * minute).toISOString()
}

/** One page of activities, the newest first. @returns null where the project that is named is none of the person's */
export async function readFeed(
  reader: FeedReader,
  asked: Asked & { query: { limit: number; cursor?: string | undefined } },
  search: Search,
): Promise<ActivityPage | null> {
  const list = listOf(asked, search.userId)
  const from = readCursor(asked.query.cursor, list, place)
  const before = from && { at: from[0], projectId: from[1], seq: from[2] }
  const found = await find(reader.query, search, before, asked.query.limit)
  if (!found) return null
  const { chosen, next, read } = found
  const shown = new Set([...chosen.map(({ projectId }) => projectId), ...(search.projectId === null ? [] : [search.projectId])])
  return {
    data: await readActivities(reader, chosen),
    nextCursor: next && writeCursor(list, [next.at, next.projectId, next.seq]),
    searchedTo: next?.at ?? null,
    endsAt: endOf(reader.retentionSeconds),
    read: Object.fromEntries([...read].filter(([projectId]) => shown.has(projectId))),
  }
}
