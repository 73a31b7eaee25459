import { percentile } from '../../support/statistics.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, keepLoad, statusOf } from '../support/drive.ts'
import type { Scenario } from '../support/scenario.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate } from '../support/world.ts'
import { startWriter } from '../support/writer.ts'

export const scenario: Scenario = {
  id: 'F9',
  title: 'a node of three stands still (SIGSTOP) for 15 s and goes on, twice; 60 writes/s',
  async run(stage) {
    const nodes = await stage.nodes(3)
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map((node) => node.url)
    const world = await populate(first, { people: 8, projects: 8, members: 4 })
    const crowd = await startCrowd(stage, { world, urls, size: 60 })
    const typed = await startTypedClients(stage, world, urls, 3)
    const writer = startWriter({ world, urls, perSecond: 60, seed: stage.random.int(0, 2 ** 31), patienceMs: 60_000 })
    const beside = statusOf(writer, crowd)
    const rounds = stage.short ? 1 : 2
    const calm = stage.seconds(8, 2) * 1000
    await keepLoad(stage, calm, [0, 0.1], beside)
    for (let round = 0; round < rounds; round++) {
      const share = (part: number) => 0.1 + (0.9 * (round + part)) / rounds
      const node = stage.random.pick(nodes)
      stage.mark(`stop node ${node.index}`)
      node.freeze()
      await keepLoad(stage, stage.short ? 4_000 : 15_000, [share(0), share(0.6)], beside)
      stage.mark(`go on, node ${node.index}`)
      node.thaw()
      await keepLoad(stage, calm, [share(0.6), share(1)], beside)
    }
    const { seen } = await conclude(stage, { world, nodes, crowd, writer, typed })
    const { returns, resets, disconnects } = seen.ledger
    stage.zero('resets', resets)
    stage.zero('writes given up', writer.writes.filter(({ outcome }) => outcome === 'unknown').length)
    const again = returns.map((one) => one.liveAt - one.connectedAt)
    stage.show('clients that went elsewhere, live again p99', `${returns.length}, ${percentile(again, 0.99)} ms`)
    stage.show('disconnects', JSON.stringify(disconnects))
  },
}
