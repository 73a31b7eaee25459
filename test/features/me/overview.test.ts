import type { Activity, ProjectPulse } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { addMember, createProject, createTeam, type Person, register } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

interface Overview {
  data: ProjectPulse[]
  nextCursor: string | null
  epoch: string
}

describe('the overview of one’s projects', () => {
  const app = useApp()
  const overview = (person: Person, query = '') => person.must<Overview>('GET', `/api/me/overview${query}`)

  it('has the head and the time of the last event of each project, and no others’ projects', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const quiet = await createProject(viewer, 'Quiet')
    await createProject(owner, 'Not for the viewer')
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const log = await owner.must<{ data: { meta: { at: string; epoch: string } }[]; head: number; epoch: string }>(
      'GET',
      `/api/projects/${project.id}/events`,
    )
    const { data, nextCursor, epoch } = await overview(viewer)
    expect([nextCursor, epoch]).toEqual([null, log.epoch])
    expect(data.map(({ projectId }) => projectId)).toEqual([project.id, quiet.id])
    expect(data[0]).toEqual({
      projectId: project.id,
      head: log.head,
      lastEventAt: log.data.at(-1)?.meta.at,
      present: [],
      presentTotal: 0,
      unread: 2,
    })
    const { head } = await viewer.must<{ head: number }>('GET', `/api/projects/${quiet.id}/events`)
    expect(data[1]?.head).toBe(head)
  })

  it('P1 shows who else is in a room now, a few of many', async () => {
    const { project, owner } = await createTeam(app())
    const people = [owner]
    for (const name of ['Ann', 'Ben', 'Cleo', 'Dan', 'Eve']) {
      const person = await register(app(), name)
      await addMember(owner, project.id, person, 'viewer')
      people.push(person)
    }
    const listeners = await Promise.all(people.map((person) => connect(app(), person)))
    for (const listener of listeners) expect((await listener.join(project.id)).ok).toBe(true)
    const [crowded] = (await overview(owner)).data
    expect([crowded?.present.length, crowded?.presentTotal]).toEqual([4, 5])
    const ids = people.map(({ id }) => id)
    for (const person of crowded?.present ?? []) expect(ids.indexOf(person.id)).toBeGreaterThan(0)
    for (const { socket } of listeners.slice(2)) socket.disconnect()
    await until('one is left', async () => (await overview(owner)).data[0]?.presentTotal === 1)
    expect((await overview(owner)).data[0]?.present).toEqual([{ id: people[1]?.id, name: 'Ann', avatarUrl: null }])
  })

  it('B1 counts the activities of others that one has not read and not dismissed, among the last 100 events', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const unread = async (person: Person) => (await overview(person)).data[0]?.unread
    for (const title of ['One', 'Two', 'Three', 'Four']) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title })
    // With `member:joined`, which the owner did.
    expect([await unread(owner), await unread(viewer)]).toEqual([0, 5])
    const { data } = await viewer.must<{ data: Activity[] }>('GET', `/api/projects/${project.id}/activity`)
    await viewer.must('PUT', `/api/me/activity/${data[0]?.id}/dismissed`)
    await viewer.must('PUT', '/api/me/activity/read', { projectId: project.id, seq: data[2]?.seq })
    expect(await unread(viewer)).toBe(1)
    await viewer.must('DELETE', `/api/me/activity/${data[0]?.id}/dismissed`)
    expect(await unread(viewer)).toBe(2)
    const add = (name: string, count: number) =>
      app().db.query(`SELECT append($1, $2, '{}') FROM generate_series(1, $3)`, [`project:${project.id}`, name, count])
    await add('task:updated', 150)
    expect(await unread(viewer)).toBe(100)
    await add('task:reranked', 70)
    expect(await unread(viewer)).toBe(30)
  })

  it('A1 ends with the membership, and has no deleted project', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const doomed = await createProject(editor, 'Doomed')
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await editor.must('DELETE', `/api/projects/${doomed.id}`)
    expect((await overview(editor)).data).toEqual([])
  })

  it('B1 comes in pages', async () => {
    const owner = await register(app())
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push((await createProject(owner, `Album ${n}`)).id)
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Overview = await overview(owner, `?limit=2${cursor && `&cursor=${cursor}`}`)
      expect(page.data.length).toBeLessThanOrEqual(2)
      seen.push(...page.data.map(({ projectId }) => projectId))
      cursor = page.nextCursor
    }
    expect(seen).toEqual(ids)
    const refused = await owner.call<{ code: string }>('GET', '/api/me/overview?limit=51')
    expect([refused.status, refused.body.code]).toEqual([422, 'validation'])
  })
})
