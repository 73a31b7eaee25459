// What the model of docs/scale.md is fed with: costs that the bench measured, as bench/results.json keeps them.
import { readFile } from 'node:fs/promises'
import { median } from './numbers.ts'

/** µs of CPU, of one node and of Postgres. */
export interface Cost {
  node: number
  postgres: number
}

/** CPU in µs, sizes in bytes. */
export interface Costs {
  write: Cost
  /** Of one event on a node with listeners, beyond its deliveries. */
  heard: Cost
  /** Of one event to one socket. */
  delivery: number
  /** Of one event on a node without listeners. */
  hint: number
  list: Cost
  join: Cost
  /** Of a room that is open on a node, per second. */
  room: Cost
  /** Of an idle socket, per second. */
  socket: number
  /** Of Redis: per write, and for each node that is notified. */
  redis: { write: number; node: number }
  /** Writes per second that one room takes. */
  hotRoom: number
  socketBytes: number
  /** What stays of one write: of the log, of the rows; and what it adds to the WAL. */
  eventBytes: number
  rowBytes: number
  walBytes: number
  /** One event on the wire. */
  wireBytes: number
}

export interface Input {
  what: string
  unit: string
  value: number
  /** Where it was measured; null: nowhere yet, and the value is a guess. */
  from: string | null
}

interface Source {
  what: string
  unit: string
  from: string
  guess: number
  read: (results: Results) => number | undefined
}

interface Results {
  /** Median over the rounds of a scenario; undefined where it has no such figure. */
  rounds(scenario: string, subject: string, key: string): number | undefined
  one(scenario: string, ...path: string[]): number | undefined
}

const times = (factor: number, value: number | undefined) => (value === undefined ? undefined : value * factor)
const KIB = 1024
const OURS = 'cutroom'

const UNIT = 'unit-costs'
const unit = (...path: string[]) => ({
  from: 'simulate --measure',
  read: (results: Results) => results.one(UNIT, 'figures', ...path),
})

/** Named `a.b` where `Costs` has them nested. */
const sources = {
  'write.node': {
    what: 'a write (comment, event, answer kept), node',
    unit: 'µs',
    from: 'S1',
    guess: 500,
    read: (r) => r.rounds('create', OURS, 'server'),
  },
  'write.postgres': {
    what: 'a write, Postgres',
    unit: 'µs',
    from: 'S1',
    guess: 700,
    read: (r) => r.rounds('create', OURS, 'postgres'),
  },
  'heard.node': { what: 'an event on a node with listeners, node', unit: 'µs', guess: 350, ...unit('heard', 'node') },
  'heard.postgres': { what: 'the same, Postgres (the feed reads)', unit: 'µs', guess: 120, ...unit('heard', 'postgres') },
  delivery: {
    what: 'one delivery to one socket, node',
    unit: 'µs',
    from: 'S4, 1,000 sockets',
    guess: 10,
    read: (r) => r.rounds('fan-out', `1000.${OURS}`, 'server'),
  },
  hint: { what: 'an event on a node without listeners, node', unit: 'µs', guess: 50, ...unit('hints', 'apart') },
  'list.node': {
    what: 'a list of 50 comments, node',
    unit: 'µs',
    from: 'S7',
    guess: 300,
    read: (r) => r.rounds('read', 'Cutroom', 'server'),
  },
  'list.postgres': {
    what: 'a list of 50 comments, Postgres',
    unit: 'µs',
    from: 'S7',
    guess: 300,
    read: (r) => r.rounds('read', 'Cutroom', 'postgres'),
  },
  'join.node': { what: 'a socket that comes and joins, node', unit: 'µs', guess: 1_500, ...unit('join', 'node') },
  'join.postgres': { what: 'the same, Postgres', unit: 'µs', guess: 500, ...unit('join', 'postgres') },
  'room.node': { what: 'an open room, node', unit: 'µs/s', guess: 4, ...unit('room', 'node') },
  'room.postgres': { what: 'an open room on each node, Postgres', unit: 'µs/s', guess: 4, ...unit('room', 'postgres') },
  socket: {
    what: 'an idle socket, node',
    unit: 'µs/s',
    from: 'S5',
    guess: 10,
    read: (r) => r.rounds('idle', OURS, 'idle'),
  },
  'redis.write': { what: 'a hint, Redis', unit: 'µs', guess: 15, ...unit('hints', 'redis', 'write') },
  'redis.node': { what: 'a hint for each node, Redis', unit: 'µs', guess: 3, ...unit('hints', 'redis', 'node') },
  hotRoom: {
    what: 'writes to one room',
    unit: '/s',
    from: 'S2',
    guess: 1_000,
    read: (r) => r.one('hot', 'ours'),
  },
  socketBytes: {
    what: 'an idle socket, memory',
    unit: 'bytes',
    from: 'S5',
    guess: 30 * KIB,
    read: (r) => times(KIB, r.rounds('idle', OURS, 'held')),
  },
  eventBytes: { what: 'an event in the log with its indexes', unit: 'bytes', guess: 1_500, ...unit('bytes', 'event') },
  rowBytes: { what: 'the rows of a write with theirs', unit: 'bytes', guess: 1_300, ...unit('bytes', 'rows') },
  walBytes: { what: 'WAL of a write', unit: 'bytes', guess: 4_000, ...unit('bytes', 'wal') },
  wireBytes: {
    what: 'an event on the wire',
    unit: 'bytes',
    from: 'S4',
    guess: 900,
    read: (r) => r.rounds('fan-out', `1000.${OURS}`, 'bytes'),
  },
} satisfies Record<string, Source>
type Name = keyof typeof sources

