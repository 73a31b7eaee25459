import type { Conversation, Message } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { consumed } from '../../support/consumers.ts'
import { conversationOf, converse, createGroup, createPair, historyOf, readUpTo, say } from '../../support/conversations.ts'
import { addMember, createProject, createTeam, login, type Person, register } from '../../support/people.ts'
import { connect, type Listener } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const named = (listener: Listener, name: string) => listener.events().filter((event) => event.name === name)
/** All but notifications, which come when their consumer has written them. */
const namesOf = (listener: Listener): string[] =>
  listener.events().flatMap(({ name }) => (name.startsWith('notification:') ? [] : name))
const list = async (person: Person): Promise<Conversation[]> =>
  (await person.must<{ data: Conversation[] }>('GET', '/api/conversations')).data

describe('conversations', () => {
  const app = useApp()

  it('W3 two people have one, whoever asks for it and however often, and both at once', async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    const asked = await Promise.all([owner, editor, owner, editor].map((me) => converse(me, [me === owner ? editor : owner])))
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1)
    const [first] = asked as [Conversation]
    expect(first).toEqual({
      id: first.id,
      title: null,
      members: [owner, editor].map(({ id, name }) => ({ id, name, avatarUrl: null })),
      lastMessage: null,
      unread: 0,
      readUpTo: {},
      canWrite: true,
      createdAt: first.createdAt,
      updatedAt: first.createdAt,
    })
    expect(await list(editor)).toEqual([first])
    const groups = [
      await converse(owner, [editor, await memberOf(owner)]),
      await converse(owner, [editor, await memberOf(owner)]),
    ]
    expect(new Set(groups.map(({ id }) => id)).size).toBe(2)
  })

  /** A new person in a project of this one. */
  async function memberOf(owner: Person): Promise<Person> {
    const person = await register(app(), 'Guest')
    await addMember(owner, (await createProject(owner)).id, person, 'viewer')
    return person
  }

  it('D4 each event of a conversation is the answer of its write, on every connection of each participant', async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    const devices = [owner, await login(app(), owner), editor, await login(app(), editor)]
    const listeners = await Promise.all(devices.map((device) => connect(app(), device)))
    const conversation = await converse(owner, [editor])
    const path = `/api/conversations/${conversation.id}`
    const message = await say(editor, conversation.id, 'Hear [Chorus](cut:0199f0c2-3a07-7b1e-8c4d-2f6a91d0e5b1)')
    const edited = await editor.must<Message>('PATCH', `/api/messages/${message.id}`, { body: 'Hear it' })
    const read = await owner.must('PUT', `${path}/read`, { messageId: message.id })
    await editor.must('DELETE', `/api/messages/${message.id}`)
    const expected = [
      ['conversation:created', conversation],
      ['chat:message', message],
      ['chat:message-updated', edited],
      ['chat:read', read],
      ['chat:message-deleted', { conversationId: conversation.id, messageId: message.id }],
    ]
    for (const listener of listeners) {
      await until('all came', () => named(listener, 'chat:message-deleted').length === 1)
      const got = listener.events().filter(({ name }) => name.startsWith('chat:') || name.startsWith('conversation:'))
      expect(got.map(({ name, payload }) => [name, payload])).toEqual(expected)
      expect(got.map(({ meta }) => meta.actor?.id)).toEqual([owner, editor, editor, owner, editor].map(({ id }) => id))
    }
    expect(message).toMatchObject({ author: { id: editor.id }, editedAt: null, version: 1 })
    expect(edited).toMatchObject({ id: message.id, body: 'Hear it', version: 2, editedAt: expect.any(String) })
    expect(read).toEqual({ conversationId: conversation.id, readBy: owner.id, messageId: message.id })
    expect(await conversationOf(owner, conversation.id)).toMatchObject({ lastMessage: null, unread: 0 })
  })

  it('W4 W6 a repeated message is one, an edit of an older version is refused, an edit without a change is none', async () => {
    const { owner, other, conversation } = await createPair(app())
    const listener = await connect(app(), other)
    const path = `/api/conversations/${conversation.id}/messages`
    const key = { 'idempotency-key': 'one' }
    const first = await owner.call<Message>('POST', path, { body: 'Hello' }, key)
    const again = await owner.call<Message>('POST', path, { body: 'Hello' }, key)
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.body).toEqual(first.body)
    expect(first.headers.get('location')).toBe(`/api/messages/${first.body.id}`)
    expect(again.headers.get('cutroom-seq')).toMatch(/^[1-9]/)
    expect((await owner.call('POST', path, { body: 'Other' }, key)).status).toBe(422)
    const at = `/api/messages/${first.body.id}`
    const etag = (await other.call('GET', at)).headers.get('etag') ?? ''
    const edits = await Promise.all(['a', 'b', 'c'].map((body) => owner.call('PATCH', at, { body }, { 'if-match': etag })))
    expect(edits.map(({ status }) => status).sort()).toEqual([200, 412, 412])
    const stale = edits.find(({ status }) => status === 412)
    const now = await owner.must<Message>('GET', at)
    expect(stale?.body).toMatchObject({ code: 'stale', current: now })
    expect(await owner.must('PATCH', at, { body: now.body })).toEqual(now)
    expect((await owner.call('DELETE', at, undefined, { 'if-match': etag })).status).toBe(412)
    await owner.must('DELETE', at)
    await until('the deletion', () => named(listener, 'chat:message-deleted').length === 1)
    expect(namesOf(listener)).toEqual(['chat:message', 'chat:message-updated', 'chat:message-deleted'])
  })

  it('B1 history is read page by page, newest first, and the list by the newest message', async () => {
    const { owner, other, conversation } = await createPair(app())
    const said: Message[] = []
    for (let n = 0; n < 7; n++) said.push(await say(n % 2 === 0 ? owner : other, conversation.id, `Message ${n}`))
    expect(await historyOf(other, conversation.id, 3)).toEqual(said.toReversed())
    const people = await Promise.all([0, 1, 2].map(() => memberOf(owner)))
    const more: Conversation[] = []
    for (const person of people) more.push(await converse(owner, [person]))
    await say(owner, more[0]?.id ?? '', 'First again')
    const order: string[] = []
    for (let cursor = ''; ; ) {
      const page = await owner.must<{ data: Conversation[]; nextCursor: string | null }>(
        'GET',
        `/api/conversations?limit=1${cursor}`,
      )
      order.push(...page.data.map(({ id }) => id))
      if (page.nextCursor === null) break
      cursor = `&cursor=${page.nextCursor}`
    }
    expect(order).toEqual([more[0], more[2], more[1], conversation].map((each) => each?.id))
    expect((await other.call('GET', `/api/conversations?limit=51`)).status).toBe(422)
  })

  it('A1 people who share no project any more read what was said, and can write nothing; they may again when they share one', async () => {
    const { project, owner, other, conversation } = await createPair(app(), 'commenter')
    const path = `/api/conversations/${conversation.id}`
    const message = await say(other, conversation.id, 'Bye')
    await owner.must('DELETE', `/api/projects/${project.id}/members/${other.id}`)
    for (const person of [owner, other]) {
      expect(await conversationOf(person, conversation.id)).toMatchObject({ canWrite: false, lastMessage: message })
      expect(await historyOf(person, conversation.id)).toEqual([message])
      expect((await person.call('POST', `${path}/messages`, { body: 'x' })).body).toMatchObject({ code: 'forbidden' })
    }
    expect((await other.call('PATCH', `/api/messages/${message.id}`, { body: 'x' })).status).toBe(403)
    expect(await readUpTo(owner, conversation.id, message.id)).toMatchObject({ status: 200 })
    // The conversation that is there is answered to both.
    expect((await converse(other, [owner])).id).toBe(conversation.id)
    await addMember(owner, project.id, other, 'viewer')
    expect(await conversationOf(owner, conversation.id)).toMatchObject({ canWrite: true })
    expect(await conversationOf(other, conversation.id)).toMatchObject({ canWrite: false })
    await owner.must('PATCH', `/api/projects/${project.id}/members/${other.id}`, { role: 'commenter' })
    await say(other, conversation.id, 'Back')
    await owner.must('DELETE', `/api/projects/${project.id}`)
    expect((await owner.call('POST', `${path}/messages`, { body: 'x' })).status).toBe(403)
    await other.must('DELETE', `/api/messages/${message.id}`)
  })

  it('A1 who left all projects of a group reads up to then: nothing later reaches them, by no event and no list; who is back reads all', async () => {
    const { project, owner, others, group } = await createGroup(app(), 4)
    const [gone, stays] = others as [Person, Person]
    const [listener, control] = [await connect(app(), gone), await connect(app(), stays)]
    const before = await say(gone, group.id, 'Before')
    await owner.must('DELETE', `/api/projects/${project.id}/members/${gone.id}`)
    const later = await say(owner, group.id, 'Later')
    await owner.must('PATCH', `/api/messages/${later.id}`, { body: 'Later, edited' })
    await readUpTo(stays, group.id, later.id)
    await readUpTo(owner, group.id, before.id)
    await until('the others are told', () => named(control, 'chat:read').length >= 1)
    expect(await conversationOf(gone, group.id)).toMatchObject({ lastMessage: before, unread: 0, canWrite: false })
    expect(await historyOf(gone, group.id)).toEqual([before])
    expect(await list(gone)).toMatchObject([{ lastMessage: before }])
    expect((await gone.call('GET', `/api/messages/${later.id}`)).status).toBe(404)
    expect((await readUpTo(gone, group.id, later.id)).status).toBe(404)
    // What they can read, they see deleted.
    await gone.must('DELETE', `/api/messages/${before.id}`)
    await until('the deletion', () => named(listener, 'chat:message-deleted').length === 1)
    expect(namesOf(listener)).toEqual(['chat:message', 'project:left', 'chat:message-deleted'])
    expect(await historyOf(gone, group.id)).toEqual([])
    await addMember(owner, project.id, gone, 'viewer')
    const back = await say(stays, group.id, 'Welcome')
    await until('the message', () => named(listener, 'chat:message').length === 2)
    expect((await historyOf(gone, group.id)).map(({ body }) => body)).toEqual([back.body, 'Later, edited'])
    expect(await conversationOf(gone, group.id)).toMatchObject({ unread: 2 })
  })

  it('A3 only commenters open a conversation, and with each a project has to be shared; more than fifty people are refused', async () => {
    const { project, owner, viewer, editor } = await createTeam(app(), 'viewer', 'editor')
    const stranger = await register(app(), 'Stranger')
    const open = (person: Person, ids: string[], title?: string) =>
      person.call('POST', '/api/conversations', { memberIds: ids, ...(title !== undefined && { title }) })
    expect((await open(viewer, [owner.id])).status).toBe(403)
    expect((await converse(owner, [viewer])).id).toBe((await converse(viewer, [owner])).id)
    const unknown = await open(owner, [project.id])
    const foreign = await open(owner, [stranger.id])
    expect(unknown.body).toMatchObject({ code: 'validation', errors: [{ pointer: '/memberIds/0', code: 'unknown' }] })
    expect({ ...(foreign.body as object), requestId: 0 }).toEqual({ ...(unknown.body as object), requestId: 0 })
    const refused = [
      [],
      [owner.id],
      [editor.id, editor.id],
      [editor.id, owner.id],
      Array.from({ length: 50 }, (_, n) => `0199f0c2-3a07-7b1e-8c4d-2f6a91d0e5${(n + 16).toString(16)}`),
      ['no id'],
    ]
    for (const ids of refused) expect((await open(owner, ids)).status, JSON.stringify(ids)).toBe(422)
    expect((await open(owner, [editor.id], 'A title')).status).toBe(422)
    expect((await open(owner, [editor.id, viewer.id], 'A title')).body).toMatchObject({ title: 'A title' })
  })

  it('A4 A5 conversations and messages of others are not found, for strangers and people of the same project alike', async () => {
    const { owner, conversation, project } = await createPair(app())
    const message = await say(owner, conversation.id, 'Secret')
    const stranger = await register(app(), 'Stranger')
    const colleague = await register(app(), 'Colleague')
    await addMember(owner, project.id, colleague, 'owner')
    const own = await converse(colleague, [owner])
    for (const person of [stranger, colleague])
      for (const [method, path, body] of [
        ['GET', `/api/conversations/${conversation.id}`],
        ['GET', `/api/conversations/${conversation.id}/messages`],
        ['POST', `/api/conversations/${conversation.id}/messages`, { body: 'x' }],
        ['PUT', `/api/conversations/${conversation.id}/read`, { messageId: message.id }],
        ['GET', `/api/messages/${message.id}`],
        ['PATCH', `/api/messages/${message.id}`, { body: 'x' }],
        ['DELETE', `/api/messages/${message.id}`],
      ] as const) {
        const answer = await person.call(method, path, body)
        const none = await person.call(method, path.replace(/[0-9a-f]{12}(?=$|\/)/, '0'.repeat(12)), body)
        expect(answer, `${method} ${path}`).toMatchObject({ status: 404, body: { code: 'not-found' } })
        expect(Object.keys(answer.body as object)).toEqual(Object.keys(none.body as object))
      }
    // A message of another conversation is none of this one.
    expect((await readUpTo(colleague, own.id, message.id)).status).toBe(404)
    expect(await list(stranger)).toEqual([])
    const edits = await Promise.all([owner.call('GET', `/api/messages/${message.id}`), list(colleague)])
    expect(edits[0].body).toEqual(message)
    expect(edits[1].map(({ id }) => id)).toEqual([own.id])
  })

  it('A4 a participant neither edits nor deletes what another wrote', async () => {
    const { owner, other, conversation } = await createPair(app())
    const message = await say(owner, conversation.id, 'Mine')
    expect((await other.call('PATCH', `/api/messages/${message.id}`, { body: 'Yours' })).status).toBe(403)
    expect((await other.call('DELETE', `/api/messages/${message.id}`)).status).toBe(403)
    expect(await historyOf(owner, conversation.id)).toEqual([message])
  })

  it('R4 a renamed person is told to all who have a conversation with them, on all their connections, and to no others', async () => {
    const { project, owner, other, conversation } = await createPair(app())
    const third = await register(app(), 'Third')
    await addMember(owner, project.id, third, 'editor')
    const [a, b, c] = await Promise.all([owner, other, third].map((person) => connect(app(), person)))
    await say(other, conversation.id, 'Hello')
    await other.must('PATCH', '/api/me', { name: 'Renamed' })
    const person = { id: other.id, name: 'Renamed', avatarUrl: null }
    for (const listener of [a, b] as Listener[]) {
      await until('the new name', () => named(listener, 'contact:updated').length === 1)
      expect(named(listener, 'contact:updated')[0]?.payload).toEqual(person)
    }
    const { members, lastMessage } = await conversationOf(owner, conversation.id)
    expect([members.find(({ id }) => id === other.id), lastMessage?.author]).toEqual([person, person])
    await say(owner, (await converse(third, [owner])).id, 'Anything')
    await until('a later event', () => named(c as Listener, 'chat:message').length === 1)
    expect(named(c as Listener, 'contact:updated')).toEqual([])
  })

  it('R1 a person who was away gets all messages that they missed, in order, by joining their room again', async () => {
    const { owner, other, conversation } = await createPair(app())
    // That they were added is told a moment later.
    await consumed(app().db)
    const first = await connect(app(), other)
    await say(owner, conversation.id, 'Seen')
    await until('the message', () => named(first, 'chat:message').length === 1)
    const { seq, epoch } = first.events().at(-1)?.meta ?? { seq: 0, epoch: '' }
    first.socket.close()
    for (let n = 0; n < 5; n++) await say(owner, conversation.id, `Missed ${n}`)
    const second = await connect(app(), other)
    expect(await second.ask('join:user', { after: seq, epoch })).toMatchObject({ ok: true, mode: 'resumed', head: seq + 5 })
    expect(second.events().map(({ payload }) => payload.body)).toEqual(Array.from({ length: 5 }, (_, n) => `Missed ${n}`))
  })
})
