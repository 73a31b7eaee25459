import type { CutroomClient } from '@cutroom/client'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createGroup, createPair, historyOf, say } from '../support/conversations.ts'
import { upTo } from '../support/log.ts'
import { mention, notificationsOf } from '../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf } from './clients.ts'
import { createNetwork, type Fetch } from './network.ts'

const lists: [name: string, path: string, read: (client: CutroomClient) => unknown][] = [
  ['notifications', '/api/me/notifications', ({ notifications }) => notifications.state],
  ['activity', '/api/me/activity', ({ activity }) => activity.state],
  ['conversations', '/api/conversations', ({ conversations }) => conversations.state],
  ['projects', '/api/projects', ({ user }) => user.projects],
]

/** A server that answers some reads as a broken one does. */
function createBroken() {
  let isBroken = (_path: string): boolean => false
  let refusals = 0
  const through: Fetch = async (input, init) => {
    if (init?.method !== 'GET' || !isBroken(new URL(String(input)).pathname)) return fetch(input, init)
    refusals++
    return new Response('broken', { status: 500 })
  }
  return {
    fetch: through,
    refusals: () => refusals,
    /** Which paths are answered so from now on. */
    breaks(path: (path: string) => boolean): void {
      isBroken = path
    },
  }
}

/** That they were added to a project is an event of their room, which comes later. */
const told = (person: Person) => until('they are told', async () => (await notificationsOf(person)).unseen === 1)

