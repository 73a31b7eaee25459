import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Action } from './action.ts'
import { within } from './clock.ts'
import type { Sent } from './latency.ts'
import type { Attempt, Casting, Order, Report, Sighting } from './messages.ts'
import { moduleFile, nodeFlags } from './runtime.ts'
import type { Style } from './screen.ts'

/** A person as this process knows them; they live in another one. */
export interface Person {
  name: string
  style: Style
  userId: string
  /** The position they started from. */
  after: number
  isLive: boolean
  /** Everything they got, in the order in which it came. */
  sightings: Sighting[]
  /** When they were not connected. */
  away: { from: number; to: number }[]
  /** What came to a stranger. */
  frames: { name: string; room?: string | undefined }[]
  attempts: Attempt[]
  /** A write (`crowd`: one of many at once); resolves when the server has answered, with the id of what was written. */
  act(action: Action, crowd?: boolean): Promise<string>
  settle(head: number): Promise<{ seq: number; difference: string | null }>
  tryToGetIn(ids: Omit<Extract<Order, { type: 'try' }>, 'type'>): Promise<Attempt[]>
  setConnected(connected: boolean): void
  /** Is connected and has everything. */
  whenLive(): Promise<void>
  close(): Promise<void>
}

export interface PersonHooks {
  saw(person: Person, sightings: Sighting[]): void
  status(person: Person): void
  trouble(person: Person, problem: string): void
  /** The process is gone. */
  died(person: Person): void
  /** Requests by their key. */
  sent: Map<string, Sent>
  answered: Set<string>
}

const PATIENCE_MS = 60_000

/** Starts a person's process; resolves when they stand where they can stand. */
export async function cast(name: string, style: Style, casting: Omit<Casting, 'type'>, hooks: PersonHooks): Promise<Person> {
  const child = fork(moduleFile('./person'), [], { execArgv: nodeFlags, serialization: 'advanced' })
  const writes = new Map<string, { resolve(id: string): void; reject(error: Error): void }>()
  // those who wait for a report of some type; one at a time is enough
  const waiting = new Map<Report['type'], (report: Report) => void>()
  const lives: (() => void)[] = []
  let started = false
  let closing = false

  const next = <T extends Report['type']>(type: T) =>
    within(
      PATIENCE_MS,
      `${name} (${type})`,
      new Promise<Extract<Report, { type: T }>>((resolve) => waiting.set(type, resolve as (report: Report) => void)),
    )
  const send = (order: Order) => void (child.connected && child.send(order))

  const person: Person = {
    name,
    style,
    userId: '',
    after: 0,
    isLive: true,
    sightings: [],
    away: [],
    frames: [],
    attempts: [],
    act(action, crowd = false) {
      const key = randomUUID()
      const done = new Promise<string>((resolve, reject) => writes.set(key, { resolve, reject }))
      send({ type: 'do', key, action, crowd })
      return within(PATIENCE_MS, `the answer to a write of ${name}`, done)
    },
    settle(head) {
      const settled = next('settled')
      send({ type: 'settle', head })
      return settled
    },
    async tryToGetIn(ids) {
      const tried = next('tried')
      send({ type: 'try', ...ids })
      return (await tried).attempts
    },
    setConnected: (connected) => send({ type: 'network', connected }),
    async whenLive() {
      if (!person.isLive) await within(PATIENCE_MS, `the return of ${name}`, new Promise<void>((resolve) => lives.push(resolve)))
    },
    async close() {
      closing = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      if (child.connected) child.disconnect()
      await within(2_000, name, gone).catch(() => child.kill('SIGKILL'))
    },
  }

  function setLive(live: boolean, at: number): void {
    if (!started || live === person.isLive) return
    person.isLive = live
    const gap = person.away.at(-1)
    if (!live) person.away.push({ from: at, to: Number.POSITIVE_INFINITY })
    else if (gap) gap.to = at
    hooks.status(person)
    if (live) for (const resolve of lives.splice(0)) resolve()
  }

  function take(report: Report): void {
    if (report.type === 'saw') {
      person.sightings.push(...report.sightings)
      hooks.saw(person, report.sightings)
    } else if (report.type === 'status') setLive(report.status === 'live', report.at)
    else if (report.type === 'sent') hooks.sent.set(report.key, { by: person.userId, at: report.at, crowd: report.crowd })
    else if (report.type === 'done') {
      hooks.answered.add(report.key)
      writes.get(report.key)?.resolve(report.id)
    } else if (report.type === 'failed') writes.get(report.key)?.reject(new Error(`${name}: ${report.problem}`))
    else if (report.type === 'frame') person.frames.push(report)
    else if (report.type === 'trouble') hooks.trouble(person, report.problem)
    if (report.type === 'tried') person.attempts.push(...report.attempts)
    waiting.get(report.type)?.(report)
  }

  child.on('message', (report: Report) => take(report))
  child.on('exit', () => closing || hooks.died(person))
  child.on('error', () => hooks.died(person))
  const ready = next('ready')
  send({ type: 'start', ...casting })
  const { userId, after } = await ready
  started = true
  return Object.assign(person, { userId, after })
}
