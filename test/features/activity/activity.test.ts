import type { Activity, ActivityPage, ActivityRead, Comment, Task } from '@cutroom/contract'
import { projectRoom, userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { retain } from '../../../src/jobs/retention.ts'
import { useApp } from '../../support/app.ts'
import { upTo } from '../../support/log.ts'
import { addMember, createCut, createProject, createTeam, type Person, register, request } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const inProject = (projectId: string) => `/api/projects/${projectId}/activity`
const OWN = '/api/me/activity'
const list = (person: Person, path: string, query = '') => person.must<ActivityPage>('GET', `${path}${query}`)
/** Without what depends on the minute. */
const timeless = ({ endsAt: _, ...page }: ActivityPage) => page
const dismissed = (id: string) => `/api/me/activity/${id}/dismissed`
const isUnread = ({ read }: ActivityPage, { projectId, seq, actor }: Activity, person: Person) =>
  actor?.id !== person.id && seq > (read[projectId] ?? 0)
const addTasks = async (person: Person, projectId: string, count: number) => {
  for (const n of upTo(count)) await person.must('POST', `/api/projects/${projectId}/tasks`, { title: `Task ${n}` })
}

describe('activity', () => {
  const app = useApp()

  describe('lists', () => {
    it('D4 the activity of a project is what activity:new said, the newest first', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const socket = await connect(app(), owner)
      const { head } = await socket.join(project.id)
      const { cut } = await createCut(editor, project.id)
      const note = await editor.must<Comment>('POST', `/api/cuts/${cut.id}/comments`, { body: 'louder' })
      await owner.must('POST', `/api/comments/${note.id}/replies`, { body: 'no' })
      const task = await editor.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
      await editor.must('POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null })
      await editor.must('DELETE', `/api/cuts/${cut.id}`)
      await until('the deletion', () => socket.events(projectRoom(project.id)).at(-1)?.name === 'cut:deleted')
      const told = () => socket.frames.filter(({ name }) => name === 'activity:new').map(({ payload }) => payload as unknown)
      await until('its activity', () => told().length === 7)
      const page = await list(owner, inProject(project.id))
      expect(page.data.filter(({ seq }) => seq > head)).toEqual(told().reverse())
      expect(timeless(await list(owner, OWN))).toEqual(timeless(page))
      expect([page.nextCursor, page.searchedTo]).toEqual([null, null])
      // With what came before the socket: the project was made by an event of its owner's room.
      expect(page.data.map(({ action }) => action)).toEqual([
        'cut:deleted',
        'task:moved',
        'task:created',
        'comment:reply',
        'comment:created',
        'cut:created',
        'vibe:created',
        'member:joined',
      ])
    })

    it('a comment is named by its beginning as it is read: no mention and no letter is cut in two', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const { cut } = await createCut(owner, project.id)
      const bodies = [
        `${'la '.repeat(20)}@[${editor.name}](${editor.id}) of all, [Chorus](cut:${cut.id})`,
        `${'a'.repeat(78)}🎹 and more`,
      ]
      for (const body of bodies) {
        const { id } = await owner.must<Comment>('POST', `/api/cuts/${cut.id}/comments`, { body })
        await owner.must('DELETE', `/api/comments/${id}`)
      }
      const { data } = await list(owner, inProject(project.id), '?limit=4')
      const [named, cutOff] = [`${'la '.repeat(20)}@Mo editor of all, …`, `${'a'.repeat(78)}…`]
      expect(data.map(({ target }) => target.name)).toEqual([cutOff, cutOff, named, named])
    })

    it('A1 are of the projects a person is in now: none of it is left to a removed member', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const other = await createProject(editor, 'Own')
      await addTasks(owner, project.id, 2)
      await addTasks(editor, other.id, 1)
      const [seen] = (await list(editor, inProject(project.id))).data
      await editor.must('PUT', '/api/me/activity/read', { projectId: project.id, seq: 3 })
      await editor.must('PUT', dismissed(seen?.id ?? ''))
      await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
      for (const answer of [
        await editor.call('GET', inProject(project.id)),
        await editor.call('GET', `${OWN}?projectId=${project.id}`),
        await editor.call('PUT', '/api/me/activity/read', { projectId: project.id, seq: 4 }),
        await editor.call('PUT', dismissed(seen?.id ?? '')),
        await editor.call('DELETE', dismissed(seen?.id ?? '')),
      ])
        expect(answer).toMatchObject({ status: 404, body: { code: 'not-found' } })
      expect((await list(editor, OWN)).data.map(({ projectId }) => projectId)).toEqual([other.id])
      const rows = 'SELECT FROM "ActivityRead" WHERE "userId" = $1 UNION ALL SELECT FROM "ActivityDismissal" WHERE "userId" = $1'
      expect((await app().db.query(rows, [editor.id])).rowCount).toBe(0)
      // Who comes back begins anew: what happened before counts as read, and nothing is dismissed.
      await addMember(owner, project.id, editor)
      const again = await list(editor, inProject(project.id))
      expect(again.data.map(({ id }) => id)).toContain(seen?.id)
      expect(again.data.filter((activity) => isUnread(again, activity, editor)).map(({ action }) => action)).toEqual([
        'member:joined',
      ])
    })

    it('A1 one member never gets the list of another', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      await addTasks(owner, project.id, 2)
      const [first, second] = (await list(owner, inProject(project.id))).data
      await editor.must('PUT', dismissed(first?.id ?? ''))
      const lists = await Promise.all(
        [owner, editor, owner, editor].map((person) => list(person, inProject(project.id), '?limit=1')),
      )
      expect(lists.map(({ data }) => data[0]?.id)).toEqual([first?.id, second?.id, first?.id, second?.id])
      const cursor = lists[0]?.nextCursor
      expect(await editor.call('GET', `${inProject(project.id)}?limit=1&cursor=${cursor}`)).toMatchObject({ status: 422 })
    })

    it('B1 look at a limited number of events, say how far they looked, and go on from there', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      await addTasks(owner, project.id, 1)
      await app().db.query(
        `INSERT INTO "Event" (id, room, name, payload) SELECT event_id(), $1, 'task:reranked', '{}' FROM generate_series(1, 6000)`,
        [projectRoom(project.id)],
      )
      for (const path of [inProject(project.id), OWN]) {
        const found: string[] = []
        let [pages, cursor, to] = [0, '' as string | null, Number.POSITIVE_INFINITY]
        while (cursor !== null) {
          const page: ActivityPage = await list(editor, path, `?action=task:created${cursor && `&cursor=${cursor}`}`)
          found.push(...page.data.map(({ action }) => action))
          expect(page.searchedTo === null).toBe(page.nextCursor === null)
          const reached = page.searchedTo === null ? 0 : Date.parse(page.searchedTo)
          expect(reached).toBeLessThanOrEqual(to)
          to = reached
          cursor = page.nextCursor
          pages++
        }
        expect(found).toEqual(['task:created'])
        expect(pages).toBeGreaterThan(2)
        expect(pages).toBeLessThan(8)
      }
    })

    it('B1 a page of long payloads is read in parts of 1 MiB', async () => {
      const { project, owner } = await createTeam(app())
      const { cut } = await createCut(owner, project.id)
      const lyrics = upTo(200).map((n) => ({ text: `${n} `.padEnd(450, 'la ') }))
      for (const n of upTo(14)) await owner.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [...lyrics, { text: `${n}` }] })
      const first = await list(owner, inProject(project.id))
      expect(first.data.length).toBeLessThan(14)
      const rest = await list(owner, inProject(project.id), `?cursor=${first.nextCursor}`)
      expect([...first.data, ...rest.data].map(({ action }) => action)).toEqual([
        ...upTo(14).map(() => 'lyrics:updated'),
        'cut:created',
        'vibe:created',
      ])
    })

    it('R2 end where retention has cut the log, and say so; dismissals of what is gone go with it', async () => {
      const { project, owner, viewer } = await createTeam(app(), 'viewer')
      await addTasks(owner, project.id, 4)
      const { data } = await list(viewer, inProject(project.id))
      const [last, , old] = data
      for (const activity of [last, old]) await viewer.must('PUT', dismissed(activity?.id ?? ''))
      const age = `UPDATE "Event" SET at = at - interval '40 days' WHERE room = $1 AND seq <= $2`
      await app().db.query(age, [projectRoom(project.id), old?.seq])
      const signal = new AbortController().signal
      const seconds = app().config.eventRetention
      await retain({ pool: app().db, retentionSeconds: seconds, sessionSeconds: 86_400, consumers: [] }, signal)
      const page = await list(owner, inProject(project.id))
      expect(page.data.map(({ seq }) => seq)).toEqual([last?.seq, (last?.seq ?? 0) - 1])
      expect([page.nextCursor, timeless(await list(owner, OWN))]).toEqual([null, timeless(page)])
      const kept = Date.now() - Date.parse(page.endsAt ?? '')
      expect(Math.abs(kept / 1_000 - (seconds ?? 0))).toBeLessThan(120)
      expect(await viewer.call('DELETE', dismissed(old?.id ?? ''))).toMatchObject({ status: 404 })
      const { rows } = await app().db.query('SELECT seq::int AS seq FROM "ActivityDismissal" WHERE "userId" = $1', [viewer.id])
      expect(rows).toEqual([{ seq: last?.seq }])
    })

    it('W7 leave out what another program appended and no client can read', async () => {
      const { project, owner } = await createTeam(app())
      await app().db.query(
        `SELECT append($1, name, '{}') FROM unnest(array['comment:created', 'task:moved', 'who:knows']) name`,
        [projectRoom(project.id)],
      )
      await addTasks(owner, project.id, 1)
      expect((await list(owner, inProject(project.id))).data.map(({ action }) => action)).toEqual(['task:created'])
    })
  })

  describe('read positions', () => {
    const mark = (person: Person, projectId: string, seq: number) =>
      person.must<ActivityRead>('PUT', '/api/me/activity/read', { projectId, seq })

    it('begin where a person came, never go back, and end at the head of the log', async () => {
      const { project, owner, viewer } = await createTeam(app(), 'viewer')
      await addTasks(owner, project.id, 3)
      const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${project.id}/events`)
      const page = await list(viewer, inProject(project.id))
      expect(page.read).toEqual({ [project.id]: head - 4 })
      expect(await mark(viewer, project.id, head - 2)).toEqual({ projectId: project.id, seq: head - 2 })
      expect(await mark(viewer, project.id, head - 3)).toEqual({ projectId: project.id, seq: head - 2 })
      expect(await mark(viewer, project.id, 0)).toEqual({ projectId: project.id, seq: head - 2 })
      const unread = await list(viewer, OWN, '?unread=true')
      expect(unread.data.map(({ seq }) => seq)).toEqual([head, head - 1])
      expect(await mark(viewer, project.id, Number.MAX_SAFE_INTEGER)).toEqual({ projectId: project.id, seq: head })
      await addTasks(owner, project.id, 1)
      expect((await list(viewer, OWN, '?unread=true')).data.map(({ seq }) => seq)).toEqual([head + 1])
      // What one did oneself is read.
      expect((await list(owner, OWN, '?unread=true')).data).toEqual([])
    })

    it('of 30 marks at once in any order the highest holds, with an event for each step forward', async () => {
      const { project, owner, viewer } = await createTeam(app(), 'viewer')
      await addTasks(owner, project.id, 30)
      const devices = await Promise.all([connect(app(), viewer), connect(app(), viewer)])
      const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${project.id}/events`)
      const answers = await Promise.all(upTo(30).map((n) => mark(viewer, project.id, head - ((n * 7) % 30))))
      for (const { seq } of answers) expect(seq).toBeGreaterThan(head - 30)
      expect((await list(viewer, inProject(project.id))).read).toEqual({ [project.id]: head })
      const room = userRoom(viewer.id)
      await until('the last mark', () => devices.every((device) => device.events(room).at(-1)?.payload.seq === head))
      const steps = devices.map((device) => device.events(room).map(({ payload }) => payload.seq))
      expect(steps[0]).toEqual(steps[1])
      expect(steps[0]).toEqual([...new Set(steps[0])].sort((a, b) => Number(a) - Number(b)))
    })
  })

  describe('dismissed activities', () => {
    it('are left out for this person, are listed apart, and come back as they were: unread, or read', async () => {
      const { project, owner, viewer } = await createTeam(app(), 'viewer')
      await addTasks(owner, project.id, 4)
      const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${project.id}/events`)
      await viewer.must('PUT', '/api/me/activity/read', { projectId: project.id, seq: head - 2 })
      const before = await list(viewer, inProject(project.id))
      const [unread, , read] = before.data
      const device = await connect(app(), viewer)
      for (const activity of [unread, read]) {
        await viewer.must('PUT', dismissed(activity?.id ?? ''))
        await viewer.must('PUT', dismissed(activity?.id ?? ''))
      }
      const without = before.data.filter((activity) => activity !== unread && activity !== read)
      for (const path of [inProject(project.id), OWN]) {
        expect((await list(viewer, path)).data).toEqual(without)
        expect((await list(viewer, path, '?dismissed=true')).data).toEqual([unread, read])
        expect((await list(viewer, path, '?dismissed=true&unread=true')).data).toEqual([unread])
        expect((await list(owner, path)).data).toHaveLength(before.data.length)
      }
      for (const activity of [read, unread]) {
        await viewer.must('DELETE', dismissed(activity?.id ?? ''))
        await viewer.must('DELETE', dismissed(activity?.id ?? ''))
      }
      expect(timeless(await list(viewer, inProject(project.id)))).toEqual(timeless(before))
      expect((await list(viewer, OWN, '?unread=true')).data.map(({ id }) => id)).toContain(unread?.id)
      const payload = (activity?: Activity) => ({ projectId: project.id, eventId: activity?.id })
      await until('four events', () => device.events(userRoom(viewer.id)).length >= 4)
      expect(device.events(userRoom(viewer.id)).map(({ name, payload }) => [name, payload])).toEqual([
        ['activity:dismissed', payload(unread)],
        ['activity:dismissed', payload(read)],
        ['activity:restored', payload(read)],
        ['activity:restored', payload(unread)],
      ])
    })

    it('A4 ids of others, of no event, of a person’s room and of events that are not shown are not found', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const stranger = await register(app(), 'Sam Stranger')
      const { cut } = await createCut(owner, project.id)
      await app().db.query(`SELECT append($1, 'task:reranked', '{}')`, [projectRoom(project.id)])
      const { rows } = await app().db.query<{ id: string; name: string }>(
        'SELECT id, name FROM "Event" WHERE room = ANY($1) ORDER BY room, seq',
        [[projectRoom(project.id), userRoom(owner.id), userRoom(editor.id)]],
      )
      const found = (name: string) => rows.find((row) => row.name === name)?.id ?? ''
      const attempts: [Person, string][] = [
        [stranger, found('cut:created')],
        [owner, found('task:reranked')],
        [owner, found('project:created')],
        [editor, found('project:created')],
        [editor, found('project:joined')],
        [owner, cut.id],
        [owner, crypto.randomUUID()],
      ]
      for (const [person, id] of attempts)
        for (const method of ['PUT', 'DELETE'])
          expect(await person.call(method, dismissed(id)), id).toMatchObject({ status: 404, body: { code: 'not-found' } })
      expect(await owner.call('PUT', dismissed('not-an-id'))).toMatchObject({ status: 404 })
    })
  })

  it('A4 positions that are none, and projects of others, change nothing', async () => {
    const { project, owner } = await createTeam(app())
    const stranger = await register(app(), 'Sam Stranger')
    for (const seq of [-1, 1.5, 2 ** 53, 1e300, '1', null, [1]])
      expect(await owner.call('PUT', '/api/me/activity/read', { projectId: project.id, seq }), `${seq}`).toMatchObject({
        status: 422,
      })
    for (const projectId of [project.id, crypto.randomUUID()]) {
      expect(await stranger.call('PUT', '/api/me/activity/read', { projectId, seq: 1 })).toMatchObject({ status: 404 })
      expect(await stranger.call('GET', inProject(projectId))).toMatchObject({ status: 404 })
      expect(await stranger.call('GET', `${OWN}?projectId=${projectId}`)).toMatchObject({ status: 404 })
    }
    for (const query of ['action=no:event', 'action=', 'unread=false', 'actorId=me', 'dismissed=1', 'cursor=x', 'limit=201'])
      expect(await owner.call('GET', `${OWN}?${query}`), query).toMatchObject({ status: 422 })
    expect(await request(app().url, 'GET', OWN)).toMatchObject({ status: 401 })
    const rows = 'SELECT FROM "ActivityRead" WHERE "userId" = ANY($1)'
    expect((await app().db.query(rows, [[owner.id, stranger.id]])).rowCount).toBe(0)
  })
})
