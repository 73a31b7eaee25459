import { highest } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, keepLoad, statusOf } from '../support/drive.ts'
import { onCommitSent } from '../support/postgres-wire.ts'
import type { Scenario } from '../support/scenario.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate } from '../support/world.ts'
import { startWriter } from '../support/writer.ts'

export const scenario: Scenario = {
  id: 'F8',
  title: 'a node cut off from Postgres for 20 s in the middle of its writes, without a sign; 60 writes/s on three nodes',
  async run(stage) {
    const target = new URL(stage.databaseUrl)
    let armed = false
    const proxy = await stage.proxy({
      port: Number(target.port),
      // Cut in the very moment of a COMMIT: a transaction stays open whose server sends nothing more.
      up: onCommitSent(() => {
        if (!armed) return 'pass'
        armed = false
        proxy.swallow()
        return 'stop'
      }),
    })
    target.port = String(proxy.port)
    const [[cut], others] = await Promise.all([stage.nodes(1, { databaseUrl: target.href }), stage.nodes(2)])
    const [first] = others
    if (!cut || !first) throw new Error('no node')
    const nodes = [cut, ...others]
    const urls = nodes.map((node) => node.url)
    const world = await populate(first, { people: 6, projects: 6, members: 4 })
    const crowd = await startCrowd(stage, { world, urls, size: 30 })
    const typed = await startTypedClients(stage, world, urls, 3)
    const writer = startWriter({ world, urls, perSecond: 60, seed: stage.random.int(0, 2 ** 31), patienceMs: 60_000 })
    const beside = statusOf(writer, crowd)
    await keepLoad(stage, stage.seconds(5, 2) * 1000, [0, 0.1], beside)

    const lasts = (stage.short ? 6 : 20) * 1000
    stage.mark('cut off')
    armed = true
    await until('a COMMIT', () => !armed)
    const from = Date.now()
    const ready = async () => (await fetch(`${cut.url}/readyz`)).status
    await until('not ready', async () => (await ready()) === 503)
    const notReady = (Date.now() - from) / 1000
    await keepLoad(stage, lasts - (Date.now() - from), [0.1, 0.7], beside)
    const to = Date.now()
    stage.mark('mended')
    await proxy.pass()
    await until('ready again', async () => (await ready()) === 200, 30_000)
    const readyAgain = (Date.now() - to) / 1000
    await keepLoad(stage, stage.seconds(5, 2) * 1000, [0.7, 1], beside)
    await conclude(stage, { world, nodes, crowd, writer, typed })

    const early = writer.writes.filter(
      ({ node, triedAt, answeredAt, outcome }) => node === 0 && outcome === 'acked' && triedAt > from && answeredAt < to,
    )
    stage.zero('writes that the cut-off node called done', early.length)
    stage.zero('writes given up', writer.writes.filter(({ outcome }) => outcome === 'unknown').length)
    stage.atMost('until the node says that it is not ready', notReady, 2.5, 's')
    stage.show('until it is ready again', `${readyAgain.toFixed(1)} s`)
    const waited = writer.writes.map(({ sentAt, answeredAt }) => (answeredAt - sentAt) / 1000)
    // What the node held open when it was cut off is held until Postgres gives it up.
    stage.atMost('the longest that a write was insisted on', highest(waited), 30, 's')
  },
}
