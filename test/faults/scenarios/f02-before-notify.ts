import { highest, percentile } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude } from '../support/drive.ts'
import type { Scenario } from '../support/scenario.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { askOf, judgeKinds, killAround, startKills, writesOf } from '../support/victims.ts'
import { sendUntilAnswered } from '../support/writer.ts'

const PER_PROJECT = 4

export const scenario: Scenario = {
  id: 'F2',
  title: 'kill -9 between COMMIT and poke, 200 times',
  async run(stage) {
    const kills = await startKills(stage)
    const { world, survivor, victims, http } = kills
    const crowd = await startCrowd(stage, { world, urls: [survivor.url], size: PER_PROJECT * world.projects.length })
    const typed = await startTypedClients(stage, world, [survivor.url], world.projects.length)
    const count = stage.short ? 6 : 200
    const strikes = await killAround(stage, kills, { kills: count, moments: ['done'] })

    // No write was repeated so far: the log must have delivered, not a repeated request.
    const asked = writesOf(strikes).length * PER_PROJECT
    await until('', () => crowd.events() >= asked, 3_000).catch(() => {})
    stage.zero('committed writes not delivered before a repeated request', asked - crowd.events())
    for (const { write, place } of strikes) {
      const person = place.members[0]
      if (person) await sendUntilAnswered(http, write, { urls: [survivor.url], person, asks: askOf(place, write) })
    }

    const nodes = [survivor, ...victims.map(({ node }) => node)]
    const writer = { writes: writesOf(strikes), stop: async () => http.close() }
    const { seen } = await conclude(stage, { world, nodes, crowd, typed, writer })
    const { delay } = seen.ledger.samples
    judgeKinds(stage, victims, strikes)
    stage.atMost('late at the clients of another node, the longest', highest(delay), 1_200, 'ms')
    stage.show('the same, median', `${percentile(delay, 0.5)} ms`)
    stage.show('kills', String(count))
  },
}
