import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../../support/app.ts'
import { consumed } from '../../support/consumers.ts'
import { createGroup, createPair } from '../../support/conversations.ts'
import { createDatabase } from '../../support/database.ts'
import { login, type Person, register } from '../../support/people.ts'
import { hasRedis, type Redis, refuseWithoutRedis, startRedis } from '../../support/redis.ts'
import { connect, type Listener } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const TYPING_MS = 400
const typed = (listener: Listener) => listener.frames.filter(({ name }) => name === 'chat:typing').map(({ payload }) => payload)
const type = (listener: Listener, conversationId: string, isTyping = true) =>
  listener.ask('chat:typing', { conversationId, isTyping })

describe('typing in a conversation', () => {
  const app = useApp({ seams: { timings: { typingMs: TYPING_MS } } })

  it('P1 is shown to the other participants on all their connections, ends by itself, and moves no head', async () => {
    const { owner, other, conversation } = await createPair(app())
    const stranger = await register(app(), 'Stranger')
    const devices = [other, await login(app(), other)]
    const [own, outside, ...others] = await Promise.all([owner, stranger, ...devices].map((person) => connect(app(), person)))
    if (!own || !outside) throw new Error('no sockets')
    const head = async () => (await app().db.query('SELECT sum(head) AS heads FROM "Room"')).rows[0]
    await consumed(app().db)
    const before = await head()
    expect(await type(own, conversation.id)).toEqual({ ok: true })
    const shown = { conversationId: conversation.id, userId: owner.id }
    for (const listener of others) await until('it has ended', () => typed(listener).length === 2)
    for (const listener of others) expect(typed(listener)).toEqual([true, false].map((isTyping) => ({ ...shown, isTyping })))
    await type(own, conversation.id)
    await type(own, conversation.id, false)
    for (const listener of others) await until('it was stopped', () => typed(listener).length === 4)
    // A connection that breaks types no more.
    await type(own, conversation.id)
    own.socket.close()
    for (const listener of others)
      await until('it has ended', () => typed(listener).at(-1)?.isTyping === false && typed(listener).length === 6)
    expect(typed(outside)).toEqual([])
    expect(await head()).toEqual(before)
  })

  it('A1 A4 is for participants who may write: others are refused, and who has left all shared projects is not told', async () => {
    const { project, owner, others, group } = await createGroup(app(), 4)
    const [gone, viewer, stays] = others as [Person, Person, Person]
    const stranger = await register(app(), 'Stranger')
    const [a, b, c, d, e] = (await Promise.all(
      [owner, gone, viewer, stays, stranger].map((person) => connect(app(), person)),
    )) as [Listener, Listener, Listener, Listener, Listener]
    await owner.must('DELETE', `/api/projects/${project.id}/members/${gone.id}`)
    await owner.must('PATCH', `/api/projects/${project.id}/members/${viewer.id}`, { role: 'viewer' })
    expect(await type(b, group.id)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    expect(await type(c, group.id)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    expect(await type(e, group.id)).toMatchObject({ ok: false, error: { code: 'not-found' } })
    expect(await type(a, project.id)).toMatchObject({ ok: false, error: { code: 'not-found' } })
    await type(a, group.id)
    for (const listener of [c, d]) await until('it is shown', () => typed(listener).length > 0)
    expect([a, b, e].flatMap(typed)).toEqual([])
    const { token } = await owner.must<{ token: string }>('POST', '/api/me/tokens', { name: 'Bot' })
    const bot = await connect(app(), { token })
    expect(await type(bot, group.id)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    await type(d, group.id)
    await until('it is shown', () => typed(a).length > 0)
    expect(typed(bot)).toEqual([])
  })
})

if (!hasRedis()) refuseWithoutRedis('typing over Redis')

describe.runIf(hasRedis())('typing over Redis', () => {
  let redis: Redis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  it('P1 reaches people who are connected to another node', async () => {
    const database = await createDatabase()
    const env = { REDIS_URL: redis.url }
    const nodes = await Promise.all(
      [0, 1].map(() => startApp({ databaseUrl: database.url, env, seams: { timings: { typingMs: TYPING_MS } } })),
    )
    onTestFinished(async () => {
      await Promise.all(nodes.map((node) => node.close()))
      await database.drop()
    })
    const [a, b] = nodes as [TestApp, TestApp]
    const { owner, other, conversation } = await createPair(a)
    const [near, far] = [await connect(a, owner), await connect(b, other)]
    await until('the nodes know each other', async () => {
      await type(near, conversation.id)
      return typed(far).length > 0
    })
    await until('it has ended', () => typed(far).at(-1)?.isTyping === false)
    expect(typed(far)[0]).toEqual({ conversationId: conversation.id, userId: owner.id, isTyping: true })
  })
})