describe('the lists of a person', () => {
  const app = useApp()

  it.each(lists)('O2 %s are asked for again while the network is away', async (_, path, read) => {
    const { editor } = await createTeam(app(), 'editor')
    const network = createNetwork()
    const { client, errors } = clientOf(app(), editor, { fetch: network.fetch })
    await client.connect()
    network.rule((to, n) => (to === path && n < 2 ? 'refuse' : 'pass'))
    read(client)
    await until('the list', () => read(client) !== null)
    expect(network.count(path)).toBe(3)
    expect(errors).toEqual([])
  })

  it.each(lists)('O2 %s are loaded with the next connection, and reads alone ask for nothing', async (_, path, read) => {
    const { editor } = await createTeam(app(), 'editor')
    await told(editor)
    const broken = createBroken()
    const { client, errors } = clientOf(app(), editor, { fetch: broken.fetch })
    await client.connect()
    broken.breaks((to) => to === path)
    read(client)
    await until('it is given up', () => errors.length === 1)
    for (const _ of upTo(3)) expect(read(client)).toBeNull()
    client.disconnect()
    await client.connect()
    await until('it is given up again', () => errors.length === 2)
    expect(broken.refusals()).toBe(2)
    broken.breaks(() => false)
    client.disconnect()
    await client.connect()
    await until('the list', () => read(client) !== null)
    expect(errors).toHaveLength(2)
  })

  it.each(lists)('O2 %s are loaded with the next event of the person’s room', async (_, path, read) => {
    const { owner, editor } = await createTeam(app(), 'editor')
    await told(editor)
    const broken = createBroken()
    const { client, errors } = clientOf(app(), editor, { fetch: broken.fetch })
    await client.connect()
    broken.breaks((to) => to === path)
    read(client)
    await until('it is given up', () => errors.length === 1)
    broken.breaks(() => false)
    await owner.must('PATCH', '/api/me', { name: 'Renamed' })
    await addMember(owner, (await createProject(owner)).id, editor)
    await until('the list', () => read(client) !== null)
    expect(errors).toHaveLength(1)
  })

  it('O2 what failed is loaded with what is done next, which fails with the problem where that fails', async () => {
    const { other, owner, conversation } = await createPair(app())
    await told(other)
    await say(owner, conversation.id, 'One')
    const broken = createBroken()
    const { client, errors } = clientOf(app(), other, { fetch: broken.fetch })
    await client.connect()
    broken.breaks((path) => /notifications|activity|conversations/.test(path))
    await expect(client.conversations.open(conversation.id)).rejects.toMatchObject({ status: 500 })
    await expect(client.notifications.loadMore()).rejects.toMatchObject({ status: 500 })
    await expect(client.activity.loadMore()).rejects.toMatchObject({ status: 500 })
    await expect(client.conversations.open(conversation.id)).rejects.toMatchObject({ status: 500 })
    broken.breaks(() => false)
    const { notifications, activity, conversations } = client
    await notifications.loadMore()
    expect(notifications.state?.items).toEqual((await notificationsOf(other)).data)
    await activity.loadMore()
    expect(activity.state?.items.length).toBeGreaterThan(0)
    await conversations.open(conversation.id)
    expect(conversations.state?.histories.get(conversation.id)?.messages.map(({ body }) => body)).toEqual(['One'])
    expect(errors).toHaveLength(4)
  })

  it('O2 after events that were missed for good what is there stays until the load succeeds, then it is what the server has', async () => {
    const { project, owner, other, conversation } = await createPair(app())
    await told(other)
    const { cut } = await createCut(owner, project.id)
    const broken = createBroken()
    const { client, errors } = clientOf(app(), other, { fetch: broken.fetch })
    await client.connect()
    const { conversations, notifications } = client
    await conversations.open(conversation.id)
    await notifications.loadMore()
    await until('the projects', () => client.user.projects?.size === 1)
    const before = notifications.state?.unseen
    client.disconnect()
    await say(owner, conversation.id, 'Missed')
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: mention(other) })
    await addMember(owner, (await createProject(owner)).id, other)
    await until('the notifications', async () => (await notificationsOf(other)).unseen === (before ?? 0) + 2)
    // The log was cut behind the position.
    await app().db.query('UPDATE "Room" SET floor = head WHERE id = $1', [`user:${other.id}`])
    broken.breaks((path) => /notifications|conversations|projects/.test(path))
    await client.connect()
    await until('all are given up', () => errors.length === 3)
    expect(notifications.state?.unseen).toBe(before)
    // The list is there again, the history is not.
    broken.breaks((path) => path.endsWith('/messages'))
    await say(owner, conversation.id, 'Newer')
    await until('the history is given up', () => errors.length === 4)
    broken.breaks(() => false)
    await say(owner, conversation.id, 'Newest')
    const messages = () => conversations.state?.histories.get(conversation.id)?.messages ?? []
    await until('the history', () => messages().length === 3)
    expect(messages()).toEqual((await historyOf(other, conversation.id)).reverse())
    await until('the notifications', () => notifications.state?.unseen === (before ?? 0) + 2)
    expect(notifications.state?.items).toEqual((await notificationsOf(other)).data)
    await until('the projects', () => client.user.projects?.size === 2)
    expect(errors).toHaveLength(4)
  })

  it('B2 many projects that are lost while the lists are loaded make one request more of each, and they are right in the end', async () => {
    const { owner, others, group } = await createGroup(app(), 3)
    const [person] = others
    if (!person) throw new Error('no one else')
    const projects = await Promise.all(upTo(10).map((n) => createProject(owner, `Album ${n}`)))
    for (const { id } of projects) await addMember(owner, id, person)
    await until('the notifications', async () => (await notificationsOf(person)).data.length === 11)
    const network = createNetwork()
    const { client, errors } = clientOf(app(), person, { fetch: network.fetch })
    await client.connect()
    const paths = ['/api/me/notifications', '/api/conversations']
    await client.conversations.open(group.id)
    await client.notifications.loadMore()
    const asked = paths.map(network.count)
    network.rule((to) => (paths.includes(to) ? 'hold' : 'pass'))
    let left = 0
    client.on('project:left', () => left++)
    for (const { id } of projects) await owner.must('DELETE', `/api/projects/${id}/members/${person.id}`)
    await until('all are lost', () => left === 10)
    expect(paths.map(network.count)).toEqual(asked.map((n) => n + 1))
    network.rule(() => 'pass')
    for (const { release } of network.held) release()
    await until('the last request', () => paths.every((path, at) => network.count(path) === (asked[at] ?? 0) + 2))
    const truth = await notificationsOf(person)
    await until('the rest', () => client.notifications.state?.unseen === truth.unseen)
    expect(client.notifications.state?.items).toEqual(truth.data)
    expect(client.conversations.state?.list.map(({ id }) => id)).toEqual([group.id])
    expect(errors).toEqual([])
  })
})
