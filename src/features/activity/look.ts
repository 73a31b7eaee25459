import type { RoomId } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'

/** What a person looks for in the logs of their projects. */
export interface Search {
  userId: string
  /** Only this project; null: all of theirs. */
  projectId: string | null
  /** Names of the events that are wanted. */
  actions: readonly string[]
  actorId: string | null
  unread: boolean
  dismissed: boolean
  /** Few events may be what is looked for. */
  isRare: boolean
}

/** A place in the order of activities, newest first: by time, then project, then position. */
export interface Place {
  at: string
  projectId: string
  seq: number
}

/** An event that was looked at. */
export interface Seen extends Place {
  id: string
  room: RoomId
  /** It is what is looked for. */
  matches: boolean
  /** Length of its payload. */
  bytes: number
}

/** What a look found. */
export interface Look {
  /** All events from the place on down to a place further on, in order. */
  seen: Seen[]
  /** There is nothing beyond them. */
  isEnd: boolean
  /** Read positions of the projects that were looked at. */
  read: Map<string, number>
}

/** Projects in one look: those with the newest events. */
const ROOMS = 50

/** What is read of a project, and its position. */
const sourceOf = ({ dismissed, unread }: Search): { from: string; position: string } => {
  const lowest = unread ? 'greatest(o.floor, o.read)' : 'o.floor'
  if (!dismissed) return { from: `"Event" e WHERE e.room = o.room AND e.seq > ${lowest}`, position: 'e.seq' }
  const from = `"ActivityDismissal" d JOIN "Event" e ON e.room = o.room AND e.seq = d.seq
    WHERE d."userId" = $1::uuid AND d."projectId" = o."projectId" AND d.seq > ${lowest}`
  return { from, position: 'd.seq' }
}

const NOT_DISMISSED = `NOT EXISTS (
  SELECT FROM "ActivityDismissal" d WHERE d."userId" = $1::uuid AND d."projectId" = o."projectId" AND d.seq = e.seq)`

/**
 * Reads the next events of each project in which the person is now: of the `ROOMS` projects whose next event is the newest, and one
 * event of the project after them. Payloads are not read.
 * $1 the person, $2 the project or null, $3–$5 the place before (or null), $6 names, $7 the actor or null, $8 events in all.
 */
function statementFor(search: Search): string {
  const { from, position } = sourceOf(search)
  const next = `FROM ${from} AND ${position} <= o.upto ORDER BY ${position} DESC LIMIT`
  const others = search.unread ? 'AND e."actorId" IS DISTINCT FROM $1::uuid' : ''
  const shown = search.dismissed ? '' : `AND ${NOT_DISMISSED}`
  return `WITH own AS MATERIALIZED (
      SELECT m."projectId", r.id AS room, r.floor, coalesce(a.seq, 0) AS read,
        CASE WHEN $3::timestamptz IS NULL THEN r.head
          WHEN m."projectId" = $4::uuid THEN least(r.head, $5::bigint - 1)
          WHEN m."projectId" < $4::uuid THEN event_before(r.id, r.floor, r.head, $3::timestamptz + interval '1 ms')
          ELSE event_before(r.id, r.floor, r.head, $3::timestamptz) END AS upto
      FROM "Member" m CROSS JOIN LATERAL (SELECT id, head, floor FROM "Room" WHERE id = 'project:' || m."projectId" LIMIT 1) r
      LEFT JOIN "ActivityRead" a ON a."userId" = m."userId" AND a."projectId" = m."projectId"
      WHERE m."userId" = $1::uuid AND ${search.projectId === null ? '$2::uuid IS NULL' : 'm."projectId" = $2::uuid'}
    ), newest AS MATERIALIZED (
      SELECT o.*, n.at, row_number() OVER w AS nth, count(*) OVER () AS found
      FROM own o LEFT JOIN LATERAL (SELECT e.at ${next} 1) n ON true
      WHERE n.at IS NOT NULL OR $2::uuid IS NOT NULL
      WINDOW w AS (ORDER BY n.at DESC, o."projectId" DESC) ORDER BY n.at DESC, o."projectId" DESC LIMIT ${ROOMS} + 1
    ), chosen AS (
      SELECT o.*, CASE WHEN nth > ${ROOMS} THEN 1 ELSE greatest($8::int / least(found, ${ROOMS}), 1) END AS most FROM newest o
    )
    SELECT o."projectId", o.room, o.read, o.most, e.id, e.seq, e.at, e.matches,
      CASE WHEN e.matches THEN coalesce(e.bytes, octet_length(e.payload::text)) ELSE 0 END AS bytes
    FROM chosen o LEFT JOIN LATERAL (
      SELECT e.id, e.seq, e.at, e.bytes, e.payload,
        e.name = ANY($6::text[]) AND ($7::uuid IS NULL OR e."actorId" IS NOT DISTINCT FROM $7::uuid) ${others} ${shown} AS matches
      ${next} o.most
    ) e ON true
    ORDER BY o."projectId", e.seq DESC`
}

interface Row {
  projectId: string
  room: RoomId
  read: string
  most: string
  id: string | null
  seq: string
  at: Date
  matches: boolean
  bytes: number
}

/** Does `a` come after `b`, which is newer? */
const isOlder = (a: Place, b: Place): boolean => {
  if (a.at !== b.at) return a.at < b.at
  return a.projectId === b.projectId ? a.seq < b.seq : a.projectId < b.projectId
}

/** The latest time that an event of a project after this place can have in the order. Where the clock was set back, events have a later one. */
const latestAfter = (before: Place | null, projectId: string): string => {
  if (before === null) return '9999'
  return projectId <= before.projectId ? before.at : new Date(Date.parse(before.at) - 1).toISOString()
}

/**
 * Looks at the events after a place, about `count` of them.
 * @param query on connections for large reads
 */
export async function lookAfter(query: Query, search: Search, before: Place | null, count: number): Promise<Look> {
  const place = before ? [before.at, before.projectId, before.seq] : [null, null, null]
  const values = [search.userId, search.projectId, ...place, search.actions, search.actorId, count]
  const rows = await query<Row>({ text: statementFor(search), values })
  const rooms = new Map<string, { seen: Seen[]; most: number }>()
  const read = new Map<string, number>()
  for (const { projectId, room, most, ...row } of rows) {
    read.set(projectId, Number(row.read))
    if (row.id === null) continue
    const { seen } = rooms.get(projectId) ?? {}
    const latest = seen?.at(-1)?.at ?? latestAfter(before, projectId)
    let at = row.at.toISOString()
    if (at > latest) at = latest
    const event: Seen = {
      id: row.id,
      room,
      projectId,
      seq: Number(row.seq),
      at,
      matches: row.matches,
      bytes: row.bytes,
    }
    if (seen) seen.push(event)
    else rooms.set(projectId, { seen: [event], most: Number(most) })
  }
  // Of a project of which no more was read, further events may be as new as its last one here: what is older comes in another look.
  let horizon: Place | null = null
  for (const { seen, most } of rooms.values()) {
    const last = seen.length >= most ? seen.at(-1) : undefined
    if (last && (horizon === null || isOlder(horizon, last))) horizon = last
  }
  const end = horizon
  const seen = [...rooms.values()].flatMap((room) => room.seen).filter((event) => end === null || !isOlder(event, end))
  return { seen: seen.sort((a, b) => (isOlder(a, b) ? 1 : -1)), isEnd: end === null, read }
}
