import { projectRoom, type Task } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { FinalWrite } from '../../src/rooms/log/consumers/consumer.ts'
import { ownDatabase, recorder, startWith } from '../support/consumers.ts'
import { gate, readLog, upTo } from '../support/log.ts'
import { createProject, createTeam, login, type Person } from '../support/people.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { append, seqs } from './frames.ts'

const addTask = (person: Person, projectId: string, title = 'Mix') =>
  person.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title })

/** Answers a new task with a label on it: a row and an event. */
const label: (task: Task) => FinalWrite = (task) => async (write) => {
  const { version } = await write.tx.task.update({
    where: { id: task.id },
    data: { labels: ['heard'], version: { increment: 1 } },
  })
  write.emit(projectRoom(task.projectId), 'task:updated', { ...task, labels: ['heard'], version })
}

describe('consumers of the log', () => {
  it('E1 a consumer is told every event it wants, committed after its enrolment, in order; nothing earlier and nothing else', async () => {
    const databaseUrl = await ownDatabase()
    const before = await startWith({}, { databaseUrl })
    const { project, owner } = await createTeam(before)
    await addTask(owner, project.id)
    const { consumer, handled } = recorder('tasks', ['task:created', 'task:updated'])
    const app = await startWith({ consumers: [consumer] }, { databaseUrl })
    await before.app.close()
    const person = await login(app, owner)
    const later = await createProject(person, 'Later')
    for (const { id } of [project, later]) {
      for (const n of upTo(5)) {
        const task = await addTask(person, id, `Task ${n}`)
        await person.must('PATCH', `/api/tasks/${task.id}`, { title: `Changed ${n}` })
        await person.must('POST', `/api/projects/${id}/vibes`, { name: `Vibe ${n}` })
      }
    }
    await until('twenty events', () => handled.length >= 20)
    for (const { id } of [project, later]) {
      const log = await readLog(person, id, id === project.id ? 1 : 0)
      const wanted = log.filter(({ name }) => name.startsWith('task:'))
      const got = handled.filter(({ room }) => room === projectRoom(id))
      expect(got.map(({ name, seq, payload }) => ({ name, seq, payload }))).toEqual(
        wanted.map(({ name, meta, payload }) => ({ name, seq: meta.seq, payload })),
      )
    }
    expect(handled.every(({ attempt }) => attempt === 1)).toBe(true)
    expect(handled).toHaveLength(20)
  })

  it('E1 events without a notification are found by the sweep; thousands of them, and large ones, are read in pages, each once', async () => {
    const { consumer, handled, in: handledIn } = recorder('deletions', ['task:deleted', 'comment:deleted'])
    const app = await startWith({ consumers: [consumer] })
    const { project, owner } = await createTeam(app)
    const other = await createProject(owner, 'Other')
    await append(app, project.id, 2_300)
    // Six megabytes: more than one page may have.
    await app.db.query(
      `SELECT append($1, 'comment:deleted', json_build_object('commentId', repeat('x', 200000))) FROM generate_series(1, 30)`,
      [projectRoom(other.id)],
    )
    await until('all of them', () => handled.length >= 2_330)
    expect(handledIn(projectRoom(project.id))).toEqual(upTo(2_300))
    expect(handledIn(projectRoom(other.id))).toEqual(upTo(30))
    const cursors = async () =>
      (
        await app.db.query(`SELECT count(*)::int AS n FROM "Cursor" c JOIN "Room" r ON r.id = c.room AND r.head = c.seq
          WHERE c.consumer = 'deletions'`)
      ).rows[0]?.n
    // The two rooms, and that of the owner, in which two projects were created.
    await until('the cursors to be saved', async () => (await cursors()) === 3)
  })

  it('E2 what a handler returns is written once, with the cursor, and delivered like any write', async () => {
    const { consumer, handled } = recorder('labels', ['task:created'], {
      answer: ({ event }) => label(event.payload as unknown as Task),
      parallel: 2,
    })
    const app = await startWith({ consumers: [consumer] })
    const { project, owner } = await createTeam(app)
    const socket = await connect(app, owner)
    await socket.join(project.id)
    for (const n of upTo(20)) await addTask(owner, project.id, `Task ${n}`)
    await until('forty events', () => socket.events(projectRoom(project.id)).length === 40)
    const log = await readLog(owner, project.id)
    expect(socket.events(projectRoom(project.id))).toEqual(log)
    const updates = log.filter(({ name }) => name === 'task:updated')
    expect(updates.map(({ payload }) => payload.title)).toEqual(upTo(20).map((n) => `Task ${n}`))
    expect(updates.every(({ meta }) => meta.actor === null)).toBe(true)
    expect(handled).toHaveLength(20)
    const { data } = await owner.must<{ data: Task[] }>('GET', `/api/projects/${project.id}/tasks`)
    for (const { labels, version } of data) expect({ labels, version }).toEqual({ labels: ['heard'], version: 2 })
  })

  it('E2 what is returned for events behind one another is written in one transaction, in order; where one cannot be, the others are', async () => {
    const databaseUrl = await ownDatabase()
    const make = (bad: string) =>
      recorder('labels', ['task:created'], {
        answer({ event }) {
          const task = event.payload as unknown as Task
          return task.title === bad ? (write) => label({ ...task, id: task.projectId })(write) : label(task)
        },
      })
    const enrolling = await startWith({ consumers: [make('').consumer] }, { databaseUrl })
    const { project, owner } = await createTeam(enrolling)
    await enrolling.app.close()
    const writer = await startWith({}, { databaseUrl })
    const tasks = upTo(20).map((n) => `Task ${n}`)
    const person = await login(writer, owner)
    for (const title of tasks) await addTask(person, project.id, title)
    const updates = async () =>
      (
        await writer.db.query<{ title: string; transaction: string }>(
          `SELECT payload->>'title' AS title, xmin::text AS transaction FROM "Event" WHERE name = 'task:updated' ORDER BY seq`,
        )
      ).rows
    const whole = await startWith({ consumers: [make('').consumer], alwaysLead: true }, { databaseUrl })
    await until('twenty answers', async () => (await updates()).length === 20)
    await whole.app.close()
    expect((await updates()).map(({ title }) => title)).toEqual(tasks)
    expect(new Set((await updates()).map(({ transaction }) => transaction)).size).toBe(1)

    for (const title of ['One', 'Two', 'Three']) await addTask(person, project.id, title)
    const { consumer, handled } = make('Two')
    await startWith({ consumers: [consumer], alwaysLead: true }, { databaseUrl })
    await until('two more', async () => (await updates()).length === 22)
    expect((await updates()).slice(20).map(({ title }) => title)).toEqual(['One', 'Three'])
    const two = handled.filter(({ payload }) => payload.title === 'Two')
    expect(two.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5])
    const { rows } = await writer.db.query('SELECT attempts FROM "DeadLetter"')
    expect(rows).toEqual([{ attempts: 5 }])
  })

  it('E2 two leaders at once: a handler may run twice, what it emits is logged once, in order', async () => {
    const databaseUrl = await ownDatabase()
    const both = [1, 2].map(() =>
      recorder('labels', ['task:created'], { answer: ({ event }) => label(event.payload as unknown as Task), parallel: 4 }),
    )
    const nodes = await Promise.all(
      both.map(({ consumer }) => startWith({ consumers: [consumer], alwaysLead: true }, { databaseUrl })),
    )
    const [one, two] = nodes
    if (!one || !two) throw new Error('no nodes')
    await until('two leaders', () => nodes.every(({ app }) => app.consumers.isLeader()))
    const { project, owner } = await createTeam(one)
    const projects = [project, ...(await Promise.all(upTo(4).map((n) => createProject(owner, `P${n}`))))]
    await Promise.all(projects.flatMap(({ id }) => upTo(30).map((n) => addTask(owner, id, `Task ${n}`))))
    for (const { id } of projects) {
      await until('an answer to each task', async () => (await readLog(owner, id)).length >= 60)
      const log = await readLog(owner, id)
      const ids = (name: string) => log.filter((event) => event.name === name).map(({ payload }) => payload.id)
      expect(ids('task:updated')).toEqual(ids('task:created'))
      expect(log).toHaveLength(60)
    }
    // It was tried: both were told.
    for (const { handled } of both) expect(handled.length).toBeGreaterThan(0)
  })

  it('E3 another node takes over when the leader stops; what ran is waited for, and its write is there', async () => {
    const databaseUrl = await ownDatabase()
    const { opened, open } = gate()
    const [first, second] = [
      recorder('slow', ['task:created'], {
        async answer({ event }) {
          await opened
          return label(event.payload as unknown as Task)
        },
      }),
      recorder('slow', ['task:created']),
    ]
    const leader = await startWith({ consumers: [first.consumer] }, { databaseUrl })
    await until('a leader', () => leader.app.consumers.isLeader())
    const standby = await startWith({ consumers: [second.consumer] }, { databaseUrl })
    const { project, owner } = await createTeam(standby)
    await addTask(owner, project.id, 'One')
    await addTask(owner, project.id, 'Two')
    await until('the first one to run', () => first.handled.length === 1)
    expect(standby.app.consumers.isLeader()).toBe(false)
    const closed = leader.app.close()
    await until('no new one is begun', () => !leader.app.consumers.isLeader())
    open()
    await closed
    await until('the other node to lead', () => standby.app.consumers.isLeader())
    await until('the second event there', () => second.handled.length > 0)
    expect(first.handled.map(({ payload }) => payload.title)).toEqual(['One'])
    expect(second.handled.map(({ payload }) => payload.title)).toEqual(['Two'])
    expect((await readLog(owner, project.id)).map(({ name }) => name)).toEqual(['task:created', 'task:created', 'task:updated'])
  })

  it('E1 rooms are handled side by side, as many as the consumer allows, and one room in order', async () => {
    let [running, most] = [0, 0]
    const gates = new Map<string, ReturnType<typeof gate>>()
    const {
      consumer,
      handled,
      in: handledIn,
    } = recorder('parallel', ['task:created'], {
      parallel: 3,
      async answer({ event }) {
        running++
        most = Math.max(most, running)
        const held = gate()
        gates.set(event.meta.room, held)
        await held.opened
        running--
        return undefined
      },
    })
    const app = await startWith({ consumers: [consumer] })
    const { owner } = await createTeam(app)
    const projects = await Promise.all(upTo(5).map((n) => createProject(owner, `P${n}`)))
    for (const { id } of projects) for (const n of upTo(3)) await addTask(owner, id, `${n}`)
    let going = true
    onTestFinished(() => {
      going = false
    })
    await until('three at once', () => running === 3)
    const opening = (async () => {
      while (going) {
        for (const [room, held] of gates) {
          gates.delete(room)
          held.open()
        }
        await new Promise((next) => setImmediate(next))
      }
    })()
    await until('all of them', () => handled.length === 15 && running === 0)
    going = false
    await opening
    expect(most).toBe(3)
    for (const { id } of projects) expect(handledIn(projectRoom(id))).toEqual([1, 2, 3])
  })

  it('E1 a crash before positions are saved has events handled again, and none passed over', async () => {
    const databaseUrl = await ownDatabase()
    const [first, second] = [recorder('again', ['task:created']), recorder('again', ['task:created'])]
    // Never saved but at the end, and not answer: the connection is gone.
    const app = await startWith({ consumers: [first.consumer], timings: { saveMs: 3_600_000 } }, { databaseUrl })
    const { project, owner } = await createTeam(app)
    for (const n of upTo(10)) await addTask(owner, project.id, `${n}`)
    await until('all of them', () => first.handled.length === 10)
    const { rows } = await app.db.query(`SELECT seq FROM "Cursor" WHERE consumer = 'again' AND room = $1`, [
      projectRoom(project.id),
    ])
    expect(rows).toEqual([])
    const other = await startWith({ consumers: [second.consumer], alwaysLead: true }, { databaseUrl })
    await until('all of them again', () => second.handled.length === 10)
    expect(seqs(second.handled.map(({ seq }) => ({ meta: { seq } })))).toEqual(upTo(10))
    await other.app.close()
  })

  it('E1 a commit wakes the leader, without a sweep', async () => {
    const { consumer, handled } = recorder('woken', ['task:created'])
    const app = await startWith({ consumers: [consumer], timings: { sweepMs: 3_600_000 } })
    await until('a leader', () => app.app.consumers.isLeader())
    const { project, owner } = await createTeam(app)
    for (const n of upTo(3)) {
      await addTask(owner, project.id, `${n}`)
      await until(`event ${n}`, () => handled.length === n)
    }
  })

  it.skipIf(!hasRedis())('E1 a commit on another node wakes the leader over Redis, without a sweep', async () => {
    const redis = await startRedis()
    onTestFinished(redis.close)
    const options = { databaseUrl: await ownDatabase(), env: { REDIS_URL: redis.url } }
    const { consumer, handled } = recorder('woken', ['task:created'])
    const jobs = { consumers: [consumer], timings: { sweepMs: 3_600_000 } }
    const leader = await startWith(jobs, options)
    await until('a leader', () => leader.app.consumers.isLeader())
    const other = await startWith({ ...jobs, consumers: [] }, options)
    const { project, owner } = await createTeam(other)
    for (const n of upTo(3)) {
      await addTask(owner, project.id, `${n}`)
      await until(`event ${n}`, () => handled.length === n)
    }
  })
  if (!hasRedis()) refuseWithoutRedis('consumers that are woken over Redis')

  it('names of consumers and jobs are checked at the start', async () => {
    const two = [recorder('twice', []), recorder('twice', [])].map(({ consumer }) => consumer)
    await expect(startWith({ consumers: two })).rejects.toThrow('Two consumers or jobs have one name')
    await expect(startWith({ consumers: [recorder('No Name', []).consumer] })).rejects.toThrow('No Name is no name')
  })
})
