import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { retain } from '../../src/jobs/retention.ts'
import { readConsumer, readLag, retryFailed, skipFailed } from '../../src/rooms/log/consumers/inspect.ts'
import type { TestApp } from '../support/app.ts'
import { ownDatabase, recorder, startWith } from '../support/consumers.ts'
import { readLog, upTo } from '../support/log.ts'
import { createProject, createTeam, login, type Person, request } from '../support/people.ts'
import { until } from '../support/until.ts'
import { append } from './frames.ts'

const addTask = (person: Person, projectId: string, title: string) =>
  person.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title })
const titles = (handled: { payload: Record<string, unknown> }[]) => handled.map(({ payload }) => payload.title)
/** Fails for tasks of this title, so many times. */
function failing(title: string, times = Number.POSITIVE_INFINITY) {
  let failed = 0
  return ({ event }: { event: { payload: Record<string, unknown> } }): undefined => {
    if (event.payload.title === title && failed++ < times) throw new Error(`cannot do ${title}`)
  }
}
const queryOf = ({ db }: TestApp) =>
  (async ({ text, values }) => (await db.query(text, values as unknown[])).rows) as Parameters<typeof readLag>[0]
const failedOf = async (app: TestApp, name: string) => (await readConsumer(queryOf(app), name)).failed
/** The consumers that each node has. */
const OWN = ['media', 'missed', 'notifications', 'search', 'webhooks-wake']
const lagOf = async (app: TestApp) => (await readLag(queryOf(app))).filter(({ consumer }) => !OWN.includes(consumer))
const counted = async (app: TestApp, consumer: string, outcome: string) => {
  const text = await (await fetch(`${app.url}/metrics`)).text()
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`cutroom_consumed_total{consumer="${consumer}",outcome="${outcome}"}`))
  return Number(line?.split(' ')[1] ?? 0)
}

