import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createPacer, ranks } from '../../packages/client/src/pacer.ts'
import { LIMITS } from '../../src/rooms/sockets/connection-limits.ts'
import { useApp } from '../support/app.ts'
import { upTo } from '../support/log.ts'
import { createProject, register } from '../support/people.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { clientOf } from './clients.ts'

describe('many rooms in one client', () => {
  // with limits
  const app = useApp({ env: { RATE_LIMIT: '100000' } })

  it('B2 more rooms than the server allows: as many as it allows are live, the others report why and take the place of those that are left', async () => {
    const { socketProjects } = LIMITS
    const owner = await register(app())
    const ids: string[] = []
    for (const _ of upTo(Math.ceil((socketProjects + 40) / 20)))
      ids.push(...(await Promise.all(upTo(20).map((n) => createProject(owner, `Album ${n}`)))).map(({ id }) => id))
    const proxy = await openTcpProxy({ port: Number(new URL(app().url).port) }, onTestFinished)
    const { client, errors, links } = clientOf({ url: proxy.url }, owner)
    const rooms = ids.map((id) => client.room(id, { state: false }))
    for (const [n, room] of rooms.entries()) if (n % 2 === 0) room.setPresence({ looksAt: n })
    const count = (status: string) => rooms.filter((room) => room.status === status).length
    const settled = () => count('live') === socketProjects && count('live') + count('offline') === ids.length
    await until('all that are allowed are live', settled, 60_000)
    for (const room of rooms)
      if (room.status === 'offline')
        expect(room.problem).toMatchObject({ code: 'rate-limited', detail: expect.stringMatching(/256/) })
    // the order in which they were opened
    expect(rooms.slice(0, 200).every((room) => room.status === 'live')).toBe(true)

    const left = rooms.filter((room) => room.status === 'live').slice(0, 10)
    for (const room of left) room.leave()
    await until('others take their place', () => count('live') === socketProjects, 30_000)
    expect(left.map((room) => room.status)).toEqual(left.map(() => 'offline'))

    proxy.drop()
    await until('the connection is lost', () => count('live') === 0)
    await until('all are live again', () => count('live') === socketProjects, 60_000)
    expect(links.filter((status) => status === 'online')).toHaveLength(2)
    expect(errors).toEqual([])
  }, 180_000)
})

describe('the pacer', () => {
  it('sends a burst at once and the rest at its rate, lower ranks first, joins by eights', () => {
    vi.useFakeTimers()
    const pacer = createPacer({ rate: 10, burst: 20, joins: 8 })
    pacer.open()
    const sent: string[] = []
    const ends = upTo(30).map((n) => pacer.add(ranks.join, () => sent.push(`join ${n}`)))
    expect(sent).toHaveLength(8)
    for (const end of ends.slice(0, 8)) end()
    expect(sent).toHaveLength(16)
    for (const end of ends.slice(8, 16)) end()
    expect(sent).toHaveLength(20)
    for (const end of ends.slice(16, 20)) end()
    pacer.add(ranks.presence, () => sent.push('presence'))
    pacer.add(ranks.leave, () => sent.push('leave'))
    pacer.add(ranks.userRoom, () => sent.push('own'))
    expect(pacer.mayPass()).toBe(false)
    vi.advanceTimersByTime(300)
    expect(sent.slice(20)).toEqual(['own', 'leave', 'join 21'])
    pacer.block(5_000)
    vi.advanceTimersByTime(4_900)
    expect(sent).toHaveLength(23)
    vi.advanceTimersByTime(10_000)
    expect(sent.slice(23)).toEqual([...upTo(7).map((n) => `join ${n + 21}`), 'presence'])
    pacer.close()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })
})
