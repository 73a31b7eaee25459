import { isDeepStrictEqual } from 'node:util'
import type { Conversations } from '@cutroom/client'
import type { Message } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { conversationOf, converse, createGroup, createPair, historyOf, readUpTo, say } from '../support/conversations.ts'
import { addMember, createProject, login, type Person, register } from '../support/people.ts'
import { createRandom } from '../support/random.ts'
import { until } from '../support/until.ts'
import { clientOf } from './clients.ts'
import { createNetwork } from './network.ts'

const messagesIn = ({ state }: Conversations, id: string): readonly Message[] => state?.histories.get(id)?.messages ?? []
const bodies = (conversations: Conversations, id: string) => messagesIn(conversations, id).map(({ body }) => body)
const loaded = (conversations: Conversations) => until('the list', () => conversations.state !== null)

describe('conversations of a client', () => {
  const app = useApp()

  it('are loaded when they are first asked for, sorted by the newest message, with what is unread', async () => {
    const { owner, other, conversation } = await createPair(app())
    const third = await register(app(), 'Third')
    await addMember(owner, (await createProject(owner)).id, third)
    const later = await converse(third, [owner])
    await say(other, conversation.id, 'Newest')
    const { client, errors } = clientOf(app(), owner)
    await client.connect()
    const lists: (string[] | undefined)[] = []
    const list = client.conversations.select(({ state }) => state?.list)
    list.subscribe(() => lists.push(list.value?.map(({ id }) => id)))
    await loaded(client.conversations)
    expect(client.conversations.state).toMatchObject({ unread: 1, list: [{ id: conversation.id }, { id: later.id }] })
    await say(third, later.id, 'Newer')
    await until('the order', () => lists.at(-1)?.[0] === later.id)
    expect(client.conversations.state).toMatchObject({ unread: 2 })
    await client.conversations.markRead(later.id)
    expect(client.conversations.state).toMatchObject({ unread: 1 })
    await client.logout()
    expect(client.conversations.state).toBeNull()
    expect(errors).toEqual([])
  })

  it('a message is shown at once, sent once, and its order is that of the calls; a refused one waits for a retry', async () => {
    const { project, owner, other, conversation } = await createPair(app(), 'commenter')
    const network = createNetwork()
    const { client } = clientOf(app(), other, { fetch: network.fetch })
    await client.connect()
    const { conversations } = client
    await conversations.open(conversation.id)
    // The first answer is lost: it is asked for again, under the same key.
    network.rule((path, n) => (path.endsWith('/messages') && n === 1 ? 'lose' : 'pass'))
    const sent = ['one', 'two', 'three'].map((body) => conversations.send(conversation.id, body))
    await until('all are shown', () => conversations.state?.sending.get(conversation.id)?.length === 3)
    await Promise.all(sent)
    expect(conversations.state?.sending.size).toBe(0)
    expect(bodies(conversations, conversation.id)).toEqual(['one', 'two', 'three'])
    expect((await historyOf(owner, conversation.id)).map(({ body }) => body)).toEqual(['three', 'two', 'one'])

    await owner.must('PATCH', `/api/projects/${project.id}/members/${other.id}`, { role: 'viewer' })
    await conversations.send(conversation.id, 'refused')
    const [refused] = conversations.state?.sending.get(conversation.id) ?? []
    expect(refused).toMatchObject({ body: 'refused', problem: { code: 'forbidden' } })
    await owner.must('PATCH', `/api/projects/${project.id}/members/${other.id}`, { role: 'commenter' })
    await conversations.retry(refused?.key ?? '')
    expect(bodies(conversations, conversation.id).at(-1)).toBe('refused')
    await conversations.send(conversation.id, ' ')
    await conversations.discard(conversations.state?.sending.get(conversation.id)?.[0]?.key ?? '')
    expect(conversations.state?.sending.size).toBe(0)
  })

  it('a history is loaded page by page and kept by events; edits, deletions and names come, too', async () => {
    const { owner, other, conversation } = await createPair(app())
    const all: Message[] = []
    for (let n = 0; n < 60; n++) all.push(await say(n % 3 ? other : owner, conversation.id, `Message ${n}`))
    const { client } = clientOf(app(), owner)
    await client.connect()
    const { conversations } = client
    await conversations.open(conversation.id)
    expect(messagesIn(conversations, conversation.id)).toEqual(all.slice(10))
    expect(conversations.state?.histories.get(conversation.id)?.hasMore).toBe(true)
    await Promise.all([conversations.loadOlder(conversation.id), conversations.loadOlder(conversation.id)])
    expect(messagesIn(conversations, conversation.id)).toEqual(all)
    expect(conversations.state?.histories.get(conversation.id)?.hasMore).toBe(false)
    await other.must('PATCH', `/api/messages/${all[59]?.id}`, { body: 'Edited' })
    await conversations.remove(all[57]?.id ?? '')
    await conversations.edit(all[54]?.id ?? '', 'Mine')
    await other.must('PATCH', '/api/me', { name: 'Renamed' })
    const last = await say(other, conversation.id, 'Last')
    await until('all came', () => messagesIn(conversations, conversation.id).at(-1)?.id === last.id)
    expect(messagesIn(conversations, conversation.id)).toEqual((await historyOf(owner, conversation.id)).reverse())
    await conversations.close(conversation.id)
    expect(conversations.state?.histories.size).toBe(0)
  })

  it('older messages stay when the list is loaded again for another project, and make room for the newest where events were missed', async () => {
    const { owner, other, conversation } = await createPair(app())
    const { id } = conversation
    const all: Message[] = []
    for (let n = 0; n < 110; n++) all.push(await say(other, id, `Message ${n}`))
    const network = createNetwork()
    const { client, errors } = clientOf(app(), owner, { fetch: network.fetch })
    await client.connect()
    const { conversations } = client
    await conversations.open(id)
    await conversations.loadOlder(id)
    expect(messagesIn(conversations, id)).toEqual(all.slice(10))
    network.rule((path, n) => (path.endsWith('/messages') && n === 2 ? 'hold' : 'pass'))
    const older = conversations.loadOlder(id)
    await until('the oldest are asked for', () => network.held.length === 1)

    // without an event: it is seen when the newest page is read again
    const changed = (body: string) => app().db.query('UPDATE "Message" SET body = $1 WHERE id = $2', [body, all[109]?.id])
    await changed('Read again')
    await addMember(other, (await createProject(other)).id, owner)
    await until('the newest are read again', () => bodies(conversations, id).at(-1) === 'Read again')
    expect(bodies(conversations, id)).toEqual([...all.slice(10, 109).map(({ body }) => body), 'Read again'])
    network.held[0]?.release()
    await older
    expect(messagesIn(conversations, id).slice(0, 109)).toEqual(all.slice(0, 109))
    expect(conversations.state?.histories.get(id)?.hasMore).toBe(false)

    client.disconnect()
    await changed('Missed')
    await addMember(other, (await createProject(other)).id, owner)
    await app().db.query('UPDATE "Room" SET floor = head WHERE id = $1', [`user:${owner.id}`])
    await client.connect()
    await until('the newest replace them', () => bodies(conversations, id).at(-1) === 'Missed')
    expect(bodies(conversations, id)).toHaveLength(50)
    expect(conversations.state?.histories.get(id)?.hasMore).toBe(true)
    expect(errors).toEqual([])
  })

  it('P1 who types is shown until they stop, write, or are not heard of; one’s own typing stops by itself', async () => {
    const { owner, other, conversation } = await createPair(app())
    const [a, b] = [clientOf(app(), owner).client, clientOf(app(), other).client]
    await Promise.all([a.connect(), b.connect()])
    await loaded(a.conversations)
    const typing = () => a.conversations.state?.typing.get(conversation.id) ?? []
    await b.conversations.setTyping(conversation.id, true)
    await until('it is shown', () => typing().includes(other.id))
    await b.conversations.send(conversation.id, 'Written')
    await until('it has ended', () => typing().length === 0)
    // A message that comes later ends what was typed since, too.
    await until(
      'it is there',
      () => a.conversations.state?.list.some(({ lastMessage }) => lastMessage?.body === 'Written') ?? false,
    )
    await b.conversations.setTyping(conversation.id, true)
    await until('it is shown', () => typing().includes(other.id))
    await until('it stopped by itself', () => typing().length === 0)
  })

  it('R4 the state that events have made is the one that a new client loads, after writes of several devices in any order', async () => {
    const random = createRandom(14)
    const { people, group, owner, others } = await createGroup(app(), 3)
    const pair = await converse(owner, [others[0] as Person])
    const phone = await login(app(), owner)
    const clients = [clientOf(app(), owner), clientOf(app(), phone)].map(({ client }) => client)
    for (const client of clients) {
      await client.connect()
      await loaded(client.conversations)
      await client.conversations.open(group.id)
    }
    const written: Message[] = []
    const { pick } = random
    for (let n = 0; n < 60; n++) {
      const conversation = random.chance(0.3) ? pair : group
      const writer = pick(conversation === pair ? people.slice(0, 2) : people)
      const kind = random.int(0, 9)
      const ofWriter = written.filter(({ author }) => author.id === writer.id)
      if (kind < 5 || written.length === 0) written.push(await say(writer, conversation.id, `Message ${n}`))
      else if (kind === 5 && ofWriter.length > 0)
        await writer.call('PATCH', `/api/messages/${pick(ofWriter).id}`, { body: `Edited ${n}` })
      else if (kind === 6 && ofWriter.length > 0) {
        const gone = pick(ofWriter)
        await writer.must('DELETE', `/api/messages/${gone.id}`)
        written.splice(written.indexOf(gone), 1)
      } else {
        const message = pick(written)
        await readUpTo(random.chance(0.5) ? owner : phone, message.conversationId, message.id)
      }
    }
    const mark = await say(others[0] as Person, group.id, 'The end')
    const fresh = clientOf(app(), owner).client
    await fresh.connect()
    await loaded(fresh.conversations)
    await fresh.conversations.open(group.id)
    for (const { conversations } of clients) {
      await until('the end', () => messagesIn(conversations, group.id).at(-1)?.id === mark.id)
      await until('what was loaded again', () => isDeepStrictEqual(conversations.state?.list, fresh.conversations.state?.list))
      expect(conversations.state?.list).toEqual(await Promise.all([group, pair].map(({ id }) => conversationOf(owner, id))))
      const shown = messagesIn(conversations, group.id)
      expect(shown).toEqual((await historyOf(owner, group.id)).slice(0, shown.length).reverse())
    }
  })

  it('R1 messages that were written while the connection was gone are there after it', async () => {
    const { owner, other, conversation } = await createPair(app())
    const { client } = clientOf(app(), owner)
    await client.connect()
    await client.conversations.open(conversation.id)
    client.disconnect()
    await say(other, conversation.id, 'Missed')
    expect(messagesIn(client.conversations, conversation.id)).toEqual([])
    await client.connect()
    await until('it came', () => messagesIn(client.conversations, conversation.id).length === 1)
    expect(client.conversations.state).toMatchObject({ unread: 1 })
  })

  it('a conversation that is started is listed for both, and one that was not known is loaded with its first message', async () => {
    const { owner, other } = await createPair(app())
    const third = await register(app(), 'Third')
    const project = await createProject(owner)
    await addMember(owner, project.id, third)
    const [a, b] = [clientOf(app(), owner).client, clientOf(app(), third).client]
    await Promise.all([a.connect(), b.connect()])
    await Promise.all([loaded(a.conversations), loaded(b.conversations)])
    const { id } = await a.conversations.start([third.id])
    await until('it is listed', () => b.conversations.state?.list.some((each) => each.id === id) === true)
    const group = await a.conversations.start([third.id, other.id], 'Title')
    expect(group.title).toBe('Title')
    await expect(b.conversations.start([other.id])).rejects.toMatchObject({ code: 'validation' })
  })
})
