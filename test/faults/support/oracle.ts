import pg from 'pg'
import { direct } from '../../support/hostile.ts'
import { until } from '../../support/until.ts'
import type { Seen } from './crowd.ts'
import type { Node } from './node.ts'
import type { Stage } from './stage.ts'
import type { TypedClients } from './typed-clients.ts'
import type { World } from './world.ts'
import type { Write } from './writer.ts'

interface Row {
  room: string
  seq: string | null
  id: string
  mutationId: string | null
}

/** The log of a world's projects in Postgres. */
export interface LogOnDisk {
  /** By project: event ids, `ids[seq - 1]` as long as the log is whole. */
  entries: Map<string, Map<number, string>>
  heads: Map<string, number>
  /** How often each mutationId is in it. */
  times: Map<string, number>
  /** What is not `1, 2, 3, … head`. */
  broken: string[]
}

/** Reads the log behind the servers' backs. */
export async function readLogOnDisk(databaseUrl: string, world: World): Promise<LogOnDisk> {
  const client = new pg.Client({ connectionString: direct(databaseUrl) })
  await client.connect()
  try {
    const rooms = world.projects.map((place) => `project:${place.id}`)
    // One snapshot for both: what is written after it is in neither.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const at = await client.query<{ id: string; head: string; floor: string }>(
      'SELECT id, head, floor FROM "Room" WHERE id = ANY($1)',
      [rooms],
    )
    const { rows } = await client.query<Row>(
      'SELECT room, seq, id, "mutationId" FROM "Event" WHERE room = ANY($1) ORDER BY room, seq',
      [rooms],
    )
    await client.query('COMMIT')
    const entries = new Map<string, Map<number, string>>(world.projects.map((place) => [place.id, new Map()]))
    const times = new Map<string, number>()
    const broken: string[] = []
    for (const row of rows) {
      if (row.seq === null) broken.push(`${row.room}: an event without its number`)
      entries.get(row.room.slice('project:'.length))?.set(Number(row.seq), row.id)
      if (row.mutationId !== null) times.set(row.mutationId, (times.get(row.mutationId) ?? 0) + 1)
    }
    const heads = new Map<string, number>()
    for (const { id, head, floor } of at.rows) {
      const projectId = id.slice('project:'.length)
      const seqs = rows.filter((row) => row.room === id).map((row) => Number(row.seq))
      const max = seqs.at(-1) ?? Number(floor)
      heads.set(projectId, Number(head))
      if (max !== Number(head) || seqs.length !== max - Number(floor))
        broken.push(`${id}: ${seqs.length} events above ${floor}, the highest ${max}, head ${head}`)
    }
    return { entries, heads, times, broken }
  } finally {
    await client.end()
  }
}

/** Writes and the log: what was answered 2xx is in it once, what was refused is not, and nothing else is. */
export function judgeWrites(stage: Stage, log: LogOnDisk, writes: readonly Write[]): void {
  const wrong = (outcome: Write['outcome'], bad: (times: number) => boolean) =>
    writes.filter((write) => write.outcome === outcome && bad(log.times.get(write.key) ?? 0))
  const words = (list: readonly Write[]) =>
    list.map(
      (write) => `${write.key} (${write.status}, ${write.tries} tries) is in the log ${log.times.get(write.key) ?? 0} times`,
    )
  const lost = wrong('acked', (times) => times === 0)
  const doubled = [...wrong('acked', (times) => times > 1), ...wrong('unknown', (times) => times > 1)]
  const ghosts = wrong('refused', (times) => times > 0)
  const known = new Set(writes.map((write) => write.key))
  const strange = [...log.times.keys()].filter((key) => !known.has(key))
  stage.zero('answered writes that are not in the log', lost.length, words(lost))
  stage.zero('writes that are in the log twice', doubled.length, words(doubled))
  stage.zero('events of writes that were rolled back', ghosts.length, words(ghosts))
  stage.zero('events without a write', strange.length, strange)
  stage.zero('rooms whose log does not count 1, 2, 3 … head', log.broken.length, log.broken)
  const unknown = writes.filter((write) => write.outcome === 'unknown')
  if (unknown.length > 0) stage.show('writes given up without an answer', String(unknown.length))
}

/** Deliveries and the log: every follower got every event after its start, once, in order, and no other. */
export function judgeDeliveries(stage: Stage, log: LogOnDisk, { ledger, positions }: Seen): void {
  const lost: string[] = []
  for (const [index, place] of positions.entries()) {
    const head = log.heads.get(place.projectId) ?? 0
    if (place.last !== head) lost.push(`follower ${index} of ${place.projectId} stands at #${place.last}, the head is #${head}`)
  }
  const differences = [...ledger.differences]
  const last = new Set(positions.map((place) => `${place.projectId} ${place.epoch}`))
  for (const [key, view] of ledger.views) {
    // What was delivered in a history that is gone proves nothing any more.
    if (!last.has(key)) continue
    const entries = log.entries.get(key.slice(0, key.indexOf(' ')))
    for (const [seq, id] of view.ids)
      if (entries?.get(seq) !== id) differences.push(`${key}: #${seq} was delivered as ${id}, the log has ${entries?.get(seq)}`)
  }
  stage.zero('lost events (holes, or short of the head)', ledger.gaps.length + lost.length, [...ledger.gaps, ...lost])
  stage.zero('repeated events', ledger.repeats.length, ledger.repeats)
  stage.zero('events out of order', ledger.disorders.length, ledger.disorders)
  stage.zero('delivered events that differ from the log', differences.length, differences)
  stage.zero('joins refused', ledger.refused.length, ledger.refused)
}

/** Folded states against fresh snapshots. */
export async function judgeTypedClients(stage: Stage, typed: TypedClients, url: string, log: LogOnDisk): Promise<void> {
  const differences = await typed.differences(url, log.heads, 15_000)
  stage.zero('states of typed clients unlike a fresh snapshot', differences.length + typed.errors.length, [
    ...differences,
    ...typed.errors,
  ])
}

/** Sockets, timers and what else keeps an idle node’s process awake: up to 17 connections with a timer each, and little else. */
const IDLE_HANDLES = 60

/** When all clients have gone: no sockets, no feeds, and no more handles than an idle node has. */
export async function judgeBaseline(stage: Stage, nodes: readonly Node[]): Promise<void> {
  const left: string[] = []
  for (const node of nodes.filter((one) => one.alive())) {
    const counts = async () => ({
      sockets: await node.metric('cutroom_sockets'),
      feeds: await node.metric('cutroom_feeds'),
      handles: await node.metric('cutroom_nodejs_active_resources_total'),
    })
    const idle = async () => {
      const { sockets, feeds, handles } = await counts()
      return sockets === 0 && feeds === 0 && handles <= IDLE_HANDLES
    }
    await until('', idle, 15_000).catch(async () => {
      left.push(`node ${node.index}: ${JSON.stringify(await counts())}`)
    })
  }
  stage.zero('nodes with sockets, feeds or timers left over', left.length, left)
  const cries = nodes.filter((node) => /unhandled|uncaught|heap out of memory/i.test(node.output()))
  stage.zero(
    'nodes with uncaught errors',
    cries.length,
    cries.map((node) => node.output().slice(-500)),
  )
}
