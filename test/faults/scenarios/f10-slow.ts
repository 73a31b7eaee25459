import { until } from '../../setup/until.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, goOn, judgePace, standing } from '../support/drive.ts'
import { type RawClient, startRawCrowd } from '../support/raw-crowd.ts'
import type { Scenario } from '../support/scenario.ts'
import { highest, percentile } from '../support/statistics.ts'
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

    // Without them, with them, and so on: what the machine does meanwhile meets both alike.
    const lasts = stage.seconds(6, 5) * 1000
    const turns = stage.short ? 1 : 8
    type Name = 'without' | 'stopped' | 'catching up'
    const phases: { name: Name; from: number; to: number; writes: number }[] = []
    async function phase(name: Name, work: () => Promise<unknown>): Promise<void> {
      const [from, before] = [stage.now(), writer.acked()]
      stage.mark(name)
      await work()
      phases.push({ name, from, to: stage.now(), writes: writer.acked() - before })
    }
    const spans: { stopped: number; resumed: number; complete: number }[] = []
    const clients: RawClient[] = []
    const incomplete: string[] = []
    const parkings = () => node.metric('cutroom_slow_sockets_total')
    async function turn(number: number): Promise<void> {
      const share = (part: number): number => 0.05 + (0.95 * (number + part)) / turns
      await phase('without', () => goOn(stage, lasts, [share(0), share(0.25)], beside))
      const after = writer.acked()
      const plans = Array.from({ length: STOPPED }, (_, index) => {
        const token = place?.members[index % place.members.length]?.token ?? ''
        return { token, projectId: place?.id ?? '', after }
      })
      const stopped = startRawCrowd(stage, urls[0] ?? '', plans)
      await stopped.allLive(20_000)
      const [began, before] = [stage.now(), await parkings()]
      await phase('stopped', async () => {
        stopped.pause()
        // Each is parked in the project's room and in its own, when the kernels hold no more for it.
        await until('all are parked', async () => (await parkings()) - before >= 2 * STOPPED, 30_000)
        await goOn(stage, lasts, [share(0.4), share(0.65)], beside)
      })
      const written = writer.acked()
      const resumed = stage.now()
      await phase('catching up', async () => {
        stopped.resume()
        await stopped.settled(written, 60_000)
      })
      spans.push({ stopped: began, resumed, complete: stage.now() })
      const end = await stopped.finish()
      clients.push(...end.clients)
      for (const { last } of end.clients) if (last < written) incomplete.push(`${last} of ${written}`)
      await goOn(stage, 1_000, [share(0.95), share(1)], beside)
    }
    // A heap grows to its size: that is nobody's doing.
    await goOn(stage, stage.seconds(45, 3) * 1000, [0, 0.05], beside)
    for (let n = 0; n < turns; n++) await turn(n)
    await phase('without', () => goOn(stage, lasts, [1, 1], beside))
    clearInterval(timer)
    await conclude(stage, { world, nodes: [node], crowd, writer })
    judgePace(stage, writer)

    const wrong = clients.flatMap((client) => client.wrong)
    stage.zero('those that were stopped: gaps and repeats', wrong.length, wrong)
    stage.zero('those that were stopped: not complete', incomplete.length, incomplete)
    const cut = clients.reduce((sum, { reconnects }) => sum + reconnects, 0)
    stage.tell('those that were stopped: closed meanwhile', String(cut))
    const took = highest(spans.map(({ resumed, complete }) => complete - resumed))
    stage.tell('those that were stopped: complete after', `${(took / 1_000).toFixed(1)} s at most`)

    const { at, delay, replayed } = stage.samples
    const live = delay.flatMap((ms, index) => (replayed[index] ? [] : [{ ms, at: at[index] ?? 0 }]))
    const measured = phases.map((phase) => {
      const own = live.filter((one) => one.at >= phase.from && one.at < phase.to).map(({ ms }) => ms)
      return { ...phase, p50: percentile(own, 0.5), p99: percentile(own, 0.99) }
    })
    for (const name of ['without', 'stopped', 'catching up'] as const) {
      const own = measured.filter((phase) => phase.name === name)
      const middle = (of: (phase: (typeof own)[number]) => number) => percentile(own.map(of), 0.5).toFixed(1)
      const rate = middle(({ from, to, writes }) => (writes * 1_000) / (to - from))
      stage.tell(
        `neighbours, ${name}: delay p50 / p99, writes (the middle of ${own.length} phases)`,
        `${middle(({ p50 }) => p50)} / ${middle(({ p99 }) => p99)} ms, ${rate}/s`,
      )
    }
    // Each phase in which they have stopped against the two around it without them.
    const p99 = (index: number) => measured[index]?.p99 ?? Number.NaN
    const ratios = measured.flatMap(({ name }, n) => (name === 'stopped' ? [(2 * p99(n)) / (p99(n - 1) + p99(n + 2))] : []))
    const each = ratios.map((ratio) => `${Math.round(100 * (ratio - 1))} %`)
    stage.tell('neighbours: p99 beside the phases around it, turn by turn', each.join(', '))
    stage.atMost('neighbours: p99 of the middle turn', 100 * (percentile(ratios, 0.5) - 1), 10, '%')
    const most = (from: number, to: number) =>
      highest(rss.filter((one) => one.at >= from && one.at < to).map(({ bytes }) => bytes)) / MB
    const calm = most(0, spans[0]?.stopped ?? 0)
    const [waiting, catching] = [
      highest(spans.map(({ stopped, resumed }) => most(stopped, resumed))),
      highest(spans.map(({ resumed, complete }) => most(resumed, complete))),
    ]
    stage.atMost('memory of the server, above its highest before', Math.max(waiting, catching) - calm, 64, 'MB')
    const memory = [calm, waiting, catching].map((mb) => `${Math.round(mb)} MB`)
    stage.tell('memory of the server: highest before · while they do not read · while they catch up', memory.join(' · '))
  },
}
