import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import type { Dialect } from '../../src/rooms/dialect.ts'
import { useApp } from '../support/app.ts'
import { named, speak } from '../support/dialects.ts'
import { addMember, createProject, createTeam } from '../support/people.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** The words of the contract, and one more behind each of them. */
const more: Dialect = { name: 'more', adds: ({ name, meta }) => [['more', { name, room: meta.room, seq: meta.seq }]] }

describe('a dialect that adds to the words of the contract', () => {
  const app = useApp({ seams: { dialects: [more] } })
  const added = (listener: Listener, room: string) =>
    named(listener, 'more')
      .map(({ payload }) => payload as { room: string; seq: number; name: string })
      .filter((each) => each.room === room)
  const seqs = (listener: Listener, room: string) => listener.events(room).map(({ meta }) => meta.seq)

  it('C1 C2 sends each entry and what it adds once, live and in a replay, and activities; a native socket gets nothing added', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const room = projectRoom(project.id)
    const [listener, native] = [await speak(app(), editor, 'more'), await connect(app(), owner)]
    await native.join(project.id, { activity: true })
    const write = (title: string) => owner.must('POST', `/api/projects/${project.id}/tasks`, { title })
    for (const title of ['One', 'Two', 'Three']) await write(title)
    await until('all came', () => added(listener, room).length === 3 && named(listener, 'activity:new').length === 3)
    expect(added(listener, room).map(({ seq }) => seq)).toEqual(seqs(listener, room))
    expect(seqs(native, room)).toEqual(seqs(listener, room))
    const [first = 0] = seqs(listener, room)
    await listener.join(project.id, { after: first })
    expect(added(listener, room).map(({ seq }) => seq)).toEqual([first, first + 1, first + 2, first + 1, first + 2])
    expect(added(listener, room).map(({ seq }) => seq)).toEqual(seqs(listener, room))
    await listener.ask('leave:project', { projectId: project.id })
    await write('Four')
    await until('the native socket has it', () => native.events(room).length === 4)
    expect(added(listener, room)).toHaveLength(5)
    expect(named(native, 'more')).toEqual([])
  })

  it('C3 D3 a removed person is out of both before the next entry, is told once, and hears both again when they come back', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const room = projectRoom(project.id)
    const listener = await speak(app(), editor, 'more')
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Unheard' })
    const other = await createProject(editor, 'Own')
    await until('their own', () => added(listener, `user:${editor.id}`).some(({ name }) => name === 'project:created'))
    await until('told', () => named(listener, 'access:revoked').length > 0)
    expect(other.id).not.toBe(project.id)
    expect([added(listener, room), listener.events(room)]).toEqual([[], []])
    await addMember(owner, project.id, editor)
    await until('heard again', async () => {
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Heard?' })
      return added(listener, room).length > 0
    })
    expect(named(listener, 'access:revoked')).toHaveLength(1)
  })
})