describe('a handler that fails', () => {
  it('E4 holds up its own room alone: not the write, not other rooms, not other consumers; then all comes in order', async () => {
    const bad = recorder('bad', ['task:created'], { answer: failing('Two', 3) })
    const good = recorder('good', ['task:created'])
    const app = await startWith({ consumers: [bad.consumer, good.consumer], timings: { retriesMs: [20, 20, 1_000_000, 20] } })
    const { project, owner } = await createTeam(app)
    const other = await createProject(owner, 'Other')
    for (const title of ['One', 'Two', 'Three']) await addTask(owner, project.id, title)
    await until('the third failure', async () => (await failedOf(app, 'bad')).some(({ attempts }) => attempts === 3))
    await addTask(owner, other.id, 'Elsewhere')
    await until('the other room', () => titles(bad.handled).includes('Elsewhere'))
    await until('the other consumer', () => good.handled.length === 4)
    expect(titles(bad.handled)).toEqual(['One', 'Two', 'Two', 'Two', 'Elsewhere'])
    expect(bad.handled.filter(({ payload }) => payload.title === 'Two').map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    expect(await failedOf(app, 'bad')).toMatchObject([
      { state: 'retry', room: projectRoom(project.id), seq: 2, attempts: 3, error: 'Error: cannot do Two' },
    ])
    // An operator does not want to wait that long.
    expect(await app.app.rooms.commit(null, (write) => retryFailed(write, 'bad', 'all'))).toBe(1)
    await until('the rest of the room', () => titles(bad.handled).includes('Three'))
    expect(titles(bad.handled).slice(5)).toEqual(['Two', 'Three'])
    await until('no failures', async () => (await failedOf(app, 'bad')).length === 0)
    expect(await counted(app, 'bad', 'failed')).toBe(3)
    expect(await counted(app, 'bad', 'handled')).toBe(4)
  })

  it('E4 is tried again beside the others, where the consumer says so; each event is done', async () => {
    const {
      consumer,
      handled,
      in: handledIn,
    } = recorder('beside', ['task:created'], {
      retries: 'beside',
      answer: failing('Two', 2),
    })
    const app = await startWith({ consumers: [consumer] })
    const { project, owner } = await createTeam(app)
    for (const title of ['One', 'Two', 'Three']) await addTask(owner, project.id, title)
    await until('five calls', () => handled.length === 5)
    await until('no failures', async () => (await failedOf(app, 'beside')).length === 0)
    expect(new Set(handledIn(projectRoom(project.id)))).toEqual(new Set([1, 2, 3]))
    expect(handled.filter(({ seq }) => seq === 2).map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    expect(handled.filter(({ seq }) => seq !== 2)).toHaveLength(2)
  })

  it('E1 E4 with something that has no text ends as a dead letter, too', async () => {
    const { consumer, handled } = recorder('textless', ['task:created'], {
      answer: () => {
        throw Object.create(null)
      },
    })
    const app = await startWith({ consumers: [consumer] })
    const { project, owner } = await createTeam(app)
    await addTask(owner, project.id, 'One')
    await until('a dead letter', async () => (await failedOf(app, 'textless')).some(({ state }) => state === 'dead'))
    expect(await failedOf(app, 'textless')).toMatchObject([{ attempts: 5, error: 'an error without a text' }])
    expect(handled.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5])
  })

  it.each(['hold', 'beside'] as const)(
    'E1 E4 for good (%s) ends as a dead letter after five attempts, and the room goes on; it can be tried again, or skipped',
    async (retries) => {
      let isCured = false
      const fail = failing('Two')
      const { consumer, handled } = recorder('dead', ['task:created'], {
        retries,
        answer: (delivery) => (isCured ? undefined : fail(delivery)),
      })
      const app = await startWith({ consumers: [consumer] })
      const { project, owner } = await createTeam(app)
      const room = projectRoom(project.id)
      for (const title of ['One', 'Two', 'Three']) await addTask(owner, project.id, title)
      const isDead = async () => (await failedOf(app, 'dead')).some(({ state }) => state === 'dead')
      await until('a dead letter', isDead)
      await until('the rest of the room', () => titles(handled).includes('Three'))
      expect(handled.filter(({ seq }) => seq === 2).map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5])
      expect(await failedOf(app, 'dead')).toMatchObject([
        { state: 'dead', room, seq: 2, attempts: 5, error: 'Error: cannot do Two' },
      ])
      expect(await counted(app, 'dead', 'given-up')).toBe(1)
      const { commit } = app.app.rooms
      // Again, while it still fails; then once more, when it does not.
      const again = () => commit(null, (write) => retryFailed(write, 'dead', { room, seq: 2 }))
      expect(await again()).toBe(1)
      await until('five more', () => handled.filter(({ seq }) => seq === 2).length === 10)
      await until('it to be given up again', isDead)
      isCured = true
      expect(await again()).toBe(1)
      await until('it to be done', async () => (await failedOf(app, 'dead')).length === 0)
      expect(handled.filter(({ seq }) => seq === 2)).toHaveLength(11)
      expect(await again()).toBe(0)
      isCured = false
      await addTask(owner, project.id, 'Two')
      await until('another dead letter', isDead)
      const skip = (seq: number) => commit(null, (write) => skipFailed(write, 'dead', { room, seq }))
      expect(await skip(3)).toBe(false)
      expect(await skip(4)).toBe(true)
      expect(await failedOf(app, 'dead')).toEqual([])
    },
  )

  it('E4 that an operator skips while it waits holds up nothing more', async () => {
    const { consumer, handled } = recorder('skipped', ['task:created'], { answer: failing('Two') })
    const app = await startWith({ consumers: [consumer], timings: { retriesMs: [1_000_000] } })
    const { project, owner } = await createTeam(app)
    for (const title of ['One', 'Two', 'Three']) await addTask(owner, project.id, title)
    await until('the failure', async () => (await failedOf(app, 'skipped')).length === 1)
    const meant = { room: projectRoom(project.id), seq: 2 }
    expect(await app.app.rooms.commit(null, (write) => skipFailed(write, 'skipped', meant))).toBe(true)
    await until('the rest', () => titles(handled).includes('Three'))
    expect(titles(handled)).toEqual(['One', 'Two', 'Three'])
    expect(await failedOf(app, 'skipped')).toEqual([])
  })

  it('E2 E4 what cannot be committed has failed: nothing of it is written, and after five attempts it is a dead letter', async () => {
    const wrong: Record<string, (projectId: string) => Parameters<typeof recorder>[2]> = {
      'not of its schema': (id) => ({
        answer: () => async (write) => void write.emit(projectRoom(id), 'task:deleted', { wrong: true } as never),
      }),
      'a room that is not there': () => ({
        answer: () => async (write) =>
          void write.emit('project:00000000-0000-7000-8000-000000000000', 'task:deleted', { taskId: crypto.randomUUID() }),
      }),
      'an error of the database': () => ({
        answer: () => async (write) => void (await write.query({ text: 'SELECT 1 / 0', values: [] })),
      }),
    }
    for (const [title, options] of Object.entries(wrong)) {
      const databaseUrl = await ownDatabase()
      const first = await startWith({}, { databaseUrl })
      const { project, owner } = await createTeam(first)
      const { consumer, handled } = recorder('wrong', ['task:created'], options(project.id))
      const app = await startWith({ consumers: [consumer], alwaysLead: true }, { databaseUrl })
      await addTask(owner, project.id, title)
      await until(title, async () => (await failedOf(app, 'wrong')).some(({ state }) => state === 'dead'))
      expect(handled.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5])
      expect((await readLog(owner, project.id)).map(({ name }) => name)).toEqual(['task:created'])
    }
  })

  it('E4 that does not come back has failed when its time is over, and is told so by its signal', async () => {
    const reasons: unknown[] = []
    const { consumer, handled } = recorder('stuck', ['task:created'], {
      timeoutMs: 30,
      async answer({ event, attempt, signal }) {
        if (event.payload.title === 'Stuck' && attempt < 3)
          await new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason)))
        return undefined
      },
    })
    const app = await startWith({ consumers: [consumer] })
    const { project, owner } = await createTeam(app)
    for (const title of ['Stuck', 'Next']) await addTask(owner, project.id, title)
    await until('the next', () => titles(handled).includes('Next'))
    expect(titles(handled)).toEqual(['Stuck', 'Stuck', 'Stuck', 'Next'])
    expect(reasons).toEqual([new Error('took longer than 0.03 s'), new Error('took longer than 0.03 s')])
  })
})