const FILE = new URL('../results.json', import.meta.url)

function walk(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], value)
}
/** A difference of two measurements may come out below zero on a noisy machine: then it means nothing. */
const finite = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined

async function readResults(): Promise<Results> {
  const file = JSON.parse(await readFile(FILE, 'utf8')) as { scenarios?: unknown }
  return {
    one: (scenario, ...path) => finite(walk(file.scenarios, [scenario, ...path])),
    rounds(scenario, subject, key) {
      const rounds = walk(file.scenarios, [scenario, 'figures', ...subject.split('.')])
      return Array.isArray(rounds)
        ? finite(median(rounds.flatMap((one: Record<string, unknown>) => finite(one[key]) ?? [])))
        : undefined
    },
  }
}

/** @throws when bench/results.json cannot be read; what it does not hold is guessed, and `from` is null then */
export async function readInputs(): Promise<{ inputs: Input[]; costs: Costs }> {
  const results = await readResults()
  const found = new Map<Name, Input>()
  for (const [name, { what, unit: of, from, guess, read }] of Object.entries(sources) as [Name, Source][]) {
    const measured = read(results)
    found.set(name, { what, unit: of, value: measured ?? guess, from: measured === undefined ? null : from })
  }
  const of = (name: Name) => found.get(name)?.value ?? Number.NaN
  const cost = (name: 'write' | 'heard' | 'list' | 'join' | 'room'): Cost => ({
    node: of(`${name}.node`),
    postgres: of(`${name}.postgres`),
  })
  // What was measured with one socket in the room has one delivery in it, and the fan-out's has a share of its write.
  const delivery = Math.max(0, of('delivery') - (of('write.node') + of('heard.node')) / 1_000)
  const heard = { ...cost('heard'), node: Math.max(0, of('heard.node') - delivery) }
  return {
    inputs: [...found.values()],
    costs: {
      write: cost('write'),
      heard,
      delivery,
      hint: of('hint'),
      list: cost('list'),
      join: cost('join'),
      room: cost('room'),
      socket: of('socket'),
      redis: { write: of('redis.write'), node: of('redis.node') },
      hotRoom: of('hotRoom'),
      socketBytes: of('socketBytes'),
      eventBytes: of('eventBytes'),
      rowBytes: of('rowBytes'),
      walBytes: of('walBytes'),
      wireBytes: of('wireBytes'),
    },
  }
}
