import type { Share } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createPlays } from '../../../src/features/shares/plays.ts'
import { createLimits } from '../../../src/http/limits.ts'
import { startApp, useApp } from '../../support/app.ts'
import { createDatabase } from '../../support/database.ts'
import { recorded, share, visit } from '../../support/shares.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('plays of a link', () => {
  const app = useApp()

  it('D4 are its contents that were asked for from the start, and no probes, parts and repeats; an event says how many', async () => {
    const { owner, viewer, project, file } = await recorded(app())
    const { id, token } = await share(owner, { fileId: file.id })
    const listener = await connect(app(), viewer)
    await listener.join(project.id)
    const get = async (headers: Record<string, string> = {}, method = 'GET') =>
      (await visit(app(), token, '/content', { method, headers })).arrayBuffer()
    await get({}, 'HEAD')
    await get({ range: 'bytes=0-1' })
    await get({ range: 'bytes=44-' })
    await get({ range: 'bytes=-100' })
    await get({ 'if-none-match': `"${file.sha256}"` })
    await get()
    await get({ range: 'bytes=0-' })
    await until('the count', async () => (await owner.must<Share>('GET', `/api/shares/${id}`)).plays >= 2)
    const counted = await owner.must<Share>('GET', `/api/shares/${id}`)
    expect(counted).toMatchObject({ plays: 2, hasPassword: false })
    await until('the event', () => listener.events().some(({ payload }) => payload.plays === 2))
    const told = listener.events().filter(({ name }) => name === 'share:updated')
    expect(told.at(-1)).toMatchObject({ payload: { ...counted }, meta: { actor: null } })
    expect(told.at(-1)?.payload).toEqual(counted)
  })

  it('W1 of a server that stops are saved', async () => {
    const database = await createDatabase()
    onTestFinished(database.drop)
    const server = await startApp({ databaseUrl: database.url })
    const { owner, file } = await recorded(server)
    const { id, token } = await share(owner, { fileId: file.id })
    for (let n = 0; n < 3; n++) await (await visit(server, token, '/content')).arrayBuffer()
    await server.app.close()
    const { rows } = await server.db.query(`SELECT plays, version FROM "Share" WHERE id = $1`, [id])
    expect(rows[0].plays).toBe(3)
    await server.close()
  })

  it('B4 are one write, however many; those of a link that is gone, or of a deleted project, make no event', async () => {
    const database = await createDatabase()
    onTestFinished(database.drop)
    const server = await startApp({ databaseUrl: database.url })
    const { owner, project, file, cutId } = await recorded(server)
    const [gone, kept] = [await share(owner, { fileId: file.id }), await share(owner, { cutId })]
    for (const { token } of [gone, kept]) await (await visit(server, token, '/content')).arrayBuffer()
    await owner.must('DELETE', `/api/shares/${gone.id}`)
    await owner.must('DELETE', `/api/projects/${project.id}`)
    await server.app.close()
    const { rows } = await server.db.query(
      `SELECT name FROM "Event" WHERE room = $1 AND seq > (SELECT seq FROM "Event" WHERE room = $1 AND name = 'project:deleted')`,
      [`project:${project.id}`],
    )
    expect(rows).toEqual([])
    await server.close()
  })
})

describe('collected plays', () => {
  const makeLimit = createLimits({ enabled: false, redis: undefined })

  it('B1 of many listeners are one update of each link', async () => {
    const saved: ReadonlyMap<string, number>[] = []
    const plays = createPlays({
      makeLimit,
      save: async (counts) => void saved.push(counts),
      onError: (error) => expect.fail(String(error)),
      everyMs: 600_000,
    })
    for (let n = 0; n < 1_000; n++) await plays.count(`link ${n % 3}`, `network ${n}`)
    expect(saved).toEqual([])
    await plays.close()
    expect(saved.map((counts) => Object.fromEntries(counts))).toEqual([{ 'link 0': 334, 'link 1': 333, 'link 2': 333 }])
    await plays.count('link 1', 'late')
    await plays.close()
    expect(saved).toHaveLength(1)
  })

  it('O2 that could not be saved are saved later, each once', async () => {
    const saved = new Map<string, number>()
    let failures = 0
    const plays = createPlays({
      makeLimit,
      async save(counts) {
        if (failures++ < 2) throw new Error('the database is away')
        for (const [id, count] of counts) saved.set(id, (saved.get(id) ?? 0) + count)
      },
      onError: () => {},
      everyMs: 5,
    })
    for (let n = 0; n < 250; n++) await plays.count(`link ${n}`, 'network')
    await until('all of them', () => saved.size === 250)
    await plays.close()
    expect([...saved.values()]).toEqual(Array.from({ length: 250 }, () => 1))
  })

  it('B1 wait for ten thousand links at most', async () => {
    let links = 0
    const plays = createPlays({
      makeLimit,
      async save(counts) {
        links += counts.size
      },
      onError: (error) => expect.fail(String(error)),
      everyMs: 600_000,
    })
    for (let n = 0; n < 10_500; n++) await plays.count(`link ${n}`, 'network')
    await plays.close()
    expect(links).toBe(10_000)
  })
})
