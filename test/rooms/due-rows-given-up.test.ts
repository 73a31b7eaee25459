import { describe, expect, it } from 'vitest'
import { schedule } from '../../src/rooms/log/consumers/schedule.ts'
import { makeDueNow } from '../../src/rooms/log/consumers/statements.ts'
import type { TestApp } from '../support/app.ts'
import { dueRowsOf, jobRecorder, ownDatabase, startWith } from '../support/consumers.ts'
import { gate, upTo } from '../support/log.ts'
import { until } from '../support/until.ts'

const wake = ({ app }: TestApp, job: string, key: string) =>
  app.rooms.commit(null, async ({ assert }) => assert(makeDueNow(job, { text: 'SELECT $1::text AS key', values: [key] })))
const fail = () => {
  throw new Error('no')
}

describe('due rows that are given up', () => {
  it('E3 a row that is woken while it runs, and then interrupted, has all its attempts', async () => {
    const databaseUrl = await ownDatabase()
    const first = jobRecorder(
      'woken',
      ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    )
    const one = await startWith({ jobs: [first.job] }, { databaseUrl })
    await one.app.rooms.commit(null, async (write) => schedule(write, 'woken', { key: 'k' }))
    await until('it to run', () => first.ran.length === 1)
    await wake(one, 'woken', 'k')
    await one.app.close()
    expect(await dueRowsOf(one, 'woken')).toMatchObject([{ attempt: 0, claimedBy: null }])
    const second = jobRecorder('woken', fail)
    const two = await startWith({ jobs: [second.job] }, { databaseUrl })
    await until('it to be given up', async () => (await dueRowsOf(two, 'woken'))[0]?.failedAt instanceof Date)
    expect(second.ran.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5])
  })

  it('E1 a row that is woken while its claim is not answered has all its attempts', async () => {
    const held = gate()
    const { job, ran } = jobRecorder('claims', ({ key }) => (key === 'runs' ? held.opened.then(() => undefined) : fail()), {
      parallel: 2,
    })
    const app = await startWith({ jobs: [job] })
    await app.app.rooms.commit(null, async (write) => schedule(write, 'claims', { key: 'runs' }))
    await until('it to run', () => ran.length === 1)
    // As a connection leaves it that breaks between the claim and its answer.
    await app.db.query(
      `INSERT INTO "Due" (consumer, key, at, attempt, "claimedBy") SELECT consumer, 'lost', now(), 0, "claimedBy" FROM "Due" WHERE key = 'runs'`,
    )
    await until('the other to be given up', async () => (await dueRowsOf(app, 'claims'))[0]?.failedAt instanceof Date)
    expect(ran.slice(1).map(({ key, attempt }) => `${key} ${attempt}`)).toEqual(upTo(5).map((n) => `lost ${n}`))
    held.open()
    await until('the end of the first', async () => (await dueRowsOf(app, 'claims')).length === 1)
  })

  it('E2 a row that is given another time while its last attempt runs has that time, and all its attempts then', async () => {
    const held = gate()
    const { job, ran } = jobRecorder(
      'again',
      async ({ key, attempt, payload }) => {
        if (attempt === 5 && payload !== 'new') await held.opened
        if (payload === 'new' && key === 'soon' && attempt === 2) return undefined
        return fail()
      },
      { parallel: 2 },
    )
    const app = await startWith({ jobs: [job] })
    const give = (key: string, payload: string, at = new Date()) =>
      app.app.rooms.commit(null, async (write) => schedule(write, 'again', { key, payload, at }))
    for (const key of ['later', 'soon']) await give(key, 'old')
    await until('their last attempts', () => ran.filter(({ attempt }) => attempt === 5).length === 2)
    const at = new Date(Date.now() + 3_600_000)
    await give('later', 'new', at)
    await give('soon', 'new')
    held.open()
    await until('the end of one of them', async () => (await dueRowsOf(app, 'again')).length === 1)
    expect(ran.filter(({ payload }) => payload === 'new')).toEqual(
      [1, 2].map((attempt) => ({ key: 'soon', payload: 'new', attempt })),
    )
    await until('the end of the other attempt', async () => (await dueRowsOf(app, 'again'))[0]?.claimedBy === null)
    expect(await dueRowsOf(app, 'again')).toEqual([{ key: 'later', attempt: 0, at, failedAt: null, claimedBy: null }])
  })
})
