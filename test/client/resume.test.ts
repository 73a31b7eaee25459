import type { Meta, ProblemCode } from '@cutroom/contract'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Refused } from '../../packages/client/src/frames.ts'
import { problemOf } from '../../packages/client/src/problem.ts'
import { createResume } from '../../packages/client/src/resume.ts'
import type { Joined, Position, ResumeHooks } from '../../packages/client/src/resume-hooks.ts'

const room = 'project:x'
const event = (seq: number, epoch = 'e'): { meta: Meta } => ({
  meta: { room, seq, epoch, id: `${seq}`, at: '2026-01-01T00:00:00.000Z', actor: null },
})
const ok = (mode: Joined['mode'], head: number, epoch = 'e'): Joined => ({ ok: true, room, epoch, head, mode })
const no = (code: ProblemCode): Refused => ({ ok: false, error: problemOf(code) })

/** A follow whose joins and loads the test answers by hand. */
function setup(from: Position | null = null) {
  const joins: { position: Position | null; ack(answer: Joined | Refused): void }[] = []
  const loads: { resolve(start: Position): void; reject(error: unknown): void; signal: AbortSignal }[] = []
  const seen: number[] = []
  const notes: string[] = []
  const hooks: ResumeHooks<{ meta: Meta }, Joined> = {
    send: (position, ack) => joins.push({ position, ack }),
    apply: ({ meta }) => seen.push(meta.seq),
    joined() {},
    load: (_, signal) => new Promise((resolve, reject) => loads.push({ resolve, reject, signal })),
    syncing: () => notes.push('syncing'),
    live: () => notes.push('live'),
    refused: ({ code }) => notes.push(code),
  }
  const follow = createResume(hooks, from, 1_000)
  const last = <T>(items: T[]): T => {
    const item = items.at(-1)
    if (item === undefined) throw new Error('nothing was asked')
    return item
  }
  return { follow, hooks, joins, loads, seen, notes, join: () => last(joins), load: () => last(loads) }
}

