import { randomInt, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { addMember, createCut, createProject, createTeam, type Person, register } from '../support/people.ts'
import { createRandom } from '../support/random.ts'
import { openRaw, type Raw } from '../support/raw-socket.ts'
import { connect, type JoinAck, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** How often a removal meets a burst: EVICTION_ROUNDS=1000 tries harder, SEED=… tries the same again. */
const ROUNDS = Number(process.env.EVICTION_ROUNDS ?? 40)
const LANES = 8

const seen = (listener: Listener, projectId: string) => listener.events(`project:${projectId}`)
const lastSeq = (listener: Listener, projectId: string) => seen(listener, projectId).at(-1)?.meta.seq ?? 0

/** Everything of a project's room that a socket got: durable events, activities, presence, typing. */
const ofRoom = (listener: Listener, projectId: string) =>
  listener.frames.filter(
    ({ name, payload, meta }) =>
      meta?.room === `project:${projectId}` ||
      (meta === undefined && name !== 'access:revoked' && JSON.stringify(payload).includes(projectId)),
  )

/** Nothing more is under way to this socket: an answer came that was asked for after everything else was sent. */
const settled = (listener: Listener) => listener.ask('leave:project', { projectId: randomUUID() })

/** Waits for the n-th of several things to have happened. */
function gate() {
  let count = 0
  const waiting: [n: number, open: () => void][] = []
  return {
    hit() {
      count++
      for (const [n, open] of waiting) if (n <= count) open()
    },
    at: (n: number) => new Promise<void>((open) => (n <= count ? open() : waiting.push([n, open]))),
  }
}

describe('eviction', () => {
  const app = useApp()

  /** More than fits between the server and a client that does not read. */
  async function lengthen(projectId: string, cutId: string): Promise<void> {
    const payload = {
      cutId,
      lyrics: [{ atMs: null, text: 'la '.repeat(3_000) }],
      version: 1,
      updatedAt: new Date().toISOString(),
    }
    for (let i = 0; i < 3; i++)
      await app().db.query('SELECT append($1, $2, $3::json) FROM generate_series(1, 500)', [
        `project:${projectId}`,
        'lyrics:updated',
        JSON.stringify(payload),
      ])
  }
  /** A client that joins with the whole log before it, and stops reading in the middle of it. */
  async function replaying(person: Person, projectId: string, before?: (raw: Raw) => Promise<void>): Promise<Raw> {
    const raw = await openRaw(app())
    raw.ws.send(`40${JSON.stringify({ token: person.token })}`)
    await until('connected', () => raw.events().some(({ name }) => name === 'connected'))
    await before?.(raw)
    raw.ws.send(`4277${JSON.stringify(['join:project', { projectId, after: 0 }])}`)
    const replayed = () => raw.events().filter(({ meta }) => meta?.room === `project:${projectId}`).length
    await until('the beginning of the log', () => replayed() > 1)
    raw.ws.pause()
    return raw
  }
  const headOf = async (projectId: string) => {
    const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [`project:${projectId}`])
    return Number(rows[0]?.head)
  }

  it('A1 all sockets of a removed member are out of the room before the removal is emitted', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const [observer, plain, quiet, polling, elsewhere] = await Promise.all([
      connect(app(), owner),
      connect(app(), editor),
      connect(app(), editor),
      connect(app(), editor, { transports: ['polling'] }),
      connect(app(), editor),
    ])
    await Promise.all([observer.join(project.id), plain.join(project.id), polling.join(project.id)])
    await quiet.join(project.id, { activity: false })
    const comment = (n: number) => owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `note ${n}` })

    await Promise.all([
      ...Array.from({ length: 20 }, (_, n) => comment(n)),
      owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`),
      ...Array.from({ length: 20 }, (_, n) => comment(n + 20)),
    ])
    await comment(40)
    observer.socket.emit('typing', { projectId: project.id, targetId: cut.id, isTyping: true })
    const head = await headOf(project.id)
    await until('the owner sees all', () => lastSeq(observer, project.id) === head)
    await Promise.all([plain, quiet, polling, elsewhere].map(settled))

    const left = seen(observer, project.id).find(({ name }) => name === 'member:left')
    const removal = left?.meta.seq ?? 0
    expect(left?.payload).toEqual({
      projectId: project.id,
      userId: editor.id,
      removedBy: owner.id,
      updatedAt: expect.any(String),
    })
    expect(removal).toBeLessThan(head)
    for (const tab of [plain, quiet, polling]) {
      expect(seen(tab, project.id)).toEqual(seen(observer, project.id).filter(({ meta }) => meta.seq < removal))
      const revoked = tab.frames.findIndex(({ name }) => name === 'access:revoked')
      expect(tab.frames[revoked]?.payload).toEqual({ projectId: project.id, reason: 'removed' })
      // Activities, presence and typing end with the events.
      expect(tab.frames.slice(revoked).filter((frame) => ofRoom(tab, project.id).includes(frame) && !frame.meta)).toEqual([])
    }
    for (const tab of [plain, quiet, polling, elsewhere]) {
      await until('project:left', () => tab.frames.some(({ name }) => name === 'project:left'))
      const own = tab.events(`user:${editor.id}`).filter(({ name }) => name === 'project:left')
      expect(own).toMatchObject([{ payload: { projectId: project.id, reason: 'removed' } }])
      expect(tab.socket.connected).toBe(true)
    }
    expect(elsewhere.frames.filter(({ name }) => name === 'access:revoked')).toEqual([])
    expect(await plain.join(project.id)).toMatchObject({ ok: false, error: { code: 'not-found' } })
    expect(await plain.ask('presence:set', { projectId: project.id, state: {} })).toMatchObject({ error: { code: 'forbidden' } })
  })

  it('A1 a member who is removed during a long replay gets nothing after the removal', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    await lengthen(project.id, cut.id)
    const observer = await connect(app(), owner)
    await observer.join(project.id)
    const joining = await replaying(editor, project.id)
    // And one that was in the room before it asked for all of it again.
    const again = await replaying(editor, project.id, async (raw) => {
      raw.ws.send(`4276${JSON.stringify(['join:project', { projectId: project.id }])}`)
      await until('joined', () => raw.ack(76)?.ok === true)
    })
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'before' })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'after' })
    const head = await headOf(project.id)
    await until('the owner sees all', () => lastSeq(observer, project.id) === head)
    const removal = seen(observer, project.id).find(({ name }) => name === 'member:left')?.meta.seq ?? 0
    expect(removal).toBe(head - 1)

    for (const raw of [joining, again]) {
      expect(raw.ack(77), 'it was still reading').toBeUndefined()
      raw.ws.resume()
      await until('the answer', () => raw.ack(77) !== undefined)
      expect(raw.ack(77)).toMatchObject({ ok: false, error: { code: 'not-found', status: 404 } })
      const seqs = raw.events().flatMap(({ meta }) => (meta?.room === `project:${project.id}` ? [meta.seq] : []))
      expect(seqs).toEqual(Array.from({ length: removal - 1 }, (_, n) => n + 1))
      expect(raw.events().some(({ name }) => name === 'project:left')).toBe(true)
    }
    // No person is listed as present without access.
    const ack = await observer.join(project.id, { after: head })
    expect(ack.presence.map(({ user }) => user.id)).toEqual([owner.id])
  })

  it(`A1 ${ROUNDS} interleavings of a removal with a burst: no frame after the removal reaches the removed person`, async () => {
    const seed = Number(process.env.SEED ?? randomInt(2 ** 31))
    const tally = { rounds: 0, writesAfter: 0, framesBefore: 0, refused: 0, joined: 0 }

    async function lane(number: number): Promise<void> {
      const next = createRandom(seed + number).next
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const { cut } = await createCut(owner, project.id)
      await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
      const observer = await connect(app(), owner)
      let head = (await observer.join(project.id)).head
      let tabs = await Promise.all([connect(app(), editor), connect(app(), editor)])
      const count = Math.floor(ROUNDS / LANES) + (number < ROUNDS % LANES ? 1 : 0)

      for (let round = 0; round < count; round++) {
        // A socket may ask a hundred times at once, then twenty times a second: take another one in time.
        if (round % 40 === 39) {
          for (const { socket } of tabs) socket.close()
          tabs = await Promise.all([connect(app(), editor), connect(app(), editor)])
        }
        for (const { frames } of [observer, ...tabs]) frames.length = 0
        await addMember(owner, project.id, editor)
        const acks: Promise<JoinAck>[] = []
        const join = (tab: Listener) =>
          acks.push(tab.join(project.id, next() < 0.5 ? {} : { after: Math.max(0, head - Math.floor(next() * 30)) }))
        // Each tab is in the room before, or joins just now.
        const late = tabs.filter((tab) => (next() < 0.5 ? join(tab) : null) === null)
        await Promise.all(acks)
        // Two writers of two notes and more, until the removal is through; it and the tabs that come late begin somewhere
        // among their answers.
        const answers = gate()
        let notes = 0
        let removed = false
        const note = async () => {
          for (let n = 0; n < 2 || !removed; n++) {
            await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'la' })
            notes++
            answers.hit()
          }
        }
        const running = [
          note(),
          note(),
          answers
            .at(Math.floor(next() * 2))
            .then(() => owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`))
            .then(() => {
              removed = true
              answers.hit()
            }),
          ...late.map((tab) => answers.at(Math.floor(next() * 5)).then(() => void join(tab))),
        ]
        await Promise.all(running)
        const before = head
        head += notes + 2
        await until('the owner sees all', () => lastSeq(observer, project.id) === head)
        await Promise.all(tabs.map(settled))

        const removal = seen(observer, project.id).find(({ name }) => name === 'member:left')?.meta.seq ?? 0
        const where = `seed ${seed}, lane ${number}, round ${round}`
        expect(removal, where).toBeGreaterThan(before + 1)
        for (const tab of tabs) {
          const seqs = seen(tab, project.id).map(({ meta }) => meta.seq)
          expect(Math.max(0, ...seqs), where).toBeLessThan(removal)
          expect(
            seqs.every((seq, i) => i === 0 || seq === (seqs[i - 1] ?? 0) + 1),
            `${where}: a gap or a repeat in ${seqs}`,
          ).toBe(true)
          const activities = tab.frames.filter(({ name }) => name === 'activity:new').map(({ payload }) => Number(payload.seq))
          expect(Math.max(0, ...activities), where).toBeLessThan(removal)
          tally.framesBefore += seqs.filter((seq) => seq > before + 1).length
        }
        for (const ack of await Promise.all(acks)) {
          if (ack.ok) expect(ack.head, where).toBeLessThan(removal)
          else expect(ack.error?.code, where).toBe('not-found')
          tally[ack.ok ? 'joined' : 'refused']++
        }
        tally.rounds++
        tally.writesAfter += head - removal
      }
    }

    const start = performance.now()
    await Promise.all(Array.from({ length: LANES }, (_, n) => lane(n)))
    if (process.env.EVICTION_ROUNDS)
      console.info(`${ROUNDS} interleavings in ${Math.round(performance.now() - start)} ms, seed ${seed}`, tally)
    expect(tally.rounds).toBe(ROUNDS)
    // They did interleave: much was written after the removals, much was seen before them, and joins met them.
    expect(tally.writesAfter).toBeGreaterThan(ROUNDS / 2)
    expect(tally.framesBefore).toBeGreaterThan(ROUNDS / 2)
    expect(tally.refused).toBeGreaterThan(ROUNDS / 20)
    expect(tally.joined).toBeGreaterThan(ROUNDS / 2)
  }, 300_000)

  it('A1 a changed role applies at once to sockets in the room', async () => {
    const { project, owner, commenter } = await createTeam(app(), 'commenter')
    const [observer, tab] = await Promise.all([connect(app(), owner), connect(app(), commenter)])
    await Promise.all([observer.join(project.id), tab.join(project.id)])
    const typing = { projectId: project.id, targetId: project.id, isTyping: true }
    const setRole = async (role: string) => {
      await owner.must('PATCH', `/api/projects/${project.id}/members/${commenter.id}`, { role })
      await until('the role is told', () => seen(tab, project.id).at(-1)?.payload.role === role)
    }
    expect(await tab.ask('typing', typing)).toMatchObject({ ok: true })
    await setRole('viewer')
    expect(await tab.ask('typing', typing)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    expect(await tab.join(project.id)).toMatchObject({ ok: true, role: 'viewer' })
    await setRole('editor')
    expect(await tab.ask('typing', typing)).toMatchObject({ ok: true })
    await settled(observer)
    expect(observer.frames.filter(({ name }) => name === 'typing')).toHaveLength(2)
  })

  it('A1 a role that changes during a join is the new one', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    await lengthen(project.id, cut.id)
    const observer = await connect(app(), owner)
    await observer.join(project.id)
    const raw = await replaying(editor, project.id)
    await owner.must('PATCH', `/api/projects/${project.id}/members/${editor.id}`, { role: 'viewer' })
    await until('told', () => seen(observer, project.id).some(({ name }) => name === 'member:updated'))
    raw.ws.resume()
    await until('the answer', () => raw.ack(77) !== undefined)
    expect(raw.ack(77)).toMatchObject({ ok: true, mode: 'resumed', role: 'viewer' })
    raw.ws.send(`4278${JSON.stringify(['typing', { projectId: project.id, targetId: cut.id, isTyping: true }])}`)
    await until('an answer', () => raw.ack(78) !== undefined)
    expect(raw.ack(78)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
  })

  it('A1 a member who leaves is out; the event has no removedBy', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const [observer, tab] = await Promise.all([connect(app(), owner), connect(app(), viewer)])
    await Promise.all([observer.join(project.id), tab.join(project.id)])
    await viewer.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'without them' })
    await until('the owner sees both', () => seen(observer, project.id).length === 2)
    await settled(tab)
    expect(seen(observer, project.id).map(({ name, payload }) => [name, payload.removedBy])).toEqual([
      ['member:left', undefined],
      ['task:created', undefined],
    ])
    expect(seen(tab, project.id)).toEqual([])
    const told = tab.frames.filter(({ name }) => ['access:revoked', 'project:left'].includes(name))
    expect(told.map(({ payload }) => payload)).toEqual(Array(2).fill({ projectId: project.id, reason: 'left' }))
    const ack = await observer.join(project.id)
    expect(ack.presence.map(({ user }) => user.id)).toEqual([owner.id])
  })

  it('A1 when a project is deleted all sockets leave after its event', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const before = app().app.rooms.counts().feeds
    const tabs = await Promise.all([owner, editor, viewer].map((person) => connect(app(), person)))
    await Promise.all(tabs.map((tab) => tab.join(project.id)))
    await owner.must('DELETE', `/api/projects/${project.id}`)
    for (const tab of tabs) {
      await until('both', () => ['access:revoked', 'project:left'].every((name) => tab.frames.some((each) => each.name === name)))
      const names = tab.frames.map(({ name }) => name)
      expect(seen(tab, project.id).map(({ name }) => name)).toEqual(['project:deleted'])
      expect(names.indexOf('access:revoked')).toBeGreaterThan(names.indexOf('project:deleted'))
      expect(tab.frames.find(({ name }) => name === 'access:revoked')?.payload).toEqual({
        projectId: project.id,
        reason: 'deleted',
      })
      expect(await tab.join(project.id)).toMatchObject({ ok: false, error: { code: 'not-found' } })
    }
    for (const person of [owner, editor, viewer])
      expect((await person.call('GET', `/api/projects/${project.id}/events?after=0`)).status).toBe(404)
    // What other programs still write into its log reaches no socket.
    await app().db.query('SELECT append($1, $2, $3::json)', [
      `project:${project.id}`,
      'task:deleted',
      `{"taskId":"${randomUUID()}"}`,
    ])
    expect(app().app.rooms.counts().feeds).toBe(before + 3)
  })

  it('A1 R1 a member who is added again resumes across the time without access', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const tab = await connect(app(), editor)
    await tab.join(project.id)
    const write = (title: string) => owner.must('POST', `/api/projects/${project.id}/tasks`, { title })
    await write('before')
    await until('seen', () => seen(tab, project.id).length === 1)
    const last = lastSeq(tab, project.id)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await write('meanwhile')
    await addMember(owner, project.id, editor, 'viewer')
    await write('after')
    expect(await tab.join(project.id, { after: last })).toMatchObject({
      ok: true,
      mode: 'resumed',
      head: last + 4,
      role: 'viewer',
    })
    expect(seen(tab, project.id).map(({ name, meta }) => [meta.seq - last, name])).toEqual([
      [0, 'task:created'],
      [1, 'member:left'],
      [2, 'task:created'],
      [3, 'member:joined'],
      [4, 'task:created'],
    ])
    await write('live')
    await until('live again', () => lastSeq(tab, project.id) === last + 5)
  })

  it('A1 a removal from one project changes nothing in another', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const other = await createProject(owner, 'B-sides')
    await addMember(owner, other.id, editor)
    const stranger = await register(app(), 'Sam')
    await addMember(owner, project.id, stranger)
    const [tab, neighbour] = await Promise.all([connect(app(), editor), connect(app(), stranger)])
    await Promise.all([tab.join(project.id), tab.join(other.id), neighbour.join(project.id)])
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await owner.must('POST', `/api/projects/${other.id}/tasks`, { title: 'goes on' })
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'goes on' })
    await until('the other project goes on', () => seen(tab, other.id).length === 1)
    await until('the neighbour saw both', () => seen(neighbour, project.id).length === 2)
    await settled(tab)
    expect(seen(tab, project.id)).toEqual([])
  })
})
