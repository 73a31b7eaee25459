import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { prefersStream } from '../../src/features/rooms/events.ts'
import { parseEventId } from '../../src/rooms/delivery/event-text.ts'
import { useApp } from '../support/app.ts'
import { type Stream, streamOf } from '../support/event-stream.ts'
import { readLog, upTo } from '../support/log.ts'
import { addMember, createTeam, type Person, register, request } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const addTask = (person: Person, projectId: string, title = 'Mix') =>
  person.must('POST', `/api/projects/${projectId}/tasks`, { title })

describe('an event stream', () => {
  const app = useApp({ seams: { timings: { heartbeatMs: 300, checkMs: 50 } } })
  const counts = () => app().app.rooms.streams.counts()
  const epoch = () => app().app.rooms.log.epoch()

  it('R1 D1 D4 has each event once and in order while 20 people write, as the list and the sockets have them', async () => {
    const { owner, project } = await createTeam(app())
    const people = await Promise.all(upTo(20).map((n) => register(app(), `Writer ${n}`)))
    for (const person of people) await addMember(owner, project.id, person)
    const socket = await connect(app(), owner)
    await socket.join(project.id)
    const [first] = people as [Person]
    const fromStart = await streamOf(app(), owner, project.id, '?after=0')
    const live = await streamOf(app(), first, project.id)
    expect((await live.first('ready')).data).toEqual({ mode: 'live', head: 20, epoch: epoch() })
    await Promise.all(
      people.map(async (person) => {
        for (const n of upTo(5)) await addTask(person, project.id, `${person.name} ${n}`)
      }),
    )
    const log = await readLog(owner, project.id)
    expect(log.map(({ meta }) => meta.seq)).toEqual(upTo(120))
    await until('all came', () => fromStart.seqs().at(-1) === 120 && live.seqs().at(-1) === 120)
    expect(fromStart.logged()).toEqual(log)
    expect(live.logged()).toEqual(log.slice(20))
    expect(fromStart.events().filter(({ name }) => name === 'ready')).toHaveLength(1)
    expect(fromStart.events().flatMap(({ name, id }) => (id ? [[name, id]] : []))).toEqual(
      log.map(({ name, meta }) => [name, `${meta.epoch}.${meta.seq}`]),
    )
    const onSocket = () => socket.events(projectRoom(project.id))
    await until('the socket has them', () => onSocket().length === 100)
    expect(onSocket()).toEqual(log.slice(20))
    for (const stream of [fromStart, live]) stream.close()
    socket.socket.close()
    await until('nothing is left of them', () => counts().streams === 0 && app().app.rooms.counts().feeds === 0)
  })

  it('R1 R3 a client that loses its connection again and again goes on by Last-Event-ID alone: nothing twice, nothing missing', async () => {
    const { owner, project } = await createTeam(app())
    await addTask(owner, project.id)
    let stream = await streamOf(app(), owner, project.id, '?after=0')
    const seqs: number[] = []
    const writing = (async () => {
      for (const n of upTo(100)) await addTask(owner, project.id, `Task ${n}`)
    })()
    for (const target of [10, 30, 55, 80, 101]) {
      await until(`event ${target}`, () => (stream.seqs().at(-1) ?? 0) >= target)
      stream.close()
      await until('the end', () => stream.isOver())
      seqs.push(...stream.seqs())
      stream = await streamOf(app(), owner, project.id, '?after=0', stream.lastId())
    }
    await writing
    expect((await stream.first('ready')).data).toEqual({ mode: 'resumed', head: 101, epoch: epoch() })
    expect(seqs).toEqual(upTo(101))
    expect(stream.seqs()).toEqual([])
  })

  it('R1 a client that saw no event yet has a position, too', async () => {
    const { owner, project } = await createTeam(app())
    await addTask(owner, project.id)
    const quiet = await streamOf(app(), owner, project.id)
    await quiet.first('ready')
    quiet.close()
    await addTask(owner, project.id)
    const again = await streamOf(app(), owner, project.id, '', quiet.lastId())
    await again.first('ready')
    expect(again.seqs()).toEqual([2])
  })

  it('R2 a position of another history, of the future or below the floor is answered by reset with epoch and head, and events go on', async () => {
    const { owner, project } = await createTeam(app())
    for (const n of upTo(5)) await addTask(owner, project.id, `Task ${n}`)
    await app().db.query('UPDATE "Room" SET floor = 3 WHERE id = $1', [projectRoom(project.id)])
    const strays: Stream[] = []
    for (const id of ['another.5', `${epoch()}.6`, `${epoch()}.2`]) strays.push(await streamOf(app(), owner, project.id, '', id))
    strays.push(await streamOf(app(), owner, project.id, '?after=2'))
    strays.push(await streamOf(app(), owner, project.id, '?after=4&epoch=another'))
    for (const stream of strays)
      expect(await stream.first('reset')).toEqual({
        name: 'reset',
        id: `${epoch()}.5`,
        data: { epoch: epoch(), head: 5, floor: 3 },
      })
    const atFloor = await streamOf(app(), owner, project.id, '', `${epoch()}.3`)
    await atFloor.first('ready')
    expect(atFloor.seqs()).toEqual([4, 5])
    await addTask(owner, project.id)
    await until('the next event', () => strays.every((stream) => stream.seqs().at(-1) === 6))
    for (const stream of strays) expect(stream.events().map(({ name }) => name)).toEqual(['reset', 'task:created'])
  })

  it('an id that is none, and a position that is none, are refused', async () => {
    const { owner, project } = await createTeam(app())
    for (const id of ['5', 'x.-1', '.5', 'x.5.5', 'x.1e3', 'x.99999999999999999999', `${'x'.repeat(101)}.1`])
      expect((await streamOf(app(), owner, project.id, '', id)).problem, id).toMatchObject({ status: 400, code: 'bad-request' })
    expect((await streamOf(app(), owner, project.id, '?after=-1')).problem).toMatchObject({ code: 'validation' })
    expect((await streamOf(app(), owner, project.id, '?wait=26')).problem).toMatchObject({ code: 'validation' })
    expect(parseEventId('7f3k2x.42')).toEqual({ epoch: '7f3k2x', after: 42 })
  })

  it('says how it is to be treated: neither stored nor encoded nor held back, when to come again, and that it is alive', async () => {
    const { owner, project } = await createTeam(app())
    const stream = await streamOf(app(), owner, project.id)
    expect(stream.status).toBe(200)
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      vary: 'Authorization, Cookie, Accept-Encoding, Accept',
    })
    expect(stream.headers).not.toHaveProperty('content-encoding')
    await stream.first('ready')
    expect(stream.text()).toMatch(/^retry: 1000\nid: \w+\.0\n\nevent: ready\ndata: \{.+\}\n\n(:\n\n)*$/)
    await until('signs of life', () => stream.text().endsWith(':\n\n:\n\n'))
    const answer = await request(app().url, 'HEAD', `/api/projects/${project.id}/events`, {
      token: owner.token,
      headers: { accept: 'text/event-stream' },
    })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    await stream.close()
    await until('no stream is left', () => counts().streams === 0)
  })

  it('is for those who prefer it: others get the list', async () => {
    for (const accept of ['text/event-stream', 'text/event-stream, */*', 'application/json;q=0.5, text/event-stream'])
      expect(prefersStream(accept), accept).toBe(true)
    for (const accept of [
      undefined,
      '*/*',
      'application/json, text/event-stream',
      'text/*',
      '*/*, text/event-stream;q=0.5',
      'text/event-stream;q=0',
    ])
      expect(prefersStream(accept), accept).toBe(false)
    const { owner, project } = await createTeam(app())
    const list = await owner.call('GET', `/api/projects/${project.id}/events`, undefined, { accept: '*/*' })
    expect(list.headers.get('content-type')).toMatch(/json/)
    expect(list.headers.get('vary')).toBe('Authorization, Cookie, Accept-Encoding, Accept')
  })
})
