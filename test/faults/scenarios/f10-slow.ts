import { until } from '../../setup/until.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, goOn, standing } from '../support/drive.ts'
import { startRawCrowd } from '../support/raw-crowd.ts'
import type { Scenario } from '../support/scenario.ts'
import { grouped, highest, percentile } from '../support/statistics.ts'
import { populate } from '../support/world.ts'
import { startWriter } from '../support/writer.ts'

const PER_SECOND = 500
const BODY = 2_048
const STOPPED = 50
const NEIGHBOURS = 20
const MB = 2 ** 20

export const scenario: Scenario = {
  id: 'F10',
  title: `${STOPPED} sockets stop reading while ${PER_SECOND} events/s of 2 KB flow through their room`,
  async run(stage) {
    const [node] = await stage.nodes(1)
    if (!node) throw new Error('no node')
    const world = await populate(node, { people: 10, projects: 1, members: 10 })
    const [place] = world.projects
    if (!place) throw new Error('no project')
    const urls = [node.url]
    const crowd = await startCrowd(stage, { world, urls, size: NEIGHBOURS })
    const writer = startWriter({
      world,
      urls,
      perSecond: PER_SECOND,
      seed: stage.random.int(0, 2 ** 31),
      compose: (_random, { cutId }, key) => ({
        method: 'POST',
        path: `/api/cuts/${cutId}/comments`,
        body: { body: key.padEnd(BODY, '.') },
      }),
    })
    const beside = standing(writer, crowd)
    const rss: { at: number; bytes: number }[] = []
    const timer = setInterval(() => {
      node.rss().then(
        (bytes) => rss.push({ at: stage.now(), bytes }),
        () => {},
      )
    }, 250)
    stage.undo(() => clearInterval(timer))

    // Without them, with them, without them: what the machine does meanwhile shows in the two phases without.
    const lasts = stage.seconds(20, 5) * 1000
    const phases = new Map<string, { from: number; to: number; perSecond: number }>()
    async function phase(name: string, share: [number, number]): Promise<void> {
      const [from, before] = [stage.now(), writer.acked()]
      stage.mark(name)
      await goOn(stage, lasts, share, beside)
      const to = stage.now()
      phases.set(name, { from, to, perSecond: ((writer.acked() - before) * 1_000) / (to - from) })
    }
    await goOn(stage, lasts / 2, [0, 0.1], beside)
    await phase('before', [0.1, 0.35])

    const after = writer.acked()
    const plans = Array.from({ length: STOPPED }, (_, index) => {
      const token = place.members[index % place.members.length]?.token ?? ''
      return { token, projectId: place.id, after }
    })
    const stopped = startRawCrowd(stage, node.url, plans)
    await stopped.allLive(20_000)
    const begun = stage.now()
    stage.mark('they stop')
    stopped.pause()
    // Each is parked in the project's room and in its own, when the kernels hold no more for it.
    const parkings = () => node.metric('cutroom_slow_sockets_total')
    await until('all are parked', async () => (await parkings()) >= 2 * STOPPED, 30_000)
    await phase('stopped', [0.4, 0.65])
    const written = writer.acked()
    stage.mark('they read again')
    const resumed = stage.now()
    stopped.resume()
    await stopped.settled(written, 60_000)
    const caughtUp = stage.now()
    const { clients, cpuSeconds } = await stopped.finish()
    stage.mark('they are gone')
    await phase('after', [0.75, 1])
    clearInterval(timer)
    await conclude(stage, { world, nodes: [node], crowd, writer })

    const wrong = clients.flatMap((client) => client.wrong)
    stage.zero('those that were stopped: gaps and repeats', wrong.length, wrong)
    stage.zero('those that were stopped: not complete', clients.filter(({ last }) => last < written).length)
    const cut = clients.reduce((sum, { reconnects }) => sum + reconnects, 0)
    stage.tell('those that were stopped: closed meanwhile', String(cut))
    stage.tell('those that were stopped: complete after', `${((caughtUp - resumed) / 1_000).toFixed(1)} s`)
    stage.tell('those that were stopped: CPU of their process', `${cpuSeconds.toFixed(1)} s`)

    const { at, delay, replayed } = stage.samples
    const p99 = new Map<string, number>()
    for (const [name, { from, to, perSecond }] of phases) {
      const live = delay.map((ms, index) => ({ ms, at: at[index] ?? 0, replayed: replayed[index] }))
      const own = live.filter((one) => !one.replayed && one.at >= from && one.at < to)
      // Of each second, and then the median: one second in which the machine was elsewhere decides nothing.
      const seconds = grouped(own, (one) => Math.floor((one.at - from) / 1_000))
      const worst = [...seconds.values()].map((second) =>
        percentile(
          second.map(({ ms }) => ms),
          0.99,
        ),
      )
      p99.set(name, percentile(worst, 0.5))
      const all = own.map(({ ms }) => ms)
      stage.tell(
        `neighbours, ${name}: delay p50 / p99 / p99 of the middle second, writes`,
        `${percentile(all, 0.5)} / ${percentile(all, 0.99)} / ${p99.get(name)} ms, ${Math.round(perSecond)}/s`,
      )
    }
    const without = ((p99.get('before') ?? Number.NaN) + (p99.get('after') ?? Number.NaN)) / 2
    stage.atMost(
      'neighbours: p99 of the middle second, beside the mean of the phases without',
      100 * ((p99.get('stopped') ?? Number.NaN) / without - 1),
      10,
      '%',
    )
    const most = (from: number, to: number) =>
      highest(rss.filter((one) => one.at >= from && one.at < to).map(({ bytes }) => bytes)) / MB
    const calm = most(0, begun)
    stage.atMost('memory of the server, above its highest before', most(begun, caughtUp) - calm, 64, 'MB')
    const each = [calm, most(begun, resumed), most(resumed, caughtUp)].map((mb) => `${Math.round(mb)} MB`)
    stage.tell('memory of the server: highest before · while they do not read · while they catch up', each.join(' · '))
  },
}
