import { grouped, highest, percentile, wholeMedian } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, judgePace, keepLoad, statusOf } from '../support/drive.ts'
import { type RawClient, type RawCrowd, startRawCrowd } from '../support/raw-crowd.ts'
import type { Scenario } from '../support/scenario.ts'
import { type Place, populate } from '../support/world.ts'
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
    const { people, projects } = await populate(node, { people: 10, projects: 2, members: 10 })
    const [busy, quiet] = projects
    if (!busy || !quiet) throw new Error('no project')
    const world = { people, projects: [busy] }
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
    const { url } = node
    const beside = statusOf(writer, crowd)
    const rss: { at: number; bytes: number }[] = []
    const timer = setInterval(() => {
      node.rss().then(
        (bytes) => rss.push({ at: stage.now(), bytes }),
        () => {},
      )
    }, 250)
    stage.undo(() => clearInterval(timer))

    // The same sockets, elsewhere and here, and so on: other load of the machine meets both alike.
    const lasts = stage.seconds(6, 5) * 1000
    const turns = stage.short ? 1 : 10
    const names = ['in a quiet room', 'filling', 'stopped', 'catching up'] as const
    const phases: { name: (typeof names)[number]; from: number; to: number; writes: number }[] = []
    async function phase(name: (typeof names)[number], work: () => Promise<unknown>): Promise<void> {
      const [from, before] = [stage.now(), writer.acked()]
      stage.mark(name)
      await work()
      phases.push({ name, from, to: stage.now(), writes: writer.acked() - before })
    }
    async function arrive(place: Place, after: number): Promise<RawCrowd> {
      const plans = Array.from({ length: STOPPED }, (_, index) => {
        const token = place.members[index % place.members.length]?.token ?? ''
        return { token, projectId: place.id, after }
      })
      const arrived = startRawCrowd(stage, url, plans)
      await arrived.allLive(20_000)
      return arrived
    }
    const clients: RawClient[] = []
    const incomplete: string[] = []
    const pauses = () => node.metric('cutroom_slow_sockets_total')
    async function turn(number: number, busy: Place, quiet: Place): Promise<void> {
      const share = (part: number): number => 0.05 + (0.95 * (number + part)) / turns
      const elsewhere = await arrive(quiet, 0)
      await phase('in a quiet room', () => keepLoad(stage, lasts, [share(0), share(0.3)], beside))
      await elsewhere.finish()

      const stopped = await arrive(busy, writer.acked())
      const before = await pauses()
      await phase('filling', async () => {
        stopped.pause()
        // Each is paused in the project's room and in its user room, when the kernels buffer no more for it.
        await until('all are paused', async () => (await pauses()) - before >= 2 * STOPPED, 30_000)
      })
      await phase('stopped', () => keepLoad(stage, lasts, [share(0.4), share(0.7)], beside))
      const written = writer.acked()
      await phase('catching up', async () => {
        stopped.resume()
        await stopped.settled(written, 60_000)
      })
      const end = await stopped.finish()
      clients.push(...end.clients)
      for (const { last } of end.clients) if (last < written) incomplete.push(`${last} of ${written}`)
      await keepLoad(stage, 1_000, [share(0.9), share(1)], beside)
    }
    // A heap grows to its size, whatever the sockets do.
    await keepLoad(stage, stage.seconds(45, 3) * 1000, [0, 0.05], beside)
    // So does it in the first burst: that round is printed, and not judged.
    for (let n = 0; n < turns; n++) await turn(n, busy, quiet)
    clearInterval(timer)
    await conclude(stage, { world, nodes: [node], crowd, writer })
    judgePace(stage, writer)

    const wrong = clients.flatMap((client) => client.wrong)
    stage.zero('those that were stopped: gaps and repeats', wrong.length, wrong)
    stage.zero('those that were stopped: not complete', incomplete.length, incomplete)
    const cut = clients.reduce((sum, { reconnects }) => sum + reconnects, 0)
    stage.show('those that were stopped: closed', String(cut))
    const took = highest(phases.filter(({ name }) => name === 'catching up').map(({ from, to }) => to - from))
    stage.show('those that were stopped: complete after', `${(took / 1_000).toFixed(1)} s at most`)

    const { at, delay, replayed } = stage.samples
    const live = delay.flatMap((ms, index) => (replayed[index] ? [] : [{ ms, at: at[index] ?? 0 }]))
    const measured = phases.map((phase) => {
      const own = live.filter((one) => one.at >= phase.from && one.at < phase.to)
      // Of each second: one in which the machine was elsewhere decides nothing.
      const seconds = [...grouped(own, (one) => Math.floor((one.at - phase.from) / 1_000)).values()]
      const p99s = seconds.map((second) =>
        percentile(
          second.map(({ ms }) => ms),
          0.99,
        ),
      )
      const taken = rss.filter((one) => one.at >= phase.from && one.at < phase.to).map(({ bytes }) => bytes / MB)
      const p50 = percentile(
        own.map(({ ms }) => ms),
        0.5,
      )
      return { ...phase, p50, p99s, memory: highest(taken) }
    })
    const those = (name: (typeof names)[number]) => measured.filter((phase) => phase.name === name)
    const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length
    const p99 = (name: (typeof names)[number]) => wholeMedian(those(name).flatMap((phase) => phase.p99s))
    for (const name of names) {
      const own = those(name)
      const rate = mean(own.map(({ from, to, writes }) => (writes * 1_000) / (to - from))).toFixed(0)
      const [p50, memory] = [own.map((phase) => phase.p50), own.map((phase) => phase.memory)]
      stage.show(
        `they are ${name}: neighbours' delay p50 / p99 of the middle second, writes, memory at most`,
        `${mean(p50).toFixed(1)} / ${p99(name).toFixed(1)} ms, ${rate}/s, ${Math.round(highest(memory))} MB`,
      )
    }
    stage.atMost('neighbours: p99 beside those that have stopped', 100 * (p99('stopped') / p99('in a quiet room') - 1), 10, '%')
    // Turn by turn: the highest of its phases above that in the quiet room.
    const grown = those('in a quiet room').map(({ memory, to }, n, quiet) => {
      const until = quiet[n + 1]?.from ?? Number.POSITIVE_INFINITY
      return highest(measured.filter(({ from }) => from >= to && from < until).map((phase) => phase.memory)) - memory
    })
    stage.show('memory of the server, above that in the quiet room, turn by turn', `${grown.map(Math.round).join(', ')} MB`)
    stage.atMost('the same, at most, after the first', highest(stage.short ? grown : grown.slice(1)), 64, 'MB')
  },
}
