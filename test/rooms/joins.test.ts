import type { Problem } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { addProjects } from '../support/members.ts'
import { createTeam } from '../support/people.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** Joins as a client that respects refusals: a refusal with `retryAfter` is asked again then, one without is final. */
async function joinPaced(listener: Listener, projectIds: string[]) {
  const answers: Awaited<ReturnType<Listener['join']>>[] = []
  for (const projectId of projectIds)
    for (;;) {
      const answer = await listener.join(projectId, { activity: false })
      if (answer.error?.retryAfter === undefined) {
        answers.push(answer)
        break
      }
      await sleep(answer.error.retryAfter * 1_000)
    }
  return answers
}

describe('joins of one socket', () => {
  // With the limits of a node.
  const app = useApp({ env: { RATE_LIMIT: '1000000' } })

  it('B2 beyond 256 projects a join is refused with the limit and without Retry-After, and the socket stays connected', async () => {
    const { owner } = await createTeam(app())
    const ids = await addProjects(app().db, { userId: owner.id, count: 300 })
    const listener = await connect(app(), owner)
    const answers = await joinPaced(listener, ids)
    expect(answers.filter(({ ok }) => ok)).toHaveLength(256)
    const refused = answers.slice(256)
    for (const { ok, error } of refused) {
      expect(ok).toBe(false)
      expect(error).toMatchObject({ code: 'rate-limited', status: 429, detail: expect.stringContaining('256') })
      expect(error).not.toHaveProperty('retryAfter')
    }
    // One that leaves makes room for one more.
    await listener.ask('leave:project', { projectId: ids[0] })
    const [next] = await joinPaced(listener, ids.slice(-1))
    expect(next?.ok).toBe(true)
    await owner.must('POST', `/api/projects/${ids[10]}/tasks`, { title: 'Still live' })
    await until('live', () => listener.events(`project:${ids[10]}`).length === 1)
    expect(listener.socket.connected).toBe(true)
  })

  it('B2 rooms that a socket is in and joins again count once', async () => {
    const { owner } = await createTeam(app())
    const ids = await addProjects(app().db, { userId: owner.id, count: 256 })
    const listener = await connect(app(), owner)
    const answers = await joinPaced(listener, ids.slice(0, 255))
    expect(answers.every(({ ok }) => ok)).toBe(true)
    const [first = '', last = ''] = [ids[0], ids[255]]
    let asked: { ok: boolean; error?: Problem }[] = []
    for (let pause: number | undefined = 0; pause !== undefined; ) {
      await sleep(pause * 1_000)
      asked = await Promise.all([
        listener.join(first, { after: 0 }),
        listener.ask('join:user', { after: 0 }),
        listener.join(last),
        listener.join(last),
      ])
      pause = asked.find(({ error }) => error?.retryAfter !== undefined)?.error?.retryAfter
    }
    // Of two joins of one room the newest wins.
    expect(asked).toMatchObject([{ ok: true }, { ok: true }, { error: { code: 'superseded' } }, { ok: true }])
  })

  it('B2 requests above the rate are refused with Retry-After', async () => {
    const { owner } = await createTeam(app())
    const ids = await addProjects(app().db, { userId: owner.id, count: 200 })
    const listener = await connect(app(), owner)
    const answers = await Promise.all(ids.map((id) => listener.join(id, { activity: false })))
    const refused = answers.filter(({ ok }) => !ok)
    expect(refused.length).toBeGreaterThan(0)
    for (const { error } of refused) expect(error).toMatchObject({ code: 'rate-limited', retryAfter: expect.any(Number) })
    expect(listener.socket.connected).toBe(true)
  })
})
