import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { projectRoom } from '@cutroom/contract'
import type { Position } from '../../access/sessions.ts'
import { problem } from '../../errors.ts'
import { guarded } from '../../lib/guarded.ts'
import type { Feeds } from '../delivery/feeds.ts'
import { type JoinFrom, planJoin } from '../delivery/subscription.ts'
import type { Log } from '../log/log.ts'
import type { RoomsOptions } from '../options.ts'
import type { Admission } from '../sockets/connection-limits.ts'
import type { TokenClaims } from '../types.ts'
import { EventStream } from './stream.ts'
import { watchRoom } from './watch.ts'

/** One who asks for the events of a project without a socket, and was let in. */
export interface Asked {
  request: IncomingMessage
  response: ServerResponse
  caller: TokenClaims
  projectId: string
  /** The room's position in the snapshot in which they were let in. */
  at: Position
}

/** The streams and waiting polls of one node. */
export interface EventStreams {
  /**
   * Opens a stream: what is behind a position, then what happens.
   * @returns the answer's body; it ends when access does, with the connection, and when the server stops
   * @throws problem not-found | session-revoked | rate-limited | unavailable
   */
  open(asked: Asked, from: JoinFrom): Promise<Readable>
  /**
   * Waits until the room has an event behind a position, the caller's access may have ended, the server stops, or the time is over.
   * It says not which: access has to be checked again.
   * @throws problem session-revoked | rate-limited | unavailable
   */
  waitForNews(asked: Asked, after: number, ms: number): Promise<void>
  counts(): { streams: number; polls: number }
  /** Sends all away, so that they come back by themselves, and takes none any more. */
  drain(): void
  /** Ends what is left. */
  close(): void
}

export interface EventStreamsOptions extends Pick<RoomsOptions, 'principalOf'> {
  feeds: Feeds
  log: Pick<Log, 'epoch'>
  admission: Pick<Admission, 'admitStream'>
  /** Called with the person of a stream that was closed because they do not read. */
  onSlowStream: (userId: string) => void
  /** Called with what ended a stream, or its check. */
  onStreamError: (error: unknown) => void
  /** As in TIMINGS. */
  checkMs: number
  closeMs: number
  heartbeatMs: number
}

/** Longest time over which the clients of a stopping node come back, ms. */
const MAX_SPREAD_MS = 10_000

/** A timer may ring so much before its time, ms; a token that has ended must be found ended. */
const EARLY_MS = 5

const stopping = () => problem('unavailable', 'The server is stopping', { retryAfter: 1 })

/** Streams of events and polls that wait, for clients without sockets, on the feeds that the sockets have. */
export function createEventStreams(options: EventStreamsOptions): EventStreams {
  const { feeds, log, admission, principalOf, onSlowStream, onStreamError: onError, checkMs, closeMs, heartbeatMs } = options
  /** With what closes the connection. */
  const streams = new Map<EventStream, { cut: () => void; userId: string }>()
  const polls = new Set<() => void>()
  let draining = false
  let timer: NodeJS.Timeout | undefined

  const check = guarded(onError, (stream: EventStream, userId: string, now: number) => {
    if (stream.check(now)) onSlowStream(userId)
  })
  function checkAll(): void {
    const now = performance.now()
    for (const [stream, { userId }] of streams) check(stream, userId, now)
  }

  function add(stream: EventStream, { response, caller }: Asked, cut: () => void, release: () => void): void {
    streams.set(stream, { cut, userId: caller.userId })
    timer ??= setInterval(checkAll, checkMs)
    response.once('close', () => {
      streams.delete(stream)
      stream.close()
      release()
      if (streams.size > 0) return
      clearInterval(timer)
      timer = undefined
    })
  }

  return {
    async open(asked, from) {
      if (draining) throw stopping()
      const { request, response, caller, projectId, at } = asked
      const room = projectRoom(projectId)
      const release = admission.admitStream(request, caller)
      const cut = () => void request.socket.resetAndDestroy()
      const epoch = log.epoch()
      const plan = planJoin(from, at, epoch)
      const stream = new EventStream({ caller, room, plan, at, epoch, cut, onError, heartbeatMs, closeMs })
      try {
        stream.start(await watchRoom({ feeds, room, caller, head: at.head }, () => principalOf(caller), stream))
        if (draining || response.destroyed) throw stopping()
        add(stream, asked, cut, release)
        return stream.body
      } catch (error) {
        stream.close()
        release()
        throw error
      }
    },

    async waitForNews({ request, response, caller, projectId, at }, after, ms) {
      if (draining) throw stopping()
      const release = admission.admitStream(request, caller)
      let wake = () => {}
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      polls.add(wake)
      const patience = setTimeout(wake, Math.min(ms, caller.expiresAt - Date.now() + EARLY_MS))
      response.once('close', wake)
      let close = () => {}
      try {
        const where = { feeds, room: projectRoom(projectId), caller, head: at.head }
        const watch = await watchRoom(where, () => principalOf(caller), {
          onEntry: ({ meta }) => {
            if (meta.seq > after) wake()
          },
          onSessionEnded: wake,
          onLost: wake,
        })
        close = watch.close
        if (watch.feed.delivered() <= after && !response.destroyed) await woken
      } finally {
        close()
        clearTimeout(patience)
        response.off('close', wake)
        polls.delete(wake)
        release()
      }
    },

    counts: () => ({ streams: streams.size, polls: polls.size }),
    drain() {
      draining = true
      for (const wake of polls) wake()
      const spreadMs = Math.min(MAX_SPREAD_MS, 200 + streams.size * 5)
      for (const stream of streams.keys()) {
        const reconnectInMs = Math.round(Math.random() * spreadMs)
        stream.end('server:draining', { reconnectInMs }, reconnectInMs)
      }
    },
    close() {
      clearInterval(timer)
      for (const { cut } of streams.values()) cut()
    },
  }
}
