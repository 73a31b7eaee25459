import { randomUUID } from 'node:crypto'
import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { type Answer, createCut, createTeam, type Person } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const positionOf = ({ headers }: Answer) => ({ epoch: headers.get('cutroom-epoch'), seq: Number(headers.get('cutroom-seq')) })

describe('the position of a write in the log', () => {
  const app = useApp()

  /** The events of a project as a member received them. */
  async function listen(person: Person, projectId: string) {
    const socket = await connect(app(), person)
    const { head, epoch } = await socket.join(projectId, { activity: false })
    return { head: Number(head), epoch, events: () => socket.events(projectRoom(projectId)) }
  }

  it('W2 each answer names the seq and the epoch of its event, by the fast path and by the other one', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const { vibe, cut } = await createCut(owner, project.id)
    const { head, epoch, events } = await listen(viewer, project.id)
    const answers = []
    for (let n = 0; n < 3; n++) answers.push(await owner.call('POST', `/api/cuts/${cut.id}/comments`, { body: `${n}` }))
    answers.push(await owner.call('PATCH', `/api/projects/${project.id}`, { name: 'Later' }))
    answers.push(await owner.call('POST', `/api/cuts/${cut.id}/move`, { vibeId: vibe.id, after: null }))
    answers.push(await owner.call('DELETE', `/api/cuts/${cut.id}`))
    const moved = answers[4] as Answer
    const expected = answers.map((answer) => positionOf(answer).seq)
    // A move to the same place changes nothing: the head is that of the event before.
    expect(moved.status).toBe(200)
    expect(expected).toEqual([1, 2, 3, 4, 4, 5].map((n) => head + n))
    for (const answer of answers) expect(positionOf(answer).epoch).toBe(epoch)
    await until('the events', () => events().length === 5)
    expect(events().map(({ meta }) => meta.seq)).toEqual([...new Set(expected)])
  })

  it('W2 concurrent writes each name the seq of their own event', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { events } = await listen(owner, project.id)
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        (n % 2 ? owner : editor).call<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: `${n}` }),
      ),
    )
    await until('all events', () => events().length === 40)
    const seqOf = new Map(events().map(({ payload, meta }) => [(payload as { id: string }).id, meta.seq]))
    for (const answer of answers) expect(positionOf(answer).seq).toBe(seqOf.get(answer.body.id))
  })

  it('W4 a repeated answer names a position that has its event, in the same room', async () => {
    const { project, owner } = await createTeam(app())
    const { head } = await listen(owner, project.id)
    const headers = { 'idempotency-key': randomUUID() }
    const path = `/api/projects/${project.id}/tasks`
    const first = positionOf(await owner.call('POST', path, { title: 'once' }, headers))
    expect(first.seq).toBe(head + 1)
    expect(positionOf(await owner.call('POST', path, { title: 'once' }, headers))).toEqual(first)
    await owner.must('POST', path, { title: 'another' })
    expect(positionOf(await owner.call('POST', path, { title: 'once' }, headers)).seq).toBe(head + 2)
  })

  it('W2 a write outside projects names a position of the user room; a refused one names none', async () => {
    const { owner, viewer, project } = await createTeam(app(), 'viewer')
    const created = await owner.call('POST', '/api/projects', { name: 'Second' })
    const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [`user:${owner.id}`])
    expect(positionOf(created).seq).toBe(Number(rows[0]?.head))
    const refused = await viewer.call('PATCH', `/api/projects/${project.id}`, { name: 'Mine' })
    expect(refused.status).toBe(403)
    expect(refused.headers.get('cutroom-seq')).toBeNull()
  })
})