describe('retention that overtakes a consumer', () => {
  const options = { retentionSeconds: 86_400, sessionSeconds: 86_400 }
  const age = (app: TestApp, room: string, seq: number) =>
    app.db.query(`UPDATE "Event" SET at = at - interval '40 days' WHERE room = $1 AND seq <= $2`, [room, seq])

  it('E5 is counted and told; the consumer goes on behind it', async () => {
    const databaseUrl = await ownDatabase()
    const first = await startWith({ consumers: [recorder('late', ['task:created']).consumer] }, { databaseUrl })
    const { project, owner } = await createTeam(first)
    const room = projectRoom(project.id)
    await first.app.close()
    // Written by other nodes, while none leads.
    const writer = await startWith({}, { databaseUrl })
    const person = await login(writer, owner)
    for (const n of upTo(10)) await addTask(person, project.id, `${n}`)
    await age(writer, room, 7)
    const swept = await retain({ pool: writer.db, ...options, consumers: ['late'] }, new AbortController().signal)
    expect(swept.events).toBe(7)
    const { consumer, handled } = recorder('late', ['task:created'])
    const app = await startWith({ consumers: [consumer], alwaysLead: true }, { databaseUrl })
    await until('the rest', () => handled.length === 3)
    expect(handled.map(({ seq }) => seq)).toEqual([8, 9, 10])
    expect(await counted(app, 'late', 'lost')).toBe(7)
    expect(await lagOf(app)).toMatchObject([{ consumer: 'late', lost: 7 }])
  })

  it('E5 also of an event that waited for its retry, and of a dead letter, which goes with its event', async () => {
    const { consumer, handled } = recorder('waits', ['task:created'], { answer: failing('Two') })
    const aside = recorder('aside', ['task:created'], { answer: failing('Two'), retries: 'beside' })
    const dead = recorder('dead', ['task:created'], { answer: failing('Two') })
    const app = await startWith({ consumers: [consumer, aside.consumer], timings: { retriesMs: [1_000_000] } })
    const { project, owner } = await createTeam(app)
    const room = projectRoom(project.id)
    for (const title of ['One', 'Two', 'Three']) await addTask(owner, project.id, title)
    for (const name of ['waits', 'aside']) await until('the failures', async () => (await failedOf(app, name)).length === 1)
    await app.db.query(`INSERT INTO "Consumer" (name) VALUES ('dead')`)
    await app.db.query(`INSERT INTO "DeadLetter" (consumer, room, seq, attempts, error) VALUES ('dead', $1, 2, 5, '')`, [room])
    expect(dead.handled).toEqual([])
    await age(app, room, 2)
    await retain({ pool: app.db, ...options, consumers: ['waits', 'aside'] }, new AbortController().signal)
    await app.app.rooms.commit(null, (write) => retryFailed(write, 'aside', 'all'))
    await until('it to be given up', async () => (await failedOf(app, 'aside')).length === 0)
    await app.app.rooms.commit(null, (write) => retryFailed(write, 'waits', 'all'))
    await until('the rest', () => titles(handled).includes('Three'))
    expect(titles(handled)).toEqual(['One', 'Two', 'Three'])
    const lag = await lagOf(app)
    expect(lag.map(({ consumer, lost, deadLetters, retries }) => ({ consumer, lost, deadLetters, retries }))).toEqual([
      { consumer: 'aside', lost: 1, deadLetters: 0, retries: 0 },
      { consumer: 'dead', lost: 0, deadLetters: 0, retries: 0 },
      { consumer: 'waits', lost: 1, deadLetters: 0, retries: 0 },
    ])
  })

  it('E5 the room of a deleted project stays until its readers have read it, and their cursors go with it', async () => {
    const databaseUrl = await ownDatabase()
    const app = await startWith({ consumers: [recorder('reads', ['task:created']).consumer] }, { databaseUrl })
    const { project, owner } = await createTeam(app)
    const room = projectRoom(project.id)
    await append(app, project.id, 3)
    await owner.must('DELETE', `/api/projects/${project.id}`)
    await until('the cursor at the head', async () => {
      const { rows } = await app.db.query('SELECT 1 FROM "Cursor" WHERE room = $1 AND seq = 4', [room])
      return rows.length === OWN.length + 1
    })
    await until('the project to be gone', async () => (await app.db.query('SELECT 1 FROM "Project"')).rows.length === 0)
    await age(app, room, 4)
    const round = async (consumers: string[]) => {
      await retain({ pool: app.db, ...options, consumers }, new AbortController().signal)
      return (await retain({ pool: app.db, ...options, consumers }, new AbortController().signal)).rooms
    }
    await app.db.query(`INSERT INTO "Consumer" (name) VALUES ('behind')`)
    const left = async (table: 'Room' | 'Cursor', column: 'id' | 'room') =>
      (await app.db.query(`SELECT 1 FROM "${table}" WHERE ${column} = $1`, [room])).rows.length
    await round(['reads', ...OWN, 'behind'])
    expect([await left('Room', 'id'), await left('Cursor', 'room')]).toEqual([1, OWN.length + 1])
    await app.db.query(`INSERT INTO "Cursor" (consumer, room, seq) VALUES ('behind', $1, 4)`, [room])
    await round(['reads', ...OWN, 'behind'])
    expect([await left('Room', 'id'), await left('Cursor', 'room')]).toEqual([0, 0])
    expect((await request(app.url, 'GET', '/readyz')).status).toBe(200)
  })
})
