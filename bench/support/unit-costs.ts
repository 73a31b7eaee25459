// What docs/scale.md needs and no scenario measures: costs that only Cutroom has.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { subject } from '../subjects/cutroom/index.ts'
import { startCrowd } from './crowd.ts'
import { startLoad } from './load.ts'
import type { BenchPostgres } from './postgres.ts'
import type { Running, World } from './subject.ts'
import { compare, count, medianDifference, medianOf, minus, socketsOf } from './unit-counting.ts'

/** Rooms that are open while nothing happens, and for how long. */
const ROOMS = 5_000
const IDLE_MS = 10_000
const PLACES = 40
const JOINS = 1_200

export interface UnitCosts {
  /** An event of a room with one local socket, on the node that wrote it, beyond the write itself; µs of the node and of Postgres. */
  heard: { node: number; postgres: number }
  /** A room that is open on a node without events; µs per second of the node and of Postgres. */
  room: { node: number; postgres: number }
  /** A socket that comes, proves who it is and joins one room with nothing to catch up; µs. */
  join: { node: number; postgres: number }
  /** Bytes that stay for one write: of the log with its indexes, of the rows with theirs; and bytes of WAL. */
  bytes: { event: number; rows: number; wal: number }
  /** With Redis. µs: of a node without the room, per write elsewhere; of a node that delivers a write elsewhere to one socket; of Redis per write, and of it for each node. */
  hints: { apart: number; told: { node: number; postgres: number }; redis: { write: number; node: number } } | null
}

type Say = (what: string) => void

/** What a join costs when nothing has to be caught up. */
async function measureJoins(running: Running, world: World, postgres: number, say: Say): Promise<UnitCosts['join']> {
  const crowd = startCrowd()
  try {
    const [url = ''] = running.urls
    const all = Array.from({ length: JOINS / PLACES }, () => socketsOf(running, world, world.places.slice(0, PLACES), url)).flat()
    say('joins')
    // The first find a server that never did it.
    await crowd.open({ specs: all.slice(0, JOINS / 2), atOnce: 20 })
    await crowd.cut()
    await sleep(1_000)
    const before = await count(running, postgres, null)
    await crowd.open({ specs: all, atOnce: 20 })
    await sleep(500)
    const { nodes, postgres: ms } = minus(await count(running, postgres, null), before)
    return { node: ((nodes[0] ?? 0) * 1000) / all.length, postgres: (ms * 1000) / all.length }
  } finally {
    await crowd.close()
  }
}

/** Half of the projects have a socket, half have none: what an event with a receiver costs. */
async function measureHeard(
  postgres: BenchPostgres,
  pid: number,
  say: Say,
): Promise<Pick<UnitCosts, 'heard' | 'bytes' | 'join'>> {
  const running = await subject.start({ postgres })
  const [load, ears] = [startLoad(), startLoad()]
  const database = new pg.Client({ connectionString: running.databaseUrl })
  try {
    await database.connect()
    const world = await running.seed({ people: PLACES * 2, projects: PLACES * 2, members: 1 })
    const heard = world.places.slice(0, PLACES)
    const quiet = world.places.slice(PLACES)
    const [url = ''] = running.urls
    await ears.listen(socketsOf(running, world, heard, url))
    const sizes = async () => {
      const { rows } = await database.query<{ events: string; event: string; rows: string; wal: string }>(
        `SELECT (SELECT count(*) FROM "Event") AS events, pg_total_relation_size('"Event"') AS event,
           pg_total_relation_size('"Comment"') + pg_total_relation_size('"IdempotencyKey"') AS rows,
           pg_current_wal_lsn() - '0/0' AS wal`,
      )
      const { events, event, rows: kept, wal } = rows[0] ?? { events: 0, event: 0, rows: 0, wal: 0 }
      return { events: Number(events), event: Number(event), rows: Number(kept), wal: Number(wal) }
    }
    const before = await sizes()
    const found = await compare({ load, running, world, heard, quiet, postgres: pid, redis: null }, () =>
      say('events that are heard'),
    )
    const after = await sizes()
    const each = (key: 'event' | 'rows' | 'wal') => Math.round((after[key] - before[key]) / (after.events - before.events))
    const join = await measureJoins(running, world, pid, say)
    return {
      join,
      heard: {
        node: medianDifference(found.heard, found.quiet, ({ nodes }) => nodes[0]),
        postgres: medianDifference(found.heard, found.quiet, (one) => one.postgres),
      },
      bytes: { event: each('event'), rows: each('rows'), wal: each('wal') },
    }
  } finally {
    await Promise.all([database.end(), load.close(), ears.close()])
    await running.stop()
  }
}

