import { judgePhases, openBus } from '../support/bus.ts'
import type { Scenario } from '../support/scenario.ts'

export const scenario: Scenario = {
  id: 'F5',
  title: 'wake-ups lost 30 %, repeated 10 %, shuffled in windows of 50; 50 writes/s, three nodes',
  needsRedis: true,
  async run(stage) {
    const rounds = stage.short ? 1 : 2
    const unit = stage.seconds(15, 4) * 1000
    const bus = await openBus(stage, { perSecond: 50, clients: 60, total: unit * (1 + 2 * rounds) })
    const { trouble } = bus
    await bus.phase('warming up', unit, { calm: true })
    for (let round = 0; round < rounds; round++) {
      await bus.phase('calm', unit, { calm: true })
      Object.assign(trouble, { lose: 0.3, repeat: 0.1, window: 50, windowMs: 300 })
      await bus.phase('troubled', unit)
      Object.assign(trouble, { lose: 0, repeat: 0, window: 0 })
    }
    const figures = await bus.conclude()
    judgePhases(
      stage,
      figures.filter((figure) => figure.name !== 'warming up'),
    )
    const { passed, lost, repeated, shuffled } = trouble.done
    stage.show('wake-ups passed, lost, repeated, out of place', `${passed}, ${lost}, ${repeated}, ${shuffled}`)
    // A run in which nothing was done to them proves nothing.
    stage.holds('wake-ups were troubled', lost > 20 && repeated > 5 && shuffled > 20)
  },
}
