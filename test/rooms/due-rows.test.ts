import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import type { DueWork, FinalWrite } from '../../src/rooms/log/consumers/consumer.ts'
import { readJobs, retryFailed, skipFailed } from '../../src/rooms/log/consumers/inspect.ts'
import { schedule } from '../../src/rooms/log/consumers/schedule.ts'
import { makeDueNow } from '../../src/rooms/log/consumers/statements.ts'
import { dueRowsOf, jobRecorder, ownDatabase, startWith } from '../support/consumers.ts'
import { gate, readLog, upTo } from '../support/log.ts'
import { createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'

describe('due rows', () => {
  it('E2 two nodes: each row is run once, when it is due and its write has committed; what it emits is in the log once', async () => {
    const databaseUrl = await ownDatabase()
    let projectId = ''
    const emits =
      ({ key }: DueWork): FinalWrite =>
      async (write) =>
        void write.emit(projectRoom(projectId), 'task:deleted', { taskId: key })
    const both = [1, 2].map(() => jobRecorder('reports', emits, { parallel: 3 }))
    // Both lead, whatever the lock says: the claims alone keep them apart.
    const nodes = await Promise.all(both.map(({ job }) => startWith({ jobs: [job], alwaysLead: true }, { databaseUrl })))
    const [one] = nodes
    if (!one) throw new Error('no node')
    await until('two leaders', () => nodes.every(({ app }) => app.consumers.isLeader()))
    const { project, owner } = await createTeam(one)
    projectId = project.id
    const { commit } = one.app.rooms
    const keys = upTo(40).map(() => crypto.randomUUID())
    const later = new Date(Date.now() + 3_600_000)
    await commit(null, async (write) => {
      for (const key of keys) schedule(write, 'reports', { key, payload: { for: key } })
      schedule(write, 'reports', { key: 'later', at: later })
    })
    const undone = commit(null, async (write) => {
      schedule(write, 'reports', { key: crypto.randomUUID() })
      throw new Error('no')
    })
    await expect(undone).rejects.toThrow('no')
    const ran = () => both.flatMap((each) => each.ran)
    await until('all of them', async () => (await dueRowsOf(one, 'reports')).length === 1)
    expect(
      ran()
        .map(({ key }) => key)
        .sort(),
    ).toEqual([...keys].sort())
    for (const { key, payload, attempt } of ran()) expect({ payload, attempt }).toEqual({ payload: { for: key }, attempt: 1 })
    const log = await readLog(owner, project.id)
    expect(log.map(({ payload }) => payload.taskId).sort()).toEqual([...keys].sort())
    expect(await dueRowsOf(one, 'reports')).toMatchObject([{ key: 'later', at: later, attempt: 0, claimedBy: null }])
  })

  it('E4 a row that fails is tried again, then given up until an operator has it tried again or skips it; others go on', async () => {
    let isCured = false
    const { job, ran } = jobRecorder('letters', ({ key }) => {
      if (key === 'bad' && !isCured) throw new Error('no such address')
      return undefined
    })
    const app = await startWith({ jobs: [job] })
    const { commit } = app.app.rooms
    const make = (key: string) => commit(null, async (write) => schedule(write, 'letters', { key }))
    await make('bad')
    await until('it to be given up', async () => (await dueRowsOf(app, 'letters'))[0]?.failedAt instanceof Date)
    expect(ran.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5])
    await make('good')
    await until('the other one', () => ran.some(({ key }) => key === 'good'))
    const query = async ({ text, values }: { text: string; values: unknown[] }) => (await app.db.query(text, values)).rows
    const jobs = await readJobs(query as Parameters<typeof readJobs>[0])
    expect(jobs.find((each) => each.job === 'letters')).toMatchObject({ failed: 1, error: 'Error: no such address' })
    isCured = true
    expect(await commit(null, (write) => retryFailed(write, 'letters', { key: 'bad' }))).toBe(1)
    await until('it to be done', async () => (await dueRowsOf(app, 'letters')).length === 0)
    isCured = false
    await make('bad')
    await until('it to be given up again', async () => (await dueRowsOf(app, 'letters'))[0]?.failedAt instanceof Date)
    expect(await commit(null, (write) => skipFailed(write, 'letters', { key: 'good' }))).toBe(false)
    expect(await commit(null, (write) => skipFailed(write, 'letters', { key: 'bad' }))).toBe(true)
    expect(await dueRowsOf(app, 'letters')).toEqual([])
  })

  it('a row that is given another time while it runs is run again; one that recurs has its next time, also when it failed', async () => {
    const { opened, open } = gate()
    const { job, ran } = jobRecorder(
      'again',
      async ({ key, attempt }) => {
        if (key === 'once') await opened
        if (key === '' && attempt < 8) throw new Error('not yet')
        return undefined
      },
      { every: { firstMs: 1, everyMs: 3_600_000 }, parallel: 2 },
    )
    const app = await startWith({ jobs: [job] })
    const make = (payload: number) =>
      app.app.rooms.commit(null, async (write) => schedule(write, 'again', { key: 'once', payload }))
    await make(1)
    await until('it to run', () => ran.some(({ key }) => key === 'once'))
    await make(2)
    open()
    await until('it to run again', () => ran.filter(({ key }) => key === 'once').length === 2)
    expect(ran.filter(({ key }) => key === 'once').map(({ payload }) => payload)).toEqual([1, 2])
    // It is never given up.
    await until('the recurring one to be done', async () => {
      const rows = await dueRowsOf(app, 'again')
      return rows.length === 1 && rows[0]?.attempt === 0 && rows[0].claimedBy === null
    })
    const [row] = await dueRowsOf(app, 'again')
    expect(ran.filter(({ key }) => key === '').map(({ attempt }) => attempt)).toEqual(upTo(8))
    expect(row).toMatchObject({ key: '', failedAt: null })
    expect(Number(row?.at) - Date.now()).toBeGreaterThan(1_000_000)
  })

  it('E1 a row that is woken at the moment in which it ends, or in the millisecond for which it was due, is run again', async () => {
    let [first, second] = [gate(), gate()]
    const { job, ran } = jobRecorder('woken', ({ key }) => (key === 'ends' ? first : second).opened.then(() => undefined))
    const app = await startWith({ jobs: [job] })
    const { commit } = app.app.rooms
    const client = await app.db.connect()
    const wake = async (key: string) => {
      const { text, values } = makeDueNow('woken', { text: 'SELECT $1::text AS key', values: [key] })
      await client.query(text, values)
    }
    const ranOf = (key: string) => ran.filter((each) => each.key === key).length
    const none = async () => (await dueRowsOf(app, 'woken')).length === 0
    try {
      await commit(null, async (write) => schedule(write, 'woken', { key: 'ends' }))
      await until('it to run', () => ranOf('ends') === 1)
      await client.query('BEGIN')
      await wake('ends')
      first.open()
      const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      await until('its end to wait for the wake', async () => (await app.db.query(waits)).rows.length > 0)
      first = gate()
      await client.query('COMMIT')
      await until('it to run again', () => ranOf('ends') === 2)
      first.open()
      await until('its end', none)

      await client.query('BEGIN')
      const { rows } = await client.query<{ now: Date }>('SELECT now()')
      await commit(null, async (write) => schedule(write, 'woken', { key: 'same', at: rows[0]?.now as Date }))
      await until('the other one to run', () => ranOf('same') === 1)
      await wake('same')
      await client.query('COMMIT')
      second.open()
      second = gate()
      await until('the other one to run again', () => ranOf('same') === 2)
      second.open()
      await until('its end', none)
    } finally {
      client.release(true)
    }
  })

  it('E3 what a node has claimed when it stops is run by the next leader, and what is interrupted has not failed', async () => {
    const databaseUrl = await ownDatabase()
    const first = jobRecorder(
      'long',
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    const second = jobRecorder('long')
    const one = await startWith({ jobs: [first.job] }, { databaseUrl })
    await until('a leader', () => one.app.consumers.isLeader())
    const two = await startWith({ jobs: [second.job] }, { databaseUrl })
    await two.app.rooms.commit(null, async (write) => schedule(write, 'long', { key: 'k' }))
    await until('it to run', () => first.ran.length === 1)
    await one.app.close()
    await until('it to be done elsewhere', () => second.ran.length === 1)
    expect(second.ran).toEqual([{ key: 'k', payload: {}, attempt: 1 }])
    await until('its end', async () => (await dueRowsOf(two, 'long')).length === 0)
    // A leader that was killed says nothing: its claim is there.
    await two.app.rooms.commit(null, async (write) =>
      schedule(write, 'long', { key: 'dead', at: new Date(Date.now() + 3_600_000) }),
    )
    await two.db.query(`UPDATE "Due" SET "claimedBy" = gen_random_uuid(), at = now(), attempt = 1 WHERE key = 'dead'`)
    const third = jobRecorder('long')
    await startWith({ jobs: [third.job], alwaysLead: true }, { databaseUrl })
    await until('it to be run', () => second.ran.length + third.ran.length === 2)
  })

  it('E1 a row whose claim was not answered is claimed again, while those that run are left alone', async () => {
    const held = gate()
    const answer = async ({ key }: DueWork) => {
      if (key === 'runs') await held.opened
      return undefined
    }
    const { job, ran } = jobRecorder('claims', answer, { parallel: 3 })
    const app = await startWith({ jobs: [job] })
    await app.app.rooms.commit(null, async (write) => schedule(write, 'claims', { key: 'runs' }))
    await until('it to run', () => ran.length === 1)
    // As a connection leaves it that breaks between the claim and its answer.
    await app.db.query(
      `INSERT INTO "Due" (consumer, key, at, attempt, "claimedBy") SELECT consumer, 'lost', now(), 1, "claimedBy" FROM "Due" WHERE key = 'runs'`,
    )
    await until('the other to run', () => ran.length === 2)
    expect(ran[1]).toEqual({ key: 'lost', payload: {}, attempt: 1 })
    await until('its end', async () => (await dueRowsOf(app, 'claims')).map(({ key }) => key).join() === 'runs')
    held.open()
    await until('the end of both', async () => (await dueRowsOf(app, 'claims')).length === 0)
    expect(ran.map(({ key }) => key)).toEqual(['runs', 'lost'])
  })
})
