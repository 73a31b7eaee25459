import { describe, expect, it } from 'vitest'
import { schedule } from '../../src/rooms/log/consumers/schedule.ts'
import { dueRowsOf, jobRecorder, startWith } from '../support/consumers.ts'
import { gate } from '../support/log.ts'
import { until } from '../support/until.ts'

describe('due rows that are abandoned', () => {
  it('E1 a row that a leader before claimed after this one had begun is run, while those that run here are left alone', async () => {
    const held = gate()
    const { job, ran } = jobRecorder('late', ({ key }) => (key === 'runs' ? held.opened.then(() => undefined) : undefined), {
      parallel: 2,
    })
    const app = await startWith({ jobs: [job], timings: { abandonedMs: 20 } })
    await app.app.rooms.commit(null, async (write) => schedule(write, 'late', { key: 'runs' }))
    await until('it to run', () => ran.length === 1)
    // As the claim of another leader leaves it whose answer never came.
    await app.db.query(
      `INSERT INTO "Due" (consumer, key, at, attempt, "claimedBy") VALUES ('late', 'claimed', now(), 1, gen_random_uuid())`,
    )
    await until('the other to have run', async () => (await dueRowsOf(app, 'late')).map(({ key }) => key).join() === 'runs')
    held.open()
    await until('the end of both', async () => (await dueRowsOf(app, 'late')).length === 0)
    expect(ran.map(({ key }) => key)).toEqual(['runs', 'claimed'])
  })

  it('E1 one of a job that recurs, with the timings of every day', async () => {
    const app = await startWith({ timings: { tickMs: 1_000 } })
    await until('a leader', () => app.app.consumers.isLeader())
    const at = async () => (await dueRowsOf(app, 'retention'))[0]?.at
    await until('its row', async () => (await at()) !== undefined)
    const long = new Date(Date.now() - 3_600_000)
    await app.db.query(`UPDATE "Due" SET "claimedBy" = gen_random_uuid(), at = $1 WHERE consumer = 'retention'`, [long])
    await until('its next time', async () => Number(await at()) > Date.now())
  })
})
