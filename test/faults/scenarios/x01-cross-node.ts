import { percentile } from '../../support/statistics.ts'
import { openBus } from '../support/bus.ts'
import type { Scenario } from '../support/scenario.ts'

export const scenario: Scenario = {
  id: 'X1',
  title: 'from node to node over Redis, 200 writes/s on one node, sockets on two others',
  needsRedis: true,
  async run(stage) {
    const lasts = stage.seconds(30, 5) * 1000
    const bus = await openBus(stage, { perSecond: 200, clients: 60, total: lasts + 5_000 })
    await bus.phase('warming up', 5_000, { calm: true })
    await bus.phase('measured', lasts, { calm: true })
    const measured = (await bus.conclude()).find(({ name }) => name === 'measured')
    const { delays, writes } = measured ?? { delays: [], writes: [] }
    stage.atMost('to another node, p50', percentile(delays, 0.5), 10, 'ms')
    stage.atMost('to another node, p99', percentile(delays, 0.99), 60, 'ms')
    stage.show('writes, p50 / p99', `${percentile(writes, 0.5).toFixed(1)} / ${percentile(writes, 0.99).toFixed(1)} ms`)
  },
}
