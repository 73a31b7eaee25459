import { randomInt } from 'node:crypto'
import { type Project, projectRoom, userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { type TestApp, useApp } from '../support/app.ts'
import { readLog, upTo } from '../support/log.ts'
import { addMember, createProject, createTeam, login, type Person, register } from '../support/people.ts'
import { connect, type JoinAck, type Listener, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { append, burst, roundTrip, seqs } from './frames.ts'

const range = (from: number, to: number): number[] => upTo(to - from + 1).map((n) => from + n - 1)

/** Joins and keeps, in the order of arrival, the seqs of the room's events and the answer. */
function joinInOrder(listener: Listener, projectId: string, position: { after?: number; epoch?: string }) {
  const order: (number | JoinAck)[] = []
  listener.socket.onAny((_name: string, _payload: unknown, meta?: { room: string; seq: number }) => {
    if (meta?.room === projectRoom(projectId)) order.push(meta.seq)
  })
  return new Promise<{ ack: JoinAck; order: (number | JoinAck)[] }>((resolve) => {
    listener.socket.emit('join:project', { projectId, ...position }, (ack: JoinAck) => {
      order.push(ack)
      resolve({ ack, order })
    })
  })
}

/** Nothing up to and including `floor` is kept any more. */
async function forget({ db }: TestApp, projectId: string, floor: number): Promise<void> {
  const room = projectRoom(projectId)
  await db.query('UPDATE "Room" SET floor = $2 WHERE id = $1', [room, floor])
  await db.query('DELETE FROM "Event" WHERE room = $1 AND seq <= $2', [room, floor])
}

describe('resume', () => {
  const app = useApp()

  describe('from a position', () => {
    it('R1 after n gives n+1 … head over several pages, then the ack that names the head, then what is new', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      await append(app(), project.id, 1_600)
      const log = await readLog(owner, project.id)
      const head = log.length
      for (const after of [0, 37, head - 1_000, head - 1]) {
        const socket = await connect(app(), editor)
        const { ack, order } = await joinInOrder(socket, project.id, { after })
        expect(ack).toMatchObject({ ok: true, mode: 'resumed', head, role: 'editor', room: projectRoom(project.id) })
        expect(order).toEqual([...range(after + 1, head), ack])
        const replay = log.slice(after).map((event) => ({ ...event, meta: { ...event.meta, replayed: true } }))
        expect(socket.events(projectRoom(project.id))).toEqual(replay)
        socket.socket.close()
      }

      const socket = await connect(app(), editor)
      const { ack, order } = await joinInOrder(socket, project.id, { after: head - 3, epoch: log[0]?.meta.epoch ?? '' })
      for (const n of upTo(3)) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: `${n}` })
      await until('six events', () => socket.events(projectRoom(project.id)).length >= 6)
      expect(order).toEqual([...range(head - 2, head), ack, ...range(head + 1, head + 3)])
      expect(socket.events(projectRoom(project.id)).map((event) => event.meta.replayed)).toEqual([
        ...[true, true, true],
        ...[undefined, undefined, undefined],
      ])
    })

    it('R1 without a position a socket goes live at the head that its ack names', async () => {
      const { project, owner, viewer } = await createTeam(app(), 'viewer')
      await append(app(), project.id, 10)
      const socket = await connect(app(), viewer)
      const { ack, order } = await joinInOrder(socket, project.id, {})
      expect(ack).toMatchObject({ ok: true, mode: 'live', head: 11 })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'new' })
      await until('the event', () => order.length >= 2)
      expect(order).toEqual([ack, 12])
    })

    it('R2 after the head gives nothing; a position of the future or of another history gives reset', async () => {
      const { project, owner } = await createTeam(app())
      await append(app(), project.id, 20)
      const attempt = async (position: { after?: number; epoch?: string }) => {
        const socket = await connect(app(), owner)
        const { ack, order } = await joinInOrder(socket, project.id, position)
        expect(order).toEqual([ack])
        return { socket, ack, order }
      }
      const { ack: here } = await attempt({})
      const { epoch } = here
      expect(here).toMatchObject({ mode: 'live', head: 20 })

      const tries = await Promise.all([
        attempt({ after: 20 }),
        attempt({ after: 20, epoch }),
        attempt({ after: 21, epoch }),
        attempt({ after: 1_000_000 }),
        attempt({ after: Number.MAX_SAFE_INTEGER, epoch }),
        attempt({ after: 20, epoch: 'another' }),
        attempt({ after: 3, epoch: '' }),
        attempt({ epoch: 'another' }),
      ])
      expect(tries.map(({ ack }) => ack.mode)).toEqual([
        ...['resumed', 'resumed', 'reset', 'reset', 'reset', 'reset', 'reset'],
        'live',
      ])
      expect(tries.map(({ ack }) => [ack.head, ack.epoch])).toEqual(tries.map(() => [20, epoch]))

      // A socket that was answered reset is in the room, and nothing is missing between a snapshot and what comes.
      const { seq } = await owner.must<{ seq: number }>('GET', `/api/projects/${project.id}/snapshot`)
      expect(seq).toBe(20)
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'new' })
      await until('one event each', () => tries.every(({ order }) => order.length >= 2))
      for (const { order, ack } of tries) expect(order).toEqual([ack, 21])
    })

    it('R2 a position that is no position is refused as such', async () => {
      const { project, owner } = await createTeam(app())
      const socket = await connect(app(), owner)
      for (const after of [-1, 1.5, '3', null, Number.MAX_SAFE_INTEGER + 1])
        expect(await socket.ask('join:project', { projectId: project.id, after })).toMatchObject({
          ok: false,
          error: { code: 'validation', status: 422, errors: [{ pointer: '/after' }] },
        })
      expect(socket.events()).toEqual([])
    })

    it('R2 the floor is served, below it is reset on the socket and 410 over REST', async () => {
      const { project, owner } = await createTeam(app())
      await append(app(), project.id, 30)
      await forget(app(), project.id, 10)
      const events = (after: number) => owner.call<{ code?: string }>('GET', `/api/projects/${project.id}/events?after=${after}`)

      const at = await connect(app(), owner)
      const served = await joinInOrder(at, project.id, { after: 10 })
      expect(served.order).toEqual([...range(11, 30), served.ack])
      expect(served.ack).toMatchObject({ mode: 'resumed', head: 30 })
      expect(await events(10)).toMatchObject({ status: 200, body: { floor: 10, head: 30 } })
      expect(seqs(await readLog(owner, project.id, 10))).toEqual(range(11, 30))

      for (const after of [0, 9]) {
        const below = await connect(app(), owner)
        const reset = await joinInOrder(below, project.id, { after })
        expect(reset.order).toEqual([reset.ack])
        expect(reset.ack).toMatchObject({ ok: true, mode: 'reset', head: 30 })
        expect(await events(after)).toMatchObject({ status: 410, body: { code: 'gone', status: 410 } })
      }

      await forget(app(), project.id, 30)
      const all = await connect(app(), owner)
      expect(await all.join(project.id, { after: 30 })).toMatchObject({ mode: 'resumed', head: 30 })
      expect(await all.join(project.id, { after: 29 })).toMatchObject({ mode: 'reset', head: 30 })
      expect(all.events()).toEqual([])
    })

    it('R2 a log that is trimmed during its replay ends the join with a problem; the next join answers reset', async () => {
      const { project, owner } = await createTeam(app())
      await append(app(), project.id, 4_000)
      const socket = await connect(app(), owner)
      const joining = joinInOrder(socket, project.id, { after: 0 })
      await until('the replay has begun', () => socket.events().length > 0)
      await forget(app(), project.id, 4_000)
      const { ack, order } = await joining
      // However fast the replay was: what came has no gap, and the answer at its end is right.
      const got = order.filter((one) => typeof one === 'number')
      expect(got).toEqual(upTo(got.length))
      if (ack.ok) expect(got).toHaveLength(4_000)
      else expect(ack.error).toMatchObject({ code: 'unavailable', retryAfter: expect.any(Number) })
      expect(await socket.join(project.id, { after: 0 })).toMatchObject({ ok: true, mode: 'reset', head: 4_000 })
    })
  })

  describe.each([
    ['kept for those who come', {}],
    ['let go at once', { sweepMs: 10, unreadMs: 0 }],
  ])('while others write, and what was read is %s', (_, timings) => {
    const app = useApp({ seams: { timings } })
    it('R3 what is written during long catch-ups arrives once, after them, for clients from many positions', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      await append(app(), project.id, 2_000)
      const positions = [0, 1, 500, 1_000, 1_499, 1_999, 2_000]
      const sockets = await Promise.all(positions.map(() => connect(app(), editor)))
      const bursts = [burst(owner, project.id), burst(owner, project.id), burst(editor, project.id)]
      const watcher = await connect(app(), owner)
      await watcher.join(project.id)
      await until('the burst is on', () => watcher.events(projectRoom(project.id)).length >= 10)
      const joined = await Promise.all(sockets.map((socket, n) => joinInOrder(socket, project.id, { after: positions[n] ?? 0 })))
      const seen = watcher.events(projectRoom(project.id)).length
      await until('the burst goes on after the joins', () => watcher.events(projectRoom(project.id)).length >= seen + 20)
      await Promise.all(bursts.map((one) => one.stop()))

      const log = await readLog(owner, project.id)
      expect(seqs(log)).toEqual(upTo(log.length))
      await until('all have all', () =>
        sockets.every((socket) => socket.events(projectRoom(project.id)).at(-1)?.meta.seq === log.length),
      )
      for (const [n, { ack, order }] of joined.entries()) {
        const after = positions[n] ?? 0
        // The ack comes exactly between the replay and what is live.
        expect(ack).toMatchObject({ ok: true, mode: 'resumed' })
        expect(order).toEqual([...range(after + 1, ack.head), ack, ...range(ack.head + 1, log.length)])
        const events = sockets[n]?.events(projectRoom(project.id)) ?? []
        expect(events.map(({ name, payload, meta: { replayed, ...meta } }) => ({ name, payload, meta }))).toEqual(
          log.slice(after),
        )
        expect(events.filter((event) => event.meta.replayed).length).toBe(ack.head - after)
      }
      // The burst was no burst if nothing was written while they caught up.
      expect(Math.max(...joined.map(({ ack }) => ack.head))).toBeGreaterThan(2_000)
    })

    it('R1 R3 a hundred cuts in a burst: what three clients got, laid end to end, is the log', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const bursts = [burst(owner, project.id), burst(editor, project.id)]
      const cuts = [34, 33, 33]
      const lists = await Promise.all(
        cuts.map(async (count) => {
          const got: { name: string; payload: unknown; seq: number }[] = []
          let epoch: string | undefined
          for (let cut = 0; cut <= count; cut++) {
            const { socket } = await connect(app(), editor)
            socket.onAny((name: string, payload: unknown, meta?: { room: string; seq: number; epoch: string }) => {
              if (meta?.room !== projectRoom(project.id)) return
              epoch = meta.epoch
              got.push({ name, payload, seq: meta.seq })
            })
            const position = { after: got.at(-1)?.seq ?? 0, ...(epoch !== undefined && { epoch }) }
            let answered = false
            socket.emit('join:project', { projectId: project.id, ...position }, () => {
              answered = true
            })
            if (cut === count) return { got, socket }
            const enough = got.length + randomInt(4)
            // In the middle of a replay, right at the ack, or a little later.
            await until('a good moment to cut', () => (cut % 3 === 0 || answered) && got.length >= enough)
            if (cut % 2) socket.io.engine.close()
            else socket.disconnect()
          }
          throw new Error('the last connection stays')
        }),
      )
      await Promise.all(bursts.map((one) => one.stop()))
      const log = await readLog(owner, project.id)
      await until('all have all', () => lists.every(({ got }) => got.at(-1)?.seq === log.length))
      const plain = log.map(({ name, payload, meta }) => ({ name, payload, seq: meta.seq }))
      for (const { got, socket } of lists) {
        expect(got).toEqual(plain)
        socket.close()
      }
    })
  })

  describe('in a hurry', () => {
    /** A room with a long log, a person who writes when asked, and a socket that is outside. */
    async function scene(count = 1_500) {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      await append(app(), project.id, count)
      const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${project.id}/events?limit=1`)
      const socket = await connect(app(), editor)
      return { project, owner, socket, head }
    }
    /** The first seq that is not one more than the one before it: where a second replay begins. */
    const split = (all: number[]): [number[], number[]] => {
      const at = all.findIndex((seq, n) => n > 0 && seq !== (all[n - 1] ?? 0) + 1)
      return at === -1 ? [[], all] : [all.slice(0, at), all.slice(at)]
    }

    it('R1 of two joins at once the later one counts; live events come once', async () => {
      const { project, owner, socket, head } = await scene()
      const first = socket.join(project.id, { after: 0 })
      const second = socket.join(project.id, { after: 0 })
      expect(await first).toMatchObject({ ok: false, error: { code: 'superseded', status: 409 } })
      expect(await second).toMatchObject({ ok: true, mode: 'resumed', head })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'new' })
      await until('the new event', () => socket.events(projectRoom(project.id)).at(-1)?.meta.seq === head + 1)
      await roundTrip(socket)
      const [begun, whole] = split(seqs(socket.events(projectRoom(project.id))))
      expect(begun).toEqual(upTo(begun.length))
      expect(whole).toEqual(upTo(head + 1))
    })

    it('R1 join, leave, join: the last one counts', async () => {
      const { project, owner, socket, head } = await scene()
      const first = socket.join(project.id, { after: 0 })
      const left = socket.ask('leave:project', { projectId: project.id })
      const second = socket.join(project.id, { after: head - 5 })
      const acks = await Promise.all([first, left, second])
      expect(acks[1]).toEqual({ ok: true })
      expect(acks[2]).toMatchObject({ ok: true, mode: 'resumed', head })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'new' })
      await until('the new event', () => socket.events(projectRoom(project.id)).at(-1)?.meta.seq === head + 1)
      await roundTrip(socket)
      const got = seqs(socket.events(projectRoom(project.id)))
      expect(got.slice(-6)).toEqual(range(head - 4, head + 1))
      expect(got.filter((seq) => seq === head + 1)).toHaveLength(1)
      expect(acks[0]).toMatchObject({ ok: false, error: { code: 'superseded' } })
    })

    it('R1 a leave right after a join leaves the socket outside, however far the join had come', async () => {
      const { project, owner, socket, head } = await scene()
      const witness = await connect(app(), owner)
      await witness.join(project.id)
      const joining = socket.join(project.id, { after: 0 })
      expect(await socket.ask('leave:project', { projectId: project.id })).toEqual({ ok: true })
      expect(await joining).toMatchObject({ ok: false, error: { code: 'superseded' } })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'new' })
      await until('the witness’s event', () => witness.events(projectRoom(project.id)).length >= 1)
      await roundTrip(socket)
      expect(seqs(socket.events(projectRoom(project.id)))).not.toContain(head + 1)
    })

    it('R1 a socket that is live and asks again from a position gets that replay, and live events once', async () => {
      const { project, owner, socket, head } = await scene(600)
      expect(await socket.join(project.id)).toMatchObject({ mode: 'live', head })
      const again = await joinInOrder(socket, project.id, { after: head - 550 })
      expect(again.order).toEqual([...range(head - 549, head), again.ack])
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'new' })
      await until('the new event', () => again.order.at(-1) === head + 1)
      expect(await socket.join(project.id)).toMatchObject({ ok: true, mode: 'live', head: head + 1 })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'newer' })
      await until('the newer event', () => again.order.at(-1) === head + 2)
      expect(again.order.slice(-2)).toEqual([head + 1, head + 2])
    })

    it('a socket that goes during its replay leaves no feed behind', async () => {
      const { project, owner, socket, head } = await scene()
      socket.socket.emit('join:project', { projectId: project.id, after: 0 })
      await until('the replay has begun', () => socket.events(projectRoom(project.id)).length > 0)
      socket.socket.io.engine.close()
      // Other tests of this file may have sockets that are still going.
      await until('no sockets and no feeds', () => {
        const { sockets, feeds } = app().app.rooms.counts()
        return sockets === 0 && feeds === 0
      })
      const next = await connect(app(), owner)
      expect(await next.join(project.id, { after: 0 })).toMatchObject({ ok: true, head })
    })
  })

  describe('the user room', () => {
    const connected = ({ frames }: Listener): { epoch: string; head: number } => {
      const first = frames[0]
      expect(first).toMatchObject({ name: 'connected', payload: { epoch: expect.any(String), head: expect.any(Number) } })
      return first?.payload as { epoch: string; head: number }
    }
    const ownFrames = (listener: Listener, person: Person) => listener.events(userRoom(person.id))

    it('R1 join:user gives what one missed: projects joined, left and made while away', async () => {
      const owner = await register(app(), 'Olga Owner')
      const ann = await register(app(), 'Ann')
      // Being added is in the same log a moment later.
      await ann.must('PUT', '/api/me/notification-preferences', { kinds: { added: 'off' } })
      const first = await connect(app(), ann)
      const { epoch, head } = connected(first)
      first.socket.close()

      const project = await createProject(owner, 'Album')
      await addMember(owner, project.id, ann)
      await owner.must('DELETE', `/api/projects/${project.id}/members/${ann.id}`)
      const other = await login(app(), ann)
      const own = await other.must<Project>('POST', '/api/projects', { name: 'Solo' })

      const second = await connect(app(), ann)
      expect(second.frames[0]?.payload).toMatchObject({ userId: ann.id, epoch, head: head + 3 })
      expect(ownFrames(second, ann)).toEqual([])
      const ack = await second.ask('join:user', { after: head, epoch })
      expect(ack).toEqual({ ok: true, room: userRoom(ann.id), epoch, head: head + 3, mode: 'resumed' })
      expect(ownFrames(second, ann)).toMatchObject([
        { name: 'project:joined', payload: project, meta: { seq: head + 1, replayed: true } },
        { name: 'project:left', payload: { projectId: project.id, reason: 'removed' }, meta: { seq: head + 2 } },
        { name: 'project:created', payload: own, meta: { seq: head + 3 } },
      ])

      await addMember(owner, project.id, ann)
      await until('the live event', () => ownFrames(second, ann).length >= 4)
      await roundTrip(second)
      expect(seqs(ownFrames(second, ann))).toEqual(range(head + 1, head + 4))
      expect(ownFrames(second, ann)[3]?.meta.replayed).toBeUndefined()
    })

    it('R2 join:user answers reset as join:project does', async () => {
      const ann = await register(app(), 'Ann')
      await createProject(ann)
      const socket = await connect(app(), ann)
      const { epoch } = connected(socket)
      expect(await socket.ask('join:user', { after: 1, epoch })).toMatchObject({ ok: true, mode: 'resumed', head: 1 })
      expect(await socket.ask('join:user', { after: 2, epoch })).toMatchObject({ ok: true, mode: 'reset', head: 1 })
      expect(await socket.ask('join:user', { after: 0, epoch: 'other' })).toMatchObject({ ok: true, mode: 'reset', head: 1 })
      expect(await socket.ask('join:user', {})).toMatchObject({ ok: true, mode: 'live', head: 1 })
      await createProject(ann)
      await until('the live event', () => ownFrames(socket, ann).length >= 1)
      await roundTrip(socket)
      expect(seqs(ownFrames(socket, ann))).toEqual([2])
    })

    it('R1 a client that joins its user room with its first packet gets it, once, and receives `connected`', async () => {
      const ann = await register(app(), 'Ann')
      for (const name of ['One', 'Two', 'Three']) await createProject(ann, name)
      for (const n of upTo(10)) {
        const listener = open(app(), { auth: { token: ann.token } })
        listener.socket.once('connect', () => listener.socket.emit('join:user', { after: 1 }))
        await until('both', () => listener.events().length >= 1 + n && listener.frames.some(({ name }) => name === 'connected'))
        await createProject(ann, `Another ${n}`)
        await until('the live event', () => listener.events().length >= 2 + n)
        await roundTrip(listener)
        expect(seqs(listener.events())).toEqual(range(2, 3 + n))
        listener.socket.close()
      }
    })
  })
})
