import type { Crowd, Seen } from './crowd.ts'
import type { Node } from './node.ts'
import { judgeBaseline, judgeDeliveries, judgeTypedClients, judgeWrites, type LogOnDisk, readLogOnDisk } from './oracle.ts'
import type { Stage } from './stage.ts'
import type { TypedClients } from './typed-clients.ts'
import type { World } from './world.ts'
import type { Write, Writer } from './writer.ts'

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** Waits so long, showing how far it is; `beside` gives the text beside the bar. */
export async function keepLoad(stage: Stage, ms: number, share: [from: number, to: number], beside: () => string): Promise<void> {
  const from = stage.now()
  for (;;) {
    const passed = stage.now() - from
    stage.progress(share[0] + (share[1] - share[0]) * Math.min(1, passed / ms), beside())
    if (passed >= ms) return
    await sleep(Math.min(250, ms - passed))
  }
}

/** What was offered was sent: a figure at less than its load is none. */
export function judgePace(stage: Stage, writer: Writer): void {
  const share = (100 * writer.skipped()) / Math.max(1, writer.skipped() + writer.writes.length)
  stage.atMost('writes that were due and not sent', share, 1, '%')
}

/** The state of a run, in a few words. */
export const statusOf = (writer: Writer, crowd: Crowd) => () =>
  `${writer.acked()} writes answered, ${crowd.live()} of ${crowd.size} live, ${crowd.events()} events delivered`

export interface Run {
  world: World
  nodes: Node[]
  crowd: Crowd
  writer: Pick<Writer, 'stop' | 'writes'>
  /** Writes besides the writer's. */
  others?: Write[]
  typed?: TypedClients | undefined
  /** Behind the servers' backs; default the stage's database. */
  databaseUrl?: string
  /** Where the log is trimmed during the run: all of it, as it was. */
  readLog?: () => Promise<LogOnDisk>
  /** Until all have everything, after the last write, ms. */
  withinMs?: number
}

/** The log when nothing is added to it any more: a write that was given up may still be under way on a busy node. */
async function readFinishedLog(read: () => Promise<LogOnDisk>): Promise<LogOnDisk> {
  for (let heads = ''; ; await sleep(1_500)) {
    const log = await read()
    const now = JSON.stringify([...log.heads])
    if (now === heads) return log
    heads = now
  }
}

/** Ends a run and asks the oracle everything: call it when the faults are over and the nodes are up. */
export async function conclude(stage: Stage, run: Run): Promise<{ seen: Seen; log: LogOnDisk }> {
  const { world, nodes, crowd, writer, typed } = run
  await writer.stop()
  stage.progress(1, 'waiting until all have everything')
  const log = await readFinishedLog(run.readLog ?? (() => readLogOnDisk(run.databaseUrl ?? stage.databaseUrl, world)))
  await crowd.settled(log.heads, run.withinMs ?? 20_000).catch((error: Error) => void stage.notes.push(error.message))
  const alive = nodes.find((node) => node.alive())
  if (typed && alive) await judgeTypedClients(stage, typed, alive.url, log)
  typed?.close()
  const seen = await crowd.finish()
  judgeDeliveries(stage, log, seen)
  judgeWrites(stage, log, [...writer.writes, ...(run.others ?? [])])
  await judgeBaseline(stage, nodes)
  const { length: undone } = writer.writes.filter(({ outcome, status }) => outcome === 'refused' && status === 409)
  if (undone > 0) stage.show('writes undone in their COMMIT', String(undone))
  stage.show('writes answered', String(writer.writes.filter((write) => write.outcome === 'acked').length))
  stage.show('events delivered', String(seen.ledger.samples.at.length))
  return { seen, log }
}
