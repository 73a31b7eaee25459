import { projectRoom } from '@cutroom/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/client.ts'
import { createReplayCaches, type ReplayCache } from '../../src/rooms/delivery/replay-cache.ts'
import type { LogEntry } from '../../src/rooms/log/log.ts'
import { type Log, openLog } from '../../src/rooms/log/log.ts'
import { createDatabase } from '../support/database.ts'
import { upTo } from '../support/log.ts'

/** Seqs in frames of the test's encoder. */
const seqsIn = (frames: Buffer): number[] => [...frames.toString().matchAll(/#(\d+) /g)].map(([, seq]) => Number(seq))

describe('the replay cache', () => {
  let database: Database
  let log: Log
  let drop: () => Promise<void>
  let rooms = 0

  beforeAll(async () => {
    const made = await createDatabase()
    drop = made.drop
    database = openDatabase(made.url, { connections: 2, onError: () => {} })
    log = await openLog(database.readers)
  })
  afterAll(async () => {
    await database.close()
    await drop()
  })

  async function append(room: string, count: number): Promise<void> {
    await database.pool.query(
      `INSERT INTO "Event" (id, room, name, payload) SELECT gen_random_uuid(), $1, 'extension:event', '{}' FROM generate_series(1, $2)`,
      [room, count],
    )
  }

  /** A cache of a new room, with the reads of the log that it makes. */
  async function open(count: number, frameBytes: (seq: number) => number) {
    const room = projectRoom(`${++rooms}`)
    await database.pool.query('INSERT INTO "Room" (id) VALUES ($1)', [room])
    await append(room, count)
    const reads: number[] = []
    const createCache = createReplayCaches({
      log: {
        read(...args) {
          reads.push(args[1])
          return log.read(...args)
        },
      },
      encode: ({ meta }: LogEntry) => Buffer.from(`#${meta.seq} `.padEnd(frameBytes(meta.seq), '.')),
    })
    return { room, cache: createCache(room), reads }
  }

  /** All that a reader at this position is sent, page by page. */
  async function replay(cache: ReplayCache, after: number, head: () => number, onPage = async () => {}): Promise<number[]> {
    const seqs: number[] = []
    for (let cursor = after; cursor < head(); ) {
      await cache.page(cursor, head(), (block) => {
        const found = seqsIn(block.joined(cursor, block.last))
        expect(block.frames(cursor, block.last).flatMap(seqsIn)).toEqual(found)
        expect(found).toEqual(between(cursor, block.last))
        seqs.push(...found)
        cursor = block.last
      })
      await onPage()
    }
    return seqs
  }
  const between = (after: number, head: number) => upTo(head).slice(after)

  it('R1 two hundred readers 100 events behind are served by one read of the log', async () => {
    const { cache, reads } = await open(200, () => 300)
    const all = await Promise.all(upTo(200).map(() => replay(cache, 100, () => 200)))
    for (const seqs of all) expect(seqs).toEqual(between(100, 200))
    expect(reads).toEqual([0])
  })

  it('R1 readers at any position get each event once, in order; the log is read once for each block of 256', async () => {
    const { cache, reads } = await open(1_000, (seq) => 100 + ((seq * 7) % 1_500))
    const positions = [0, 1, 100, 255, 256, 257, 511, 512, 700, 767, 999]
    const all = await Promise.all(positions.map((after) => replay(cache, after, () => 1_000)))
    for (const [n, seqs] of all.entries()) expect(seqs).toEqual(between(positions[n] ?? 0, 1_000))
    expect(reads.toSorted((a, b) => a - b)).toEqual([0, 256, 512, 768])
  })

  it('R1 frames larger than a page come one by one', async () => {
    const { cache } = await open(30, (seq) => (seq % 3 === 0 ? 200_000 : 300))
    expect(await replay(cache, 4, () => 30)).toEqual(between(4, 30))
  })

  it('R1 events delivered during a replay follow without a gap, across blocks', async () => {
    const { room, cache, reads } = await open(200, () => 300)
    let head = 200
    const deliver = async () => {
      if (head >= 700) return
      await append(room, 50)
      const entries = await log.read(room, head, head + 50, 50)
      for (const entry of entries) cache.push(entry)
      head += 50
    }
    const readers = [150, 10, 199].map((after, n) => replay(cache, after, () => head, n === 0 ? deliver : undefined))
    const all = await Promise.all(readers)
    expect(all[0]).toEqual(between(150, 700))
    for (const [n, after] of [10, 199].entries()) expect(all[n + 1]).toEqual(between(after, all[n + 1]?.at(-1) ?? 0))
    expect(reads).toEqual([0])
  })

  it('B1 a cache that outgrew its memory reads again, and misses nothing', async () => {
    const { cache, reads } = await open(512, () => 20_000)
    expect(await replay(cache, 0, () => 512)).toEqual(upTo(512))
    const before = reads.length
    expect(await replay(cache, 0, () => 512)).toEqual(upTo(512))
    expect(reads.length).toBeGreaterThan(before)
  })

  it('R2 a position that retention has cut is refused, and a later one is served', async () => {
    const { room, cache } = await open(100, () => 300)
    await database.pool.query('DELETE FROM "Event" WHERE room = $1 AND seq <= 40', [room])
    await expect(replay(cache, 39, () => 100)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await replay(cache, 40, () => 100)).toEqual(between(40, 100))
    expect(await replay(cache, 70, () => 100)).toEqual(between(70, 100))
  })
})
