import type { ActivityQuery, CutroomClient } from '@cutroom/client'
import type { Activity, ActivityPage } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { upTo } from '../support/log.ts'
import { addMember, createProject, createTeam, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf, live, writeTask } from './clients.ts'
import { createNetwork } from './network.ts'

const PAGE = 30
const items = ({ activity }: CutroomClient) => activity.state?.items ?? []
const ids = (client: CutroomClient) => items(client).map(({ id }) => id)
/** As the server lists them, with the marks that a client adds. */
async function listed(person: Person, query: ActivityQuery = {}, limit = 200) {
  const asked = new URLSearchParams({ ...query, limit: `${limit}` })
  const { data, read } = await person.must<ActivityPage>('GET', `/api/me/activity?${asked}`)
  const isRead = ({ actor, projectId, seq }: Activity) => actor?.id === person.id || seq <= (read[projectId] ?? 0)
  return data.map((activity) => ({ ...activity, isRead: isRead(activity) }))
}
const shows = (client: CutroomClient, person: Person, query?: ActivityQuery) =>
  until('what the server lists', async () => {
    const expected = JSON.stringify(await listed(person, query))
    return JSON.stringify(items(client)) === expected
  })

describe('the activities of a client', () => {
  const app = useApp()

  it('are loaded when they are first read, and grow by what happens in open rooms and by pages', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    for (let n = 1; n <= PAGE + 5; n++) await writeTask(owner, project.id, `Task ${n}`)
    const { client, errors } = clientOf(app(), editor)
    await client.connect()
    expect(client.activity.state).toBeNull()
    await until('the first page', () => client.activity.state !== null)
    expect(client.activity.state).toMatchObject({ query: {}, hasMore: true })
    expect(items(client)).toHaveLength(PAGE)
    await Promise.all([client.activity.loadMore(), client.activity.loadMore()])
    expect(items(client)).toEqual(await listed(editor))
    expect(client.activity.state).toMatchObject({ hasMore: false, searchedTo: null })
    const room = client.room(project.id)
    await live(room)
    await writeTask(owner, project.id, 'Live')
    await writeTask(editor, project.id, 'Own')
    await shows(client, editor)
    expect(
      items(client)
        .slice(0, 2)
        .map(({ target, isRead }) => [target.name, isRead]),
    ).toEqual([
      ['Own', true],
      ['Live', false],
    ])
    expect(errors).toEqual([])
  })

  it('two devices show the same after marks, dismissals and their undo, also of what one of them did not have', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    for (const title of ['One', 'Two', 'Three', 'Four']) await writeTask(owner, project.id, title)
    const [a, b] = [clientOf(app(), editor).client, clientOf(app(), editor).client]
    for (const client of [a, b]) {
      await client.connect()
      await client.activity.refresh()
    }
    const [first, second, third] = items(a)
    if (!first || !second || !third) throw new Error('no activities')
    await a.activity.markRead(third)
    await a.activity.dismiss(first.id)
    await b.activity.dismiss(third.id)
    for (const client of [a, b]) await shows(client, editor)
    expect(ids(b)).not.toContain(first.id)
    const late = clientOf(app(), editor).client
    await late.connect()
    await late.activity.refresh()
    expect(items(late)).toEqual(items(a))
    await b.activity.restore(first.id)
    await a.activity.restore(third.id)
    for (const client of [a, b, late]) await shows(client, editor)
    const marks = items(late).map(({ id, isRead }) => [id, isRead])
    expect(marks.slice(0, 3)).toEqual([
      [first.id, false],
      [second.id, false],
      [third.id, true],
    ])
    await a.activity.markRead()
    await until('all are read everywhere', () => [a, b, late].every((client) => items(client).every(({ isRead }) => isRead)))
  })

  it('after a lost connection show what happened without it, with the pages that were there', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    for (let n = 1; n <= PAGE + 5; n++) await writeTask(owner, project.id, `Task ${n}`)
    const { client } = clientOf(app(), editor)
    const room = client.room(project.id)
    await live(room)
    await client.activity.refresh()
    await client.activity.loadMore()
    const before = items(client).length
    client.disconnect()
    await writeTask(owner, project.id, 'Missed')
    const [newest] = await listed(editor)
    await editor.must('PUT', `/api/me/activity/${items(client)[1]?.id}/dismissed`)
    await client.connect()
    await live(room)
    await shows(client, editor)
    expect(items(client)).toHaveLength(before)
    expect(ids(client)[0]).toBe(newest?.id)
  })

  it('show what is asked for: of one project, by action, by person, unread', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const other = await createProject(owner, 'Other')
    await addMember(owner, other.id, viewer, 'viewer')
    const { client } = clientOf(app(), viewer)
    const room = client.room(project.id)
    await live(room)
    await writeTask(owner, project.id, 'One')
    await writeTask(editor, project.id, 'Two')
    await writeTask(owner, other.id, 'Three')
    for (const query of [
      { projectId: project.id },
      { action: 'task:created,task:updated' },
      { actorId: editor.id },
      { unread: 'true' as const },
      { projectId: project.id, actorId: owner.id, unread: 'true' as const },
    ]) {
      await client.activity.show(query)
      expect(client.activity.state?.query).toEqual(query)
      expect(items(client)).toEqual(await listed(viewer, query))
      await writeTask(editor, project.id, 'live, of another person')
      const mine = await writeTask(owner, project.id, 'live')
      await until('the live one', () => items(client).some(({ target }) => target.id === mine.id) || query.actorId === editor.id)
      await shows(client, viewer, query)
    }
    await client.activity.markRead()
    await until('what is read is shown no more', () => items(client).every(({ isRead }) => !isRead))
    await shows(client, viewer, { projectId: project.id, actorId: owner.id, unread: 'true' })
  })

  it('B2 when more come than are kept the newest are asked for once, however many come until the answer, and none is lost', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const network = createNetwork()
    const { client, errors } = clientOf(app(), editor, { fetch: network.fetch })
    const room = client.room(project.id, { state: false })
    await live(room)
    await client.activity.refresh()
    const path = '/api/me/activity'
    const asked = network.count(path)
    network.rule((to) => (to === path ? 'hold' : 'pass'))
    let heard = 0
    room.on('activity', () => heard++)
    for (const n of upTo(103)) await Promise.all(upTo(20).map((m) => writeTask(owner, project.id, `Task ${n}.${m}`)))
    await until('all came', () => heard === 2_060, 60_000)
    const newest = await listed(editor)
    expect(items(client).slice(0, 200)).toEqual(newest)
    expect(network.count(path)).toBe(asked + 1)
    expect(network.held).toHaveLength(1)
    network.held[0]?.release()
    await until('it begins anew', () => items(client).length < 200)
    expect(items(client)).toEqual(newest.slice(0, items(client).length))
    await writeTask(owner, project.id, 'One more')
    await until('it is shown', () => items(client)[0]?.target.name === 'One more')
    const now = await listed(editor)
    expect(items(client)).toEqual(now.slice(0, items(client).length))
    expect(network.count(path)).toBe(asked + 1)
    expect(errors).toEqual([])
  }, 120_000)

  it('A1 end with the membership, and with the login', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const own = await createProject(editor, 'Own')
    await writeTask(editor, own.id, 'Mine')
    await writeTask(owner, project.id, 'Theirs')
    const { client } = clientOf(app(), editor)
    await client.connect()
    await client.activity.refresh()
    expect(new Set(items(client).map(({ projectId }) => projectId))).toEqual(new Set([own.id, project.id]))
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await until('only their own', () => items(client).length > 0 && items(client).every(({ projectId }) => projectId === own.id))
    await client.logout()
    expect(client.activity.state).toBeNull()
  })
})
