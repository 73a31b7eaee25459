import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { roundTrip } from '../rooms/frames.ts'
import { type TestApp, useApp } from '../support/app.ts'
import { ALL, named, speak, startNodes } from '../support/dialects.ts'
import { addMember, createProject, createTeam, login, type Person, register } from '../support/people.ts'
import { hasRedis, type Redis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const relays = [
  { dialect: 'planner', says: 'update', hears: 'update' },
  { dialect: 'photoflow', says: 'database-change', hears: 'database-changed' },
] as const

const payloads = (listener: Listener, name: string) => named(listener, name).map(({ payload }) => payload as unknown)

describe('relays', () => {
  const app = useApp({ env: { DIALECTS: ALL } })

  for (const { dialect, says, hears } of relays) {
    it(`C4 ${says} goes to the sockets of ${dialect} in the sender’s projects, the sender included, once and as it was`, async () => {
      const { project, owner, commenter } = await createTeam(app(), 'commenter')
      const second = await createProject(owner, 'Second')
      await addMember(owner, second.id, commenter)
      const [sender, other] = [await speak(app(), commenter, dialect), await speak(app(), owner, dialect)]
      const said = [{ type: 'moved', list: [1, 'ä', null], deep: { project: project.id } }, 'text', 7, null, [], false]
      for (const payload of said) expect(await sender.ask(says, payload)).toEqual({ ok: true })
      sender.socket.emit(says)
      await until('all came', () => [sender, other].every((one) => payloads(one, hears).length === said.length + 1))
      for (const one of [sender, other]) expect(payloads(one, hears)).toEqual([...said, undefined])
    })

    it(`C4 ${says} reaches no one outside: strangers, former members, other dialects, native sockets; and it is in no log`, async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const removed = await register(app(), 'Rem Oved')
      await addMember(owner, project.id, removed)
      const stranger = await register(app(), 'Sam Stranger')
      const native = await connect(app(), owner)
      await native.join(project.id)
      const elsewhere = dialect === 'planner' ? 'photoflow' : 'planner'
      const outside = [
        await speak(app(), stranger, dialect),
        await speak(app(), removed, dialect),
        await speak(app(), owner, elsewhere),
        await speak(app(), owner, 'baasix'),
        await speak(app(), owner, 'bandmate'),
        native,
      ]
      const [sender, inside] = [await speak(app(), editor, dialect), await speak(app(), owner, dialect)]
      await owner.must('DELETE', `/api/projects/${project.id}/members/${removed.id}`)
      await until('removed', () => outside[1]?.frames.some(({ name }) => name === 'access:revoked') ?? false)
      const heads = async () => (await owner.must<{ head: number }>('GET', `/api/projects/${project.id}/events`)).head
      const head = await heads()
      // What it says of rooms is no address.
      const word = 'for those inside'
      await sender.ask(says, { word, room: `user:${stranger.id}`, projectId: project.id, to: '*' })
      await until('heard inside', () => JSON.stringify(inside.frames).includes(word))
      for (const one of outside) {
        await roundTrip(one)
        expect(JSON.stringify(one.frames)).not.toContain(word)
      }
      expect(await heads()).toBe(head)
      // Nor does the former member reach those inside.
      const back = outside[1] as Listener
      expect(await back.ask(says, { word: 'of one outside' })).toMatchObject({ ok: false, error: { code: 'forbidden' } })
      await roundTrip(inside)
      expect(JSON.stringify(inside.frames)).not.toContain('of one outside')
    })

    it(`C4 ${says} of a viewer, of a token for viewers, too large, too deep or too often is refused, and nothing is sent`, async () => {
      const { project, owner, viewer } = await createTeam(app(), 'viewer')
      const inside = await speak(app(), owner, dialect)
      const looker = await speak(app(), viewer, dialect)
      expect(await looker.ask(says, 'by a viewer')).toMatchObject({ ok: false, error: { code: 'forbidden' } })
      const made = await owner.must<{ token: string }>('POST', '/api/me/tokens', {
        name: 'Bot',
        role: 'viewer',
        projectIds: null,
      })
      const bot = await speak(app(), { token: made.token }, dialect)
      expect(await bot.ask(says, 'by a bot')).toMatchObject({ ok: false, error: { code: 'forbidden' } })
      const sender = await speak(app(), await login(app(), owner), dialect)
      expect(await sender.ask(says, 'x'.repeat(8 * 1024))).toMatchObject({ ok: false, error: { code: 'validation' } })
      let deep: unknown = 'deep'
      for (let n = 0; n < 100; n++) deep = [deep]
      expect(await sender.ask(says, deep)).toMatchObject({ ok: false, error: { code: 'bad-request' } })
      const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => sender.ask(says, `${n}`)))
      const taken = answers.filter(({ ok }) => ok).length
      expect(taken).toBeGreaterThanOrEqual(5)
      // A burst of ten, of which the bot and the large one took some, and two a second.
      expect(taken).toBeLessThanOrEqual(14)
      expect(answers.at(-1)?.error).toMatchObject({ code: 'rate-limited', retryAfter: 1 })
      // Another socket of the same person has no other bucket.
      expect((await inside.ask(says, 'more')).error?.code).toBe('rate-limited')
      await roundTrip(inside)
      expect(payloads(inside, hears)).toHaveLength(taken)
      expect(project.id).toBeTruthy()
    })
  }
})

if (!hasRedis()) refuseWithoutRedis('relays over Redis')

describe.runIf(hasRedis())('relays over Redis', () => {
  let redis: Redis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  it('C4 a relay reaches the sockets of another node, and those alone that it would reach on one', async () => {
    const [a, b] = (await startNodes(2, { env: { REDIS_URL: redis.url, DIALECTS: ALL } })) as [TestApp, TestApp]
    const { owner, editor } = await createTeam(a, 'editor')
    const stranger: Person = await register(b, 'Sam Stranger')
    const far = [await speak(b, owner, 'planner'), await speak(b, owner, 'photoflow'), await speak(b, stranger, 'planner')]
    const near = await speak(a, editor, 'planner')
    await near.ask('update', { n: 1 })
    await near.ask('update', { n: 2 })
    await until('both came', () => payloads(far[0] as Listener, 'update').length === 2)
    expect(payloads(far[0] as Listener, 'update')).toEqual([{ n: 1 }, { n: 2 }])
    for (const one of far.slice(1)) {
      await roundTrip(one)
      expect(JSON.stringify(one.frames)).not.toContain('"n":')
    }
  })
})
