import { projectRoom } from '@cutroom/contract'
import type { LogEntry } from '../../rooms/log/entries.ts'
import type { Log } from '../../rooms/log/log.ts'
import type { Deliveries, Outcome, Receiver, Waiting } from './deliveries.ts'
import { LOST, messageOf, type Send, testMessage, typeOf } from './message.ts'
import { MAX_WAITING } from './writes.ts'

/** Retries of one webhook at a time, beside its first attempts. */
const RETRIES = 4
/** Events that are read at a time. */
const PAGE = 50
const ASKED = 20

export interface LaneOptions {
  deliveries: Deliveries
  log: Pick<Log, 'readMany' | 'read'>
  send: Send
  /** Ends attempts that are under way. */
  signal: AbortSignal
  /** When others have their turn, on the clock of `performance.now`. */
  endsAt: number
  /** Of events that retention took before they were sent. */
  onLost: (receiver: Receiver, count: number) => void
}

/** Why a lane ends: nothing is to be sent at the moment, its turn is over, it may send nothing any more, or its receiver answered 410. */
export type LaneEnd = 'idle' | 'late' | 'closed' | 'gone'

/**
 * Sends what one webhook has: first attempts one by one in the order of the log, and beside them retries, so that none of these holds up
 * what came later. Before each attempt the webhook is read again.
 */
export function runLane({ deliveries, log, send, signal, endsAt, onLost }: LaneOptions): Promise<LaneEnd> {
  let closed: 'closed' | 'gone' | null = null
  const isOver = () => closed !== null || signal.aborted || performance.now() > endsAt

  async function receiverNow(): Promise<Receiver | null> {
    const receiver = await deliveries.receiver()
    if (!receiver) closed ??= 'closed'
    return receiver
  }

  async function attempt({ eventId, seq, createdAt }: Waiting, receiver: Receiver): Promise<Outcome> {
    if (seq === null) return send(receiver, testMessage(eventId, createdAt, receiver), signal)
    const [entry] = await log.read(projectRoom(receiver.projectId), seq - 1, seq, 1)
    return entry ? send(receiver, messageOf(entry), signal) : LOST
  }

  /** One more attempt of a delivery that has a row. */
  async function again(waiting: Waiting): Promise<void> {
    const receiver = await receiverNow()
    if (!receiver) return
    const outcome = await attempt(waiting, receiver)
    await deliveries.again(waiting, outcome)
    if (outcome.end === 'gone') closed = 'gone'
  }

  /** The first attempt of an event of the log. @returns where first attempts are up to; null: another leader is at it */
  async function first(at: number, entry: LogEntry): Promise<number | null> {
    const receiver = await receiverNow()
    if (!receiver || receiver.seq !== at) return null
    const { id, seq } = entry.meta
    const type = typeOf(entry.name)
    if (receiver.events.length > 0 && !receiver.events.includes(type)) return (await deliveries.pass(at, seq)) ? seq : null
    const outcome = await send(receiver, messageOf(entry), signal)
    const isRecorded = await deliveries.first(at, { id, seq, name: type }, outcome)
    if (outcome.end === 'gone') closed = 'gone'
    return isRecorded ? seq : null
  }

  /** A page of the log. @returns whether there is more to do */
  async function page(): Promise<boolean> {
    if ((await deliveries.waiting()).count >= MAX_WAITING) return false
    const receiver = await receiverNow()
    if (!receiver) return false
    const room = projectRoom(receiver.projectId)
    const entries = (await log.readMany([{ room, after: receiver.seq }], PAGE)).get(room)?.entries ?? []
    let at: number | null = receiver.seq
    for (const entry of entries) {
      if (isOver()) return false
      const lost = entry.meta.seq - at - 1
      if (lost > 0) {
        onLost(receiver, lost)
        if (!(await deliveries.pass(at, entry.meta.seq - 1))) return false
        at = entry.meta.seq - 1
      }
      at = await first(at, entry)
      if (at === null) return false
    }
    return entries.length > 0
  }

  async function firsts(): Promise<void> {
    for (let more = true; more && !isOver(); ) {
      const asked = await deliveries.asked(ASKED)
      for (const each of asked) if (!isOver()) await again(each)
      more = (!isOver() && (await page())) || asked.length > 0
    }
  }
  async function retries(): Promise<void> {
    while (!isOver()) {
      const due = await deliveries.retries(RETRIES)
      if (due.length === 0) return
      await Promise.all(due.map(again))
    }
  }

  return Promise.allSettled([firsts(), retries()]).then((ends) => {
    if (signal.aborted) return 'late'
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed) throw failed.reason
    return closed ?? (performance.now() > endsAt ? 'late' : 'idle')
  })
}