/** Rooms are open and nothing happens: what is left is the sweep of their heads. */
async function measureRooms(postgres: BenchPostgres, pid: number, say: Say): Promise<UnitCosts['room']> {
  const running = await subject.start({ postgres })
  const ears = startLoad()
  try {
    const people = ROOMS / 100
    const world = await running.seed({ people, projects: ROOMS, members: 1 })
    const idle = async () => {
      // Sockets that opened just now are still a little busy.
      await sleep(2_000)
      const before = await count(running, pid, null)
      await sleep(IDLE_MS)
      return minus(await count(running, pid, null), before)
    }
    say('no rooms')
    const without = await idle()
    say(`${ROOMS} rooms`)
    await ears.listen(
      world.people.map((person, n) =>
        running.connect(
          person,
          world.places.filter((_, place) => place % people === n),
        ),
      ),
    )
    const standing = await idle()
    const each = (ms: number) => (ms * 1000) / ROOMS / (IDLE_MS / 1000)
    return {
      node: each((standing.nodes[0] ?? 0) - (without.nodes[0] ?? 0)),
      postgres: each(standing.postgres - without.postgres),
    }
  } finally {
    await ears.close()
    await running.stop()
  }
}

/** One node takes all writes; what it costs Redis and the others. */
async function measureNodes(postgres: BenchPostgres, pid: number, redis: Redis, url: string, nodes: number, say: Say) {
  const running = await subject.start({ postgres, nodes, env: { REDIS_URL: url } })
  const [load, ears] = [startLoad(), startLoad()]
  try {
    const world = await running.seed({ people: PLACES * 2, projects: PLACES * 2, members: 1 })
    const heard = world.places.slice(0, PLACES)
    const quiet = world.places.slice(PLACES)
    // They are on the second node, and are written to through the first.
    await ears.listen(socketsOf(running, world, heard, running.urls[1] ?? ''))
    const found = await compare({ load, running, world, heard, quiet, postgres: pid, redis }, () =>
      say(`hints between ${nodes} nodes`),
    )
    return {
      apart: medianOf(found.quiet, ({ nodes: all }) => all[1]),
      told: {
        node: medianOf(found.heard, ({ nodes: all }) => all[1]),
        postgres: medianDifference(found.heard, found.quiet, (one) => one.postgres),
      },
      redis: medianOf(found.quiet, (one) => one.redis),
    }
  } finally {
    await Promise.all([load.close(), ears.close()])
    await running.stop()
  }
}

/**
 * About two minutes. Hints need Redis at `redisUrl`; null leaves them out.
 * @throws when Postgres runs on another machine: its CPU time cannot be seen then
 */
export async function measureUnitCosts(postgres: BenchPostgres, redisUrl: string | null, say: Say): Promise<UnitCosts> {
  if (postgres.pid === null) throw new Error('the CPU time of Postgres cannot be seen from here')
  const { heard, bytes, join } = await measureHeard(postgres, postgres.pid, say)
  const room = await measureRooms(postgres, postgres.pid, say)
  if (redisUrl === null) return { heard, room, join, bytes, hints: null }
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 })
  redis.on('error', () => {
    // Thrown to the caller.
  })
  try {
    const two = await measureNodes(postgres, postgres.pid, redis, redisUrl, 2, say)
    const four = await measureNodes(postgres, postgres.pid, redis, redisUrl, 4, say)
    const node = Math.max(0, (four.redis - two.redis) / 2)
    const hints = { apart: two.apart, told: two.told, redis: { write: Math.max(0, two.redis - 2 * node), node } }
    return { heard, room, join, bytes, hints }
  } finally {
    redis.disconnect()
  }
}