/** Live at position 5. */
function live() {
  const all = setup({ epoch: 'e', seq: 5 })
  all.follow.connected()
  all.join().ack(ok('resumed', 5))
  return all
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('follow', () => {
  it('R1 resumes after its position, and is live when it has reached the head that the ack names', () => {
    const { follow, join, seen, notes } = setup({ epoch: 'e', seq: 5 })
    follow.connected()
    expect(join().position).toEqual({ epoch: 'e', seq: 5 })
    for (const seq of [6, 7]) follow.receive(event(seq))
    expect(notes).toEqual(['syncing'])
    join().ack(ok('resumed', 7))
    follow.receive(event(8))
    expect(notes).toEqual(['syncing', 'live'])
    expect(seen).toEqual([6, 7, 8])
  })

  it('drops what it has, and asks once for what it lacks', () => {
    const { follow, joins, join, seen, notes } = live()
    for (const seq of [5, 6, 6, 9, 10, 11]) follow.receive(event(seq))
    expect(joins).toHaveLength(2)
    expect(join().position).toEqual({ epoch: 'e', seq: 6 })
    for (const seq of [7, 8, 9, 10, 11]) follow.receive(event(seq))
    join().ack(ok('resumed', 11))
    expect(seen).toEqual([6, 7, 8, 9, 10, 11])
    expect(notes.at(-1)).toBe('live')
  })

  it('asks again when the ack names a head that did not reach it, and forgets its position in the end', () => {
    const { follow, joins, join, notes } = live()
    follow.receive(event(7))
    for (let tries = 0; tries < 5; tries++) {
      expect(join().position).toEqual({ epoch: 'e', seq: 5 })
      join().ack(ok('resumed', 7))
      vi.advanceTimersToNextTimer()
      expect(joins).toHaveLength(tries + 3)
    }
    expect(join().position).toBeNull()
    expect(notes.filter((note) => note === 'live')).toHaveLength(1)
  })

  it('R4 keeps what comes while a start is fetched: drops it up to the start, applies the rest', async () => {
    const { follow, join, load, seen, notes } = setup()
    follow.connected()
    join().ack(ok('live', 5))
    for (const seq of [6, 7, 8]) follow.receive(event(seq))
    expect(follow.position).toBeNull()
    load().resolve({ epoch: 'e', seq: 7 })
    await vi.advanceTimersByTimeAsync(0)
    expect(seen).toEqual([8])
    expect(notes).toEqual(['syncing', 'live'])
  })

  it('B1 keeps a bounded number of events while a start is fetched; beyond that it leaves, and joins after the start', async () => {
    const { follow, join, joins, load, seen, notes } = setup()
    follow.connected()
    join().ack(ok('live', 5))
    for (let seq = 6; seq <= 3_005; seq++) follow.receive(event(seq))
    load().resolve({ epoch: 'e', seq: 7 })
    await vi.advanceTimersByTimeAsync(0)
    expect([joins.length, join().position, seen]).toEqual([2, { epoch: 'e', seq: 7 }, []])
    for (let seq = 8; seq <= 3_005; seq++) follow.receive(event(seq))
    join().ack(ok('resumed', 3_005))
    expect([seen.length, seen.at(-1), notes.at(-1)]).toEqual([2_998, 3_005, 'live'])
  })

  it('waits in a queue without losing patience, and gives its place back', async () => {
    const { joins, follow, hooks } = setup({ epoch: 'e', seq: 5 })
    let go = () => {}
    let done = 0
    hooks.queue = (run) => {
      go = run
    }
    hooks.done = () => done++
    follow.connected()
    vi.advanceTimersByTime(60_000)
    expect(joins).toHaveLength(0)
    go()
    expect(joins).toHaveLength(1)
    joins[0]?.ack(ok('resumed', 5))
    expect(done).toBe(1)
    // a turn that comes after all is over is none
    follow.disconnected()
    go()
    expect(joins).toHaveLength(1)
  })

  it('B2 a limit that time does not lift is for the app; one that says how long is waited for', () => {
    const { follow, joins, join, notes } = live()
    follow.receive(event(9))
    join().ack(no('rate-limited'))
    vi.advanceTimersByTime(60_000)
    expect([joins.length, notes.at(-1)]).toEqual([2, 'rate-limited'])
  })

  it('loses nothing that comes before the answer to a first join', async () => {
    const { follow, join, load, seen } = setup()
    follow.connected()
    for (const seq of [5, 6]) follow.receive(event(seq))
    join().ack(ok('live', 5))
    load().resolve({ epoch: 'e', seq: 5 })
    await vi.advanceTimersByTimeAsync(0)
    expect(seen).toEqual([6])
  })

  it('joins after a start that is older than its place in the room', async () => {
    const { follow, join, load, seen } = setup()
    follow.connected()
    join().ack(ok('live', 5))
    follow.receive(event(6))
    load().resolve({ epoch: 'e', seq: 3 })
    await vi.advanceTimersByTimeAsync(0)
    expect(join().position).toEqual({ epoch: 'e', seq: 3 })
    for (const seq of [4, 5, 6]) follow.receive(event(seq))
    join().ack(ok('resumed', 6))
    expect(seen).toEqual([4, 5, 6])
  })

  it('fetches again when the start is of another epoch', async () => {
    const { follow, join, joins, load } = setup()
    follow.connected()
    join().ack(ok('live', 5))
    load().resolve({ epoch: 'other', seq: 9 })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(joins).toHaveLength(2)
    expect(join().position).toBeNull()
  })

  it('R2 reset: gets a new start', async () => {
    const { follow, join, load, seen } = live()
    follow.disconnected()
    follow.connected()
    join().ack(ok('reset', 2, 'new'))
    follow.receive(event(3, 'new'))
    load().resolve({ epoch: 'new', seq: 2 })
    await vi.advanceTimersByTimeAsync(0)
    expect(seen).toEqual([3])
    expect(follow.position).toEqual({ epoch: 'new', seq: 3 })
  })

  it('asks when an event of another epoch comes in', () => {
    const { follow, join, joins, seen } = live()
    follow.receive(event(6, 'new'))
    expect(joins).toHaveLength(2)
    expect(join().position).toEqual({ epoch: 'e', seq: 5 })
    expect(seen).toEqual([])
  })

  it('gives up a start that is being fetched when the connection is lost', async () => {
    const { follow, join, load, loads } = setup()
    follow.connected()
    join().ack(ok('live', 5))
    const { signal, resolve } = load()
    follow.disconnected()
    expect(signal.aborted).toBe(true)
    follow.connected()
    resolve({ epoch: 'e', seq: 5 })
    await vi.advanceTimersByTimeAsync(0)
    expect(follow.position).toBeNull()
    join().ack(ok('live', 6))
    expect(loads).toHaveLength(2)
  })

  it('takes no answer to a join of a lost connection', () => {
    const { follow, joins, join, notes } = live()
    follow.receive(event(9))
    const { ack } = join()
    follow.disconnected()
    follow.connected()
    ack(no('not-found'))
    expect(joins).toHaveLength(3)
    expect(notes).not.toContain('not-found')
  })

  it('asks again when no answer comes, but not while a replay goes on', () => {
    const { follow, joins } = live()
    follow.receive(event(9))
    for (const seq of [6, 7, 8]) {
      vi.advanceTimersByTime(900)
      follow.receive(event(seq))
    }
    expect(joins).toHaveLength(2)
    vi.advanceTimersByTime(1_600)
    expect(joins).toHaveLength(3)
  })

  it.each(['unavailable', 'superseded', 'internal', 'token-expired'] as const)('asks again after %s', (code) => {
    const { follow, joins, join, notes } = live()
    follow.receive(event(9))
    join().ack(no(code))
    vi.advanceTimersByTime(1_000)
    expect(joins).toHaveLength(3)
    expect(notes).not.toContain(code)
  })

  it('waits as long as a rate limit says', () => {
    const { follow, joins, join } = live()
    follow.receive(event(9))
    join().ack({ ok: false, error: { ...problemOf('rate-limited'), retryAfter: 30 } })
    vi.advanceTimersByTime(29_900)
    expect(joins).toHaveLength(2)
    vi.advanceTimersByTime(200)
    expect(joins).toHaveLength(3)
  })

  it.each(['not-found', 'forbidden', 'validation'] as const)('gives up after %s', (code) => {
    const { follow, join, notes } = live()
    follow.receive(event(9))
    join().ack(no(code))
    expect(notes.at(-1)).toBe(code)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does nothing more once it is stopped', () => {
    const { follow, joins, seen } = live()
    follow.stop()
    follow.receive(event(6))
    follow.connected()
    expect(joins).toHaveLength(1)
    expect(seen).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})
