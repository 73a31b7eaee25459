import { highest } from '../../support/statistics.ts'
import { judgePhases, openBus } from '../support/bus.ts'
import type { Scenario } from '../support/scenario.ts'

export const scenario: Scenario = {
  id: 'F4',
  title: 'Redis killed and started empty, paused, flushed, half open; 50 writes/s, three nodes',
  needsRedis: true,
  async run(stage) {
    const rounds = stage.short ? 1 : 3
    const unit = stage.seconds(10, 3) * 1000
    const bus = await openBus(stage, { perSecond: 50, clients: 60, total: unit * (1 + rounds * 10) })
    const { redis, proxy } = bus
    const rss = () => Promise.all(bus.nodes.map((node) => node.rss()))
    // Code and heap grow until they are warm: that is no fault's doing.
    await bus.phase('warming up', unit, { calm: true })
    const before = await rss()
    const calm = () => bus.phase('calm', unit, { calm: true })
    for (let round = 0; round < rounds; round++) {
      await calm()
      await bus.phase('killed', unit, { act: () => redis.kill() })
      await redis.start()
      // Until all nodes are connected to it again.
      await bus.phase('started empty', unit)
      await calm()
      await bus.phase('paused', Math.max(unit, 7_000), { act: () => redis.command('CLIENT PAUSE 5000 ALL') })
      await calm()
      await bus.phase('flushed', unit, { act: () => redis.command('FLUSHALL') })
      await calm()
      await bus.phase('half open', unit, { act: async () => proxy.swallow() })
      await proxy.pass()
      await bus.phase('half open, mended', unit)
    }
    await calm()
    const after = await rss()
    const figures = await bus.conclude()
    judgePhases(
      stage,
      figures.filter((figure) => figure.name !== 'warming up'),
    )
    const grown = after.map((bytes, index) => (bytes - (before[index] ?? 0)) / 2 ** 20)
    // In a short form nothing is warm when it begins.
    if (stage.short) stage.show('memory of a node, grown', `${highest(grown).toFixed(1)} MB`)
    else stage.atMost('memory of a node, grown', highest(grown), 20, 'MB')
  },
}
