import type { Conversation, Message } from '@cutroom/contract'
import { MAX_UNREAD } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../../support/app.ts'
import { conversationOf, createGroup, createPair, historyOf, readUpTo, say } from '../../support/conversations.ts'
import { createDatabase } from '../../support/database.ts'
import { login, type Person } from '../../support/people.ts'
import { createRandom } from '../../support/random.ts'
import { connect, type Listener } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

/** What a person has not read, counted from the whole history. */
const unreadOf = (all: readonly Message[], person: Person, readId: string): number =>
  Math.min(all.filter(({ id, author }) => id > readId && author.id !== person.id).length, MAX_UNREAD)

const marks = (listener: Listener, readBy: string) =>
  listener
    .events()
    .flatMap(({ name, payload }) => (name === 'chat:read' && payload.readBy === readBy ? [payload.messageId as string] : []))

describe('read positions', () => {
  const app = useApp()

  for (const seed of [1, 2, 3])
    it(`R4 N1 seed ${seed}: unread counts are those of a count over all messages, after any order of messages, marks and deletions`, async () => {
      const random = createRandom(seed)
      const { people, group } = await createGroup(app(), 3)
      const devices = await Promise.all(people.flatMap((person) => [person, login(app(), person)]))
      const written: Message[] = []
      const reached = new Map<string, string>()
      const advance = (person: Person, id: string) => {
        if (id > (reached.get(person.id) ?? '')) reached.set(person.id, id)
      }
      for (let n = 0; n < 50; n++) {
        const device = random.pick(devices)
        const own = written.filter(({ author }) => author.id === device.id)
        if (random.chance(0.5) || written.length === 0) {
          const message = await say(device, group.id, `Message ${n}`)
          written.push(message)
          advance(device, message.id)
        } else if (random.chance(0.2) && own.length > 0) {
          const gone = random.pick(own)
          await device.must('DELETE', `/api/messages/${gone.id}`)
          written.splice(written.indexOf(gone), 1)
        } else {
          const { id } = random.pick(written)
          const answer = await readUpTo(device, group.id, id)
          advance(device, id)
          expect(answer).toMatchObject({ status: 200, body: { messageId: reached.get(device.id) } })
        }
        if (n % 10 !== 9) continue
        for (const person of people) {
          const conversation = await conversationOf(person, group.id)
          expect(conversation.unread).toBe(unreadOf(written, person, reached.get(person.id) ?? ''))
          expect(conversation.readUpTo).toEqual(Object.fromEntries(reached))
          expect(await person.must('GET', '/api/conversations')).toMatchObject({ data: [conversation] })
        }
      }
    })

  it('B1 unread messages are counted up to a hundred, and all are read with one mark', async () => {
    const { owner, other, conversation } = await createPair(app())
    await app().db.query(
      `INSERT INTO "Message" (id, "conversationId", "authorId", body)
       SELECT ('0199f0c2-3a01-7b1e-8c4d-' || lpad(to_hex(n), 12, '0'))::uuid, $1, $2, 'x' FROM generate_series(1, 150) n`,
      [conversation.id, other.id],
    )
    expect((await conversationOf(owner, conversation.id)).unread).toBe(MAX_UNREAD)
    const [newest] = await historyOf(owner, conversation.id)
    await readUpTo(owner, conversation.id, newest?.id ?? '')
    expect((await conversationOf(owner, conversation.id)).unread).toBe(0)
  })

  it('D1 on two nodes, marks of three devices in any order, repeated, all at once: each device hears them grow, and all end alike', async () => {
    const database = await createDatabase()
    const nodes = await Promise.all(
      [0, 1].map(() => startApp({ databaseUrl: database.url, seams: { timings: { sweepMs: 50 } } })),
    )
    onTestFinished(async () => {
      await Promise.all(nodes.map((node) => node.close()))
      await database.drop()
    })
    const [a, b] = nodes as [TestApp, TestApp]
    const { owner, other, conversation } = await createPair(a)
    const devices = [owner, await login(b, owner), await login(a, owner)]
    const listeners = await Promise.all([connect(a, owner), connect(b, owner), connect(b, other)])
    const written: Message[] = []
    for (let n = 0; n < 12; n++) written.push(await say(other, conversation.id, `Message ${n}`))
    const random = createRandom(7)
    const order = random.shuffle([...written, ...written, ...written])
    const answers = await Promise.all(
      order.map(({ id }, n) => readUpTo(devices[n % devices.length] as Person, conversation.id, id)),
    )
    expect(answers.map(({ status }) => status)).toEqual(order.map(() => 200))
    for (const [n, { body }] of answers.entries())
      expect((body as { messageId: string }).messageId >= (order[n]?.id ?? '')).toBe(true)
    const last = written.at(-1)?.id ?? ''
    for (const listener of listeners) {
      await until('the last mark', () => marks(listener, owner.id).at(-1) === last)
      const heard = marks(listener, owner.id)
      expect(heard).toEqual([...new Set(heard)].sort())
    }
    for (const person of [owner, other])
      expect((await conversationOf(person, conversation.id)).readUpTo).toEqual({ [owner.id]: last, [other.id]: last })
    expect((await conversationOf(owner, conversation.id)) satisfies Conversation).toMatchObject({ unread: 0 })
  })

  it('W2 of forty messages at once the ids are in the order of the commits, and what came after a person’s own is unread', async () => {
    const { people, group, owner } = await createGroup(app(), 8)
    const listener = await connect(app(), owner)
    await Promise.all(Array.from({ length: 40 }, (_, n) => say(people[n % people.length] as Person, group.id, `Message ${n}`)))
    const heard = () => listener.events().filter(({ name }) => name === 'chat:message')
    await until('all came', () => heard().length === 40)
    const ids = heard().map(({ payload }) => payload.id as string)
    expect(ids).toEqual(ids.toSorted())
    const all = await historyOf(owner, group.id)
    for (const person of people) {
      const { unread, readUpTo } = await conversationOf(person, group.id)
      expect(unread).toBe(unreadOf(all, person, readUpTo[person.id] ?? ''))
    }
  })
})
