import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { openLog } from '../../src/rooms/log/log.ts'
import { useApp } from '../support/app.ts'
import { upTo } from '../support/log.ts'
import { createTeam } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
const LARGE = 250 * 1024

describe('the log', () => {
  const app = useApp()

  /** A project with so many events of 250 KiB, of which every second one was written before lengths were kept. */
  async function heavy(count: number) {
    const team = await createTeam(app(), 'editor')
    const room = projectRoom(team.project.id)
    await app().db.query(
      `INSERT INTO "Event" (id, room, name, payload, bytes)
       SELECT gen_random_uuid(), $1, 'extension:event', p.payload, CASE WHEN n % 2 = 0 THEN octet_length(p.payload::text) END
       FROM generate_series(1, $2) n, LATERAL (SELECT json_build_object('n', n, 'data', repeat(md5(n::text), ${LARGE / 32})) AS payload) p`,
      [room, count],
    )
    const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [room])
    return { ...team, room, head: Number(rows[0]?.head) }
  }

  it('B1 GET …/events answers at most 1 MiB of payloads, and the pages are the whole log', async () => {
    const { project, owner, head } = await heavy(12)
    const seen: number[] = []
    for (let after = 0; after < head; after = seen.at(-1) ?? head) {
      const page = await owner.must<{ data: { payload: unknown; meta: { seq: number } }[]; head: number }>(
        'GET',
        `/api/projects/${project.id}/events?after=${after}&limit=500`,
      )
      const bytes = page.data.reduce((sum, { payload }) => sum + Buffer.byteLength(JSON.stringify(payload)), 0)
      expect(bytes).toBeLessThanOrEqual(MIB)
      expect(page.data.length).toBeGreaterThan(0)
      seen.push(...page.data.map(({ meta }) => meta.seq))
    }
    expect(seen).toEqual(upTo(head))
  })

  it('B1 R1 a replay of large events is read in parts, and brings each of them once, in order', async () => {
    const { project, editor, room, head } = await heavy(16)
    const listener = await connect(app(), editor)
    await listener.join(project.id, { after: 0, activity: false })
    await until('all have come', () => listener.events(room).length >= head, 20_000)
    expect(listener.events(room).map(({ meta }) => meta?.seq)).toEqual(upTo(head))
  })

  it('B1 D1 events of many rooms are read in parts, and all of them are delivered', async () => {
    const rooms = await Promise.all([heavy(0), heavy(0)])
    const listeners = await Promise.all(
      rooms.map(async ({ project, editor }) => {
        const listener = await connect(app(), editor)
        await listener.join(project.id, { activity: false })
        return listener
      }),
    )
    const heads = await Promise.all(
      rooms.map(async ({ room }) => {
        await app().db.query(
          `INSERT INTO "Event" (id, room, name, payload)
           SELECT gen_random_uuid(), $1, 'extension:event', json_build_object('data', repeat('x', ${LARGE})) FROM generate_series(1, 12)`,
          [room],
        )
        const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [room])
        return Number(rows[0]?.head)
      }),
    )
    for (const [n, { room }] of rooms.entries())
      await until('all have come', () => listeners[n]?.events(room).at(-1)?.meta?.seq === heads[n], 20_000)
    for (const [n, { room }] of rooms.entries()) {
      const seqs = listeners[n]?.events(room).map(({ meta }) => meta?.seq ?? 0) ?? []
      expect(seqs).toEqual(upTo(heads[n] ?? 0).slice(-seqs.length))
      expect(seqs.length).toBeGreaterThanOrEqual(12)
    }
  })

  it('B1 every read of the log stays within its bound, reads one event at least, and tells whether there are more', async () => {
    const { room } = await heavy(12)
    const database = openDatabase(app().databaseUrl, { connections: 1, onError: () => {} })
    try {
      const log = await openLog(database.readers)
      const sizes = (entries: { payload: unknown }[]) => entries.map(({ payload }) => Buffer.byteLength(JSON.stringify(payload)))
      const sum = (entries: { payload: unknown }[]) => sizes(entries).reduce((all, one) => all + one, 0)
      for (const bytes of [1, LARGE * 2, MIB]) {
        const read = await log.read(room, 1, 13, 500, bytes)
        const page = (await log.page(room, 1, 500, bytes))?.entries ?? []
        const news = (await log.readMany([{ room, after: 1 }], 500, bytes)).get(room)
        for (const entries of [read, page, news?.entries ?? []]) {
          expect(entries[0]?.meta.seq).toBe(2)
          if (entries.length > 1) expect(sum(entries)).toBeLessThanOrEqual(bytes)
        }
        expect(news?.more).toBe(true)
      }
      const all = (await log.readMany([{ room, after: 1 }], 500, 100 * MIB)).get(room)
      expect([all?.entries.at(-1)?.meta.seq, all?.more]).toEqual([13, false])
    } finally {
      await database.close()
    }
  })
})
