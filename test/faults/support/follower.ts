import type { Meta, Problem } from '@cutroom/contract'
import { io, type Socket } from 'socket.io-client'
import type { Random } from '../../support/random.ts'
import type { Samples } from './scenario.ts'

/** The person, the servers and the position of a follower. */
export interface Plan {
  token: string
  projectId: string
  /** The nodes it knows; where one is gone it goes to another. */
  urls: string[]
  /** The one it goes to first; those that come back choose. */
  first: number
  /** Undefined: live from now on. */
  after?: number | undefined
  epoch?: string | undefined
  /** Reconnects as stock clients do, to the one address it has, and not by choosing another. */
  stock?: boolean
}

/** One time of being away. Ms, on the clock of the wall. */
export interface Return {
  lostAt: number
  connectedAt: number
  liveAt: number
}

/** What followers of one room saw between them; what two of them saw differently is an anomaly. */
export interface RoomView {
  epoch: string
  ids: Map<number, string>
}

export interface Ledger {
  samples: Samples
  returns: Return[]
  /** By project and epoch. */
  views: Map<string, RoomView>
  /** What must never be: a hole, a repeat, a step back, two events under one number. */
  gaps: string[]
  repeats: string[]
  disorders: string[]
  differences: string[]
  /** Joins that were refused for good, by code. */
  refused: string[]
  resets: number
  /** Followers that were answered `reset`. */
  told: Set<string>
  disconnects: Record<string, number>
}

export const newLedger = (): Ledger => ({
  samples: { at: [], delay: [], node: [], replayed: [] },
  returns: [],
  views: new Map(),
  gaps: [],
  repeats: [],
  disorders: [],
  differences: [],
  refused: [],
  resets: 0,
  told: new Set(),
  disconnects: {},
})

export interface Follower {
  projectId: string
  /** In the room. */
  live(): boolean
  /** Last seq it has, and where it began (neither before the first ack). */
  position(): { epoch: string; start: number; last: number } | null
  socket(): Socket | null
  close(): void
}

type JoinAck = { ok: true; epoch: string; head: number; mode: string } | { ok: false; error: Problem }

const viewKey = (projectId: string, epoch: string) => `${projectId} ${epoch}`
/** Room enough to say what went wrong, none to fill the memory when everything does. */
const MOST_WORDS = 200
const say = (list: string[], line: string) => void (list.length < MOST_WORDS && list.push(line))

/** A plain socket.io-client that keeps (epoch, seq) of one room and holds the server to it: each frame must be `last + 1`. */
export function follow(name: string, plan: Plan, random: Random, ledger: Ledger): Follower {
  const { projectId } = plan
  const room = `project:${projectId}`
  let closed = false
  let socket: Socket | null = null
  let at = plan.first
  let live = false
  let position: { epoch: string; start: number; last: number } | null =
    plan.after === undefined ? null : { epoch: plan.epoch ?? '', start: plan.after, last: plan.after }
  let early: { meta: Meta; at: number }[] = []
  let lostAt: number | null = null
  let connectedAt = 0
  let timer: NodeJS.Timeout | undefined

  function take(meta: Meta, arrivedAt: number): void {
    const where = position
    const skips = !live && where !== null && meta.seq > where.last + 1
    if (where === null || skips || (meta.epoch !== where.epoch && where.epoch !== '')) {
      // The ack will say where this begins.
      early.push({ meta, at: arrivedAt })
      return
    }
    const { seq } = meta
    const key = viewKey(projectId, meta.epoch)
    const view = ledger.views.get(key) ?? { epoch: meta.epoch, ids: new Map<number, string>() }
    ledger.views.set(key, view)
    const known = view.ids.get(seq)
    if (known === undefined) view.ids.set(seq, meta.id)
    else if (known !== meta.id) say(ledger.differences, `${name}: #${seq} is ${meta.id} here, ${known} elsewhere`)
    if (seq !== where.last + 1) {
      const line = `${name} on node ${at}, ${projectId}: #${seq} after #${where.last}${meta.replayed ? ', replayed' : ''}`
      if (seq > where.last) say(ledger.gaps, line)
      else if (seq === where.last) say(ledger.repeats, line)
      else if (known === meta.id) say(ledger.repeats, line)
      else say(ledger.disorders, line)
      if (seq <= where.last) return
    }
    where.last = seq
    where.epoch = meta.epoch
    ledger.samples.at.push(arrivedAt)
    ledger.samples.delay.push(arrivedAt - Date.parse(meta.at))
    ledger.samples.node.push(at)
    ledger.samples.replayed.push(meta.replayed === true)
  }

  function join(from: Socket): void {
    const known = position && { after: position.last, ...(position.epoch !== '' && { epoch: position.epoch }) }
    from.emit('join:project', { projectId, activity: false, ...known }, (ack: JoinAck) => {
      if (closed || from !== socket) return
      if (!ack.ok) {
        if (ack.error.status === 503 || ack.error.code === 'superseded') timer = setTimeout(() => join(from), 50)
        else say(ledger.refused, ack.error.code)
        return
      }
      if (ack.mode === 'reset') {
        ledger.resets++
        ledger.told.add(name)
      }
      if (ack.mode === 'resumed' && position && position.epoch !== '' && position.epoch !== ack.epoch)
        say(ledger.differences, `${name}: resumed from ${position.epoch} into ${ack.epoch}, which is another history`)
      if (position === null || ack.mode !== 'resumed') position = { epoch: ack.epoch, start: ack.head, last: ack.head }
      else if (ack.head !== position.last)
        say(ledger.gaps, `${name} on node ${at}, ${projectId}: acked at #${ack.head} with #${position.last} sent`)
      position.epoch = ack.epoch
      // Without a resume, what came before the ack is in the snapshot that a client loads now.
      const waiting = early.filter(({ meta }) => ack.mode === 'resumed' || meta.seq > ack.head)
      early = []
      for (const one of waiting) take(one.meta, one.at)
      live = true
      if (lostAt !== null) ledger.returns.push({ lostAt, connectedAt, liveAt: Date.now() })
      lostAt = null
    })
  }

  function lost(from: Socket, reason: string): void {
    if (closed || from !== socket) return
    ledger.disconnects[reason] = (ledger.disconnects[reason] ?? 0) + 1
    if (live) lostAt = Date.now()
    live = false
    early = []
    clearTimeout(timer)
  }

  function connect(): void {
    const url = plan.urls[at % plan.urls.length]
    const made = io(url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: plan.stock ?? false,
      timeout: 4_000,
      auth: { token: plan.token },
    })
    socket = made
    made.onAny((_name: string, _payload: unknown, meta?: Meta) => {
      if (meta?.room === room && made === socket) take(meta, Date.now())
    })
    made.on('connect', () => {
      connectedAt = Date.now()
      join(made)
    })
    made.on('disconnect', (reason) => {
      lost(made, reason)
      if (!plan.stock) again()
    })
    made.on('connect_error', () => {
      if (!plan.stock) again()
    })
  }

  /** To another node, a moment later: all at once they would be a storm of their own making. */
  function again(): void {
    if (closed) return
    socket?.close()
    socket = null
    at = plan.urls.length > 1 ? random.pick(plan.urls.map((_, index) => index).filter((index) => index !== at)) : 0
    clearTimeout(timer)
    timer = setTimeout(connect, random.int(20, 120))
  }

  connect()
  return {
    projectId,
    live: () => live,
    position: () => position,
    socket: () => socket,
    close() {
      closed = true
      clearTimeout(timer)
      socket?.close()
    },
  }
}
