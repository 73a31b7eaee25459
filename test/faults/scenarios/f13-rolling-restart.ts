import { highest, percentile } from '../../support/statistics.ts'
import { startBalancer } from '../support/balancer.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, keepLoad, statusOf } from '../support/drive.ts'
import type { Scenario } from '../support/scenario.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate } from '../support/world.ts'
import { startWriter } from '../support/writer.ts'

/** Most that came back within one second, as a share of all. */
function mostAtOnce(times: readonly number[], size: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  let from = 0
  return highest(
    sorted.map((time, index) => {
      while ((sorted[from] ?? time) <= time - 1_000) from++
      return (index - from + 1) / size
    }),
  )
}

export const scenario: Scenario = {
  id: 'F13',
  title: 'rolling restart of three nodes with 1,000 stock sockets behind one address, 50 writes/s',
  async run(stage) {
    const nodes = await stage.nodes(3)
    const [first] = nodes
    if (!first) throw new Error('no node')
    const balancer = await startBalancer(nodes.map((node) => node.port))
    stage.undo(balancer.close)
    const urls = [balancer.url]
    const size = stage.short ? 150 : 1_000
    const world = await populate(first, { people: 20, projects: 20, members: 5 })
    const crowd = await startCrowd(stage, { world, urls, size, stock: true, perSecond: 100 })
    const typed = await startTypedClients(stage, world, urls, 4)
    const writer = startWriter({ world, urls, perSecond: 50, seed: stage.random.int(0, 2 ** 31) })
    const beside = statusOf(writer, crowd)
    const calm = stage.seconds(5, 1) * 1000

    const exits: { code: number | null; ms: number }[] = []
    for (const [index, node] of nodes.entries()) {
      await keepLoad(stage, calm, [index / 3, (index + 0.5) / 3], beside)
      stage.mark(`SIGTERM node ${index}`)
      exits.push(await node.terminate())
      stage.mark(`start node ${index}`)
      await node.start()
      stage.progress((index + 1) / 3, beside())
    }
    const from = stage.now()
    while (crowd.live() < size && stage.now() - from < 30_000) await keepLoad(stage, 200, [1, 1], beside)
    const back = stage.now() - from
    stage.zero('clients without a room 30 s after the last restart', size - crowd.live())
    await keepLoad(stage, calm, [1, 1], beside)
    const { seen } = await conclude(stage, { world, nodes, crowd, writer, typed })

    const { returns, resets, disconnects } = seen.ledger
    stage.zero('resets', resets)
    stage.zero('nodes that did not exit with 0', exits.filter(({ code }) => code !== 0).length, [JSON.stringify(exits)])
    stage.atMost('from SIGTERM to exit, the longest', highest(exits.map(({ ms }) => ms)) / 1_000, 25, 's')
    stage.show('all back after the last restart', `${(back / 1_000).toFixed(1)} s`)
    const dark = returns.map((one) => one.liveAt - one.lostAt)
    stage.show('dark (lost until live again), p50 / p99', `${percentile(dark, 0.5)} / ${percentile(dark, 0.99)} ms`)
    const times = returns.map((one) => one.liveAt)
    stage.show('most that came back within one second', `${Math.round(mostAtOnce(times, size) * 100)} %`)
    stage.show('disconnects', JSON.stringify(disconnects))
  },
}
