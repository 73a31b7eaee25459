import { randomInt } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { highest } from '../support/statistics.ts'
import { until } from '../support/until.ts'
import { startCrowd } from './support/crowd.ts'
import { conclude } from './support/drive.ts'
import { refuseUndone } from './support/postgres.ts'
import { table } from './support/report.ts'
import { openStage } from './support/stage.ts'
import { startTypedClients } from './support/typed-clients.ts'
import { askOf, killAround, startKills, writesOf } from './support/victims.ts'
import { sendUntilAnswered, startWriter } from './support/writer.ts'

/** The short form: what `npm run faults` does for minutes, a few times each. */
describe('faults, the short form', () => {
  const servers = useServers()

  it('F1 F2 F3 F4 D1 D2 W4 a node is killed around its COMMITs, Redis is killed and comes back empty: nothing is lost, repeated or out of order', async () => {
    const seed = randomInt(2 ** 31)
    const databaseUrl = await databaseForTest()
    await refuseUndone(databaseUrl)
    const stage = openStage({ entry: servers.entry(), databaseUrl, seed, short: true })
    onTestFinished(stage.close)
    const redis = hasRedis() ? await startRedis() : null
    if (redis) stage.undo(redis.close)
    else refuseWithoutRedis('F4 in npm test')

    const kills = await startKills(stage, { count: 1, ...(redis && { redisUrl: redis.url }) })
    const { world, survivor, victims, http } = kills
    const nodes = [survivor, ...victims.map(({ node }) => node)]
    const [crowd, typed] = await Promise.all([
      // Half of them are on the node that dies, and go to the other one.
      startCrowd(stage, { world, urls: nodes.map((node) => node.url), size: 12, near: true }),
      startTypedClients(stage, world, [survivor.url], 2),
    ])
    const writer = startWriter({ world, urls: [survivor.url], perSecond: 20, seed, patienceMs: 10_000 })

    const strikes = await killAround(stage, kills, {
      kills: 3,
      moments: ['done', 'sent', 'unsent'],
      lastStaysDead: true,
      async after({ write, place }) {
        const person = place.members[0]
        if (person) await sendUntilAnswered(http, write, { urls: [survivor.url], person, asks: askOf(place, write), retryMs: 20 })
      },
    })
    if (redis) {
      await redis.kill()
      const enough = writer.acked() + 10
      await until('writes without Redis', () => writer.acked() >= enough)
      await redis.start()
    }

    const others = writesOf(strikes)
    await conclude(stage, { world, nodes, crowd, typed, writer, others, withinMs: 8_000 })
    const figures = table(stage.figures)
    const wrong = stage.figures.filter((figure) => figure.invariant && !figure.ok)
    expect(wrong, `seed ${seed}\n${figures}\n${stage.notes.join('\n')}`).toEqual([])
    expect(others.map(({ outcome }) => outcome)).toEqual(['acked', 'acked', 'acked', 'acked'])
    expect(victims.map((victim) => victim.batches())).toEqual([1])
    expect(victims.map((victim) => victim.misses())).toEqual([0])
    expect(writer.acked()).toBeGreaterThan(20)
    const live = stage.samples.delay.filter((_, index) => !stage.samples.replayed[index])
    console.info(
      `seed ${seed}: ${writer.acked() + others.length} writes, 3 kills; the latest live delivery ${highest(live)} ms after its commit`,
    )
  })
})
