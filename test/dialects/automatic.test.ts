import { projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Log } from '../../src/rooms/log/log.ts'
import { startApp, useApp } from '../support/app.ts'
import { echo, heard, named, speak } from '../support/dialects.ts'
import { gate } from '../support/log.ts'
import { addProjects } from '../support/members.ts'
import { addMember, createCut, createProject, createTeam, register } from '../support/people.ts'
import { openRaw } from '../support/raw-socket.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const BYTES = 8 * 1024

describe('automatic rooms', () => {
  it('C1 D5 a socket that stops reading is paused, and told the rest in the words of its dialect when it reads again', async () => {
    const { dialect } = echo()
    const timings = { sweepMs: 30, checkMs: 20, stuckMs: 200 }
    const app = await startApp({ seams: { dialects: [dialect], timings } })
    onTestFinished(() => app.close())
    const { project, owner, editor } = await createTeam(app, 'editor')
    const room = projectRoom(project.id)
    const neighbour = await speak(app, owner, 'echo')
    const raw = await openRaw(app)
    raw.ws.send(`40${JSON.stringify({ token: editor.token, dialect: 'echo' })}`)
    await until('connected', () => raw.events().some(({ name }) => name === 'connected'))
    raw.ws.pause()
    const write = () =>
      app.db.query(`SELECT append($1, 'task:deleted', $2::json) FROM generate_series(1, 100)`, [
        room,
        JSON.stringify({ taskId: project.id, padding: 'x'.repeat(BYTES) }),
      ])
    const slow = () => app.app.rooms.counts().slow
    await until('paused in the project and in its own room', async () => {
      if (slow().paused < 2) await write()
      return slow().paused >= 2
    })
    await write()
    const head = async () => (await app.db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [room])).rows[0]?.head
    const last = Number(await head())
    await until('the neighbour has all', () => heard(neighbour, room).at(-1)?.seq === last)
    raw.ws.resume()
    const seqs = () =>
      raw.events().flatMap(({ name, payload }) => (name === 'echo' && payload.room === room ? [payload.seq as number] : []))
    await until('it has all', () => seqs().at(-1) === last)
    expect(seqs()).toEqual(seqs().map((_, n) => (seqs()[0] ?? 0) + n))
    expect(raw.events().filter(({ name }) => name === 'task:deleted')).toEqual([])
  })

  it('C1 D3 a socket whose person is removed and added again while it is put into a project hears the project', async () => {
    const { dialect } = echo()
    const held = gate()
    let holding: string | null = null
    let isAsked = false
    const adaptLog = (log: Log): Log => ({
      ...log,
      async positions(rooms) {
        if (rooms.some((each) => each === holding)) {
          isAsked = true
          await held.opened
        }
        return log.positions(rooms)
      },
    })
    const app = await startApp({ seams: { dialects: [dialect], adaptLog } })
    onTestFinished(() => app.close())
    const { project, owner, editor } = await createTeam(app, 'editor')
    const room = projectRoom(project.id)
    const own = await connect(app, editor)
    const begun = own.events().length
    holding = room
    const connecting = speak(app, editor, 'echo')
    await until('it is being put into the project', () => isAsked)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await addMember(owner, project.id, editor)
    await until('the addition is told', () => own.events().length >= begun + 2)
    // What the addition looks up is answered before this is.
    await editor.must('GET', `/api/projects/${project.id}`)
    held.open()
    const listener = await connecting
    await until('it hears the project', async () => {
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Heard?' })
      return heard(listener, room).some(({ name }) => name === 'task:created')
    })
  })

  const app = useApp({ env: { DIALECTS: 'bandmate' } })

  it('are the newest 255 projects: further ones are joined when they are asked for', async () => {
    const owner = await register(app(), 'Olga')
    const [first] = await addProjects(app().db, { userId: owner.id, count: 1 })
    await app().db.query(`UPDATE "Member" SET "createdAt" = now() - interval '1 day' WHERE "projectId" = $1`, [first])
    const others = await addProjects(app().db, { userId: owner.id, count: 255 })
    const listener = await speak(app(), owner, 'bandmate')
    const socket = [...app().app.io.of('/').sockets.values()].find(({ data }) => data.person.id === owner.id)
    expect(socket?.data.rooms.size).toBe(256)
    expect(socket?.data.rooms.has(projectRoom(first ?? ''))).toBe(false)
    for (const id of [others[0], others[254]]) await owner.must('POST', `/api/projects/${id}/tasks`, { title: 'Heard' })
    await until('both are heard', () => named(listener, 'task:created').length === 2)
    expect(await listener.join(first ?? '')).toMatchObject({ ok: true })
  })

  it('of an API token are those that it reaches, with its role', async () => {
    const owner = await register(app(), 'Olga')
    const [within, outside] = [await createProject(owner, 'Within'), await createProject(owner, 'Outside')]
    const input = { name: 'Bot', role: 'viewer', projectIds: [within.id] }
    const { token } = await owner.must<{ token: string }>('POST', '/api/me/tokens', input)
    const listener = await speak(app(), { token }, 'bandmate')
    await createCut(owner, outside.id)
    const later = await createProject(owner, 'Later')
    await createCut(owner, later.id)
    await createCut(owner, within.id)
    await until('heard', () => named(listener, 'cut:created').length === 1)
    expect(named(listener, 'cut:created')[0]?.payload.projectId).toBe(within.id)
    expect(JSON.stringify(listener.frames)).not.toContain(outside.id)
    expect(JSON.stringify(listener.frames)).not.toContain(later.id)
    const answer = await listener.ask('typing', { projectId: within.id, targetId: within.id, isTyping: true })
    expect(answer.error?.code).toBe('forbidden')
  })

  it('C1 of an API token for all projects are those that come later, too', async () => {
    const [owner, other] = [await register(app(), 'Olga'), await register(app(), 'Otto')]
    const { token } = await owner.must<{ token: string }>('POST', '/api/me/tokens', { name: 'Bot', role: 'viewer' })
    const listener = await speak(app(), { token }, 'bandmate')
    const [own, theirs] = [await createProject(owner, 'Later'), await createProject(other, 'Theirs')]
    await addMember(other, theirs.id, owner)
    for (const [person, { id }] of [
      [owner, own],
      [other, theirs],
    ] as const) {
      const inIt = () => named(listener, 'cut:created').some(({ payload }) => payload.projectId === id)
      await until('it is heard', async () => {
        await createCut(person, id)
        return inIt()
      })
    }
  })
})
