import { percentile } from '../../support/statistics.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, judgePace, keepLoad, statusOf } from '../support/drive.ts'
import type { Scenario } from '../support/scenario.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate } from '../support/world.ts'
import { startWriter } from '../support/writer.ts'

const EVERY_MS = 5_000

export const scenario: Scenario = {
  id: 'F1',
  title: 'kill -9 of a random node of three every 5 s, 200 writes/s, 200 clients, 20 projects',
  async run(stage) {
    const nodes = await stage.nodes(3)
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map((node) => node.url)
    const world = await populate(first, { people: 20, projects: 20, members: 5 })
    const crowd = await startCrowd(stage, { world, urls, size: 200 })
    const typed = await startTypedClients(stage, world, urls, 4)
    const writer = startWriter({ world, urls, perSecond: 200, seed: stage.random.int(0, 2 ** 31) })
    const beside = statusOf(writer, crowd)

    const lasts = stage.seconds(60, 11) * 1000
    const kills = Math.max(1, Math.floor(lasts / EVERY_MS))
    const starting: Promise<void>[] = []
    for (let kill = 0; kill < kills; kill++) {
      await keepLoad(stage, EVERY_MS, [kill / kills, (kill + 1) / kills], beside)
      const victim = stage.random.pick(nodes.filter((node) => node.alive()))
      stage.mark(`kill node ${victim.index}`)
      await victim.kill()
      starting.push(victim.start())
    }
    await Promise.all(starting)
    await keepLoad(stage, 2_000, [1, 1], beside)
    const { seen } = await conclude(stage, { world, nodes, crowd, writer, typed })

    judgePace(stage, writer)
    stage.holds(
      'some writes were undone in their COMMIT',
      writer.writes.some(({ status }) => status === 409),
    )
    const { returns, resets } = seen.ledger
    stage.zero('resets', resets)
    stage.atMost(
      'live again after reconnecting, p99',
      percentile(
        returns.map((one) => one.liveAt - one.connectedAt),
        0.99,
      ),
      1_000,
      'ms',
    )
    stage.show(
      'dark (lost until live again), p99',
      `${percentile(
        returns.map((one) => one.liveAt - one.lostAt),
        0.99,
      )} ms`,
    )
    stage.show('kills, and clients that came back', `${kills}, ${returns.length}`)
  },
}
