import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { problem } from '../errors.ts'
import { networkOf } from '../rooms/sockets/handshake.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Its way through the lanes; null while it has not asked for a place. */
    passage: Passage | null
  }
  interface FastifyInstance {
    /**
     * Goes on when the caller has a place; from then on the request may use the database. The place is free again when the answer is
     * made, or, where the answer is large, when the client has read it or is gone.
     * @param reads the answer is a large page
     */
    takePlace(request: FastifyRequest, reply: FastifyReply, reads: boolean, next: (error?: Error) => void): void
    /** Runs while the caller has a place: for a request that does more than use the database. */
    withPlace<T>(request: FastifyRequest, reply: FastifyReply, work: () => Promise<T>): Promise<T>
    /** Requests that wait for a place now. */
    requestsWaiting(): number
  }
}

/** Large pages that one person reads at a time. */
const PAGES = 2
/** Requests of one person that wait, at most. */
const WAITING = 200
/** How long one waits for its place, ms: it is told so before its connection ends for silence. */
const PATIENCE_MS = 8_000
/** An answer of this length is counted until it was read, bytes. */
const LARGE = 64 * 1024

interface Key {
  inside: number
  /** Made for the first that waits: most keys never have one. */
  waiting: Set<() => void> | null
}

/** Characters or bytes; of a stream it is not known. */
function lengthOf(payload: unknown): number {
  if (payload === null || payload === undefined) return 0
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : Number.POSITIVE_INFINITY
}

/** Lets so many requests of each key through at a time; the others wait, first come first served. */
class Lane {
  readonly #keys = new Map<string, Key>()
  readonly #width: number
  readonly #most: number

  /** @param most how many of one key may wait */
  constructor(width: number, most: number) {
    this.#width = width
    this.#most = most
  }

  /** @param go called later where it waits: it is inside then */
  enter(name: string, go: () => void): 'inside' | 'waits' | 'refused' {
    const key = this.#keys.get(name)
    if (!key) {
      this.#keys.set(name, { inside: 1, waiting: null })
      return 'inside'
    }
    if (key.inside < this.#width) {
      key.inside++
      return 'inside'
    }
    key.waiting ??= new Set()
    if (key.waiting.size >= this.#most) return 'refused'
    key.waiting.add(go)
    return 'waits'
  }

  /** How many wait, of all keys. */
  waiting(): number {
    let count = 0
    for (const { waiting } of this.#keys.values()) count += waiting?.size ?? 0
    return count
  }

  /** Waits no longer. */
  forget(name: string, go: () => void): void {
    this.#keys.get(name)?.waiting?.delete(go)
  }

  leave(name: string): void {
    const key = this.#keys.get(name)
    if (!key) return
    const [next] = key.waiting ?? []
    if (next) {
      // The place is handed over: no later request slips in between.
      key.waiting?.delete(next)
      next()
    } else if (--key.inside === 0) this.#keys.delete(name)
  }
}

/** One request on its way through its lanes. */
class Passage {
  readonly #lanes: [lane: Lane, name: string][]
  readonly #next: (error?: Error) => void
  #passed = 0
  #ended = false
  #timer: NodeJS.Timeout | undefined

  constructor(lanes: [lane: Lane, name: string][], next: (error?: Error) => void) {
    this.#lanes = lanes
    this.#next = next
  }

  /** @returns whether it has to wait */
  advance(): boolean {
    for (let lane = this.#lanes[this.#passed]; lane; lane = this.#lanes[this.#passed]) {
      const outcome = lane[0].enter(lane[1], this.#go)
      if (outcome === 'waits') {
        this.#timer ??= setTimeout(() => this.abandon('Your other requests take too long'), PATIENCE_MS)
        return true
      }
      if (outcome === 'refused') {
        this.end()
        this.#next(problem('rate-limited', 'Too many requests at a time', { retryAfter: 1 }))
        return false
      }
      this.#passed++
    }
    clearTimeout(this.#timer)
    this.#next()
    return false
  }

  readonly #go = (): void => {
    this.#passed++
    this.advance()
  }

  /** Ends it where it still waits. @param detail why, for the answer */
  abandon(detail: string): void {
    const here = this.#lanes[this.#passed]
    if (this.#ended || !here) return
    here[0].forget(here[1], this.#go)
    this.end()
    this.#next(problem('unavailable', detail, { retryAfter: 2 }))
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    while (this.#passed > 0) {
      const lane = this.#lanes[--this.#passed]
      lane?.[0].leave(lane[1])
    }
  }
}

/**
 * How many requests of one person use the database at a time: half of its connections, so that others always find one. Those without
 * a person share as many, and one network takes half of them at most, in IPv6 also all /64 of a /48 together.
 */
export const inFlightPlugin = fp<{ config: Config }>(
  async (app, { config }) => {
    const half = Math.max(1, Math.floor(config.databasePool / 2))
    const most = config.rateLimit === null ? Number.POSITIVE_INFINITY : WAITING
    const [people, pages] = [new Lane(half, most), new Lane(PAGES, most)]
    const quarter = Math.max(1, Math.floor(half / 2))
    const [networks, sites] = [new Lane(quarter, most), new Lane(quarter, Number.POSITIVE_INFINITY)]
    const visitors = new Lane(half, Number.POSITIVE_INFINITY)

    function lanesOf({ caller, ip }: FastifyRequest, reads: boolean): [Lane, string][] {
      if (caller === null)
        return [
          [networks, networkOf(ip)],
          [sites, networkOf(ip, 48)],
          [visitors, ''],
        ]
      const own: [Lane, string] = [people, caller.userId]
      return reads ? [[pages, caller.userId], own] : [own]
    }

    app.decorateRequest('passage', null)
    app.decorate('requestsWaiting', () =>
      [people, pages, networks, sites, visitors].reduce((sum, lane) => sum + lane.waiting(), 0),
    )
    app.decorate('takePlace', (request, reply, reads, next) => {
      const passage = new Passage(lanesOf(request, reads), next)
      request.passage = passage
      if (passage.advance()) reply.raw.once('close', () => passage.abandon('The client hung up while it waited'))
    })
    app.decorate('withPlace', async (request, reply, work) => {
      await new Promise<void>((resolve, reject) =>
        app.takePlace(request, reply, false, (error) => (error ? reject(error) : resolve())),
      )
      try {
        return await work()
      } finally {
        request.passage?.end()
      }
    })
    app.addHook('onSend', (request, reply, payload, done) => {
      const { passage } = request
      if (passage) {
        if (lengthOf(payload) < LARGE || reply.raw.destroyed) passage.end()
        else
          reply.raw.once('close', () => {
            passage.end()
            // All of it may lie in the kernel's buffers, unread: this connection is kept no longer than one on which nothing moves.
            if (!request.raw.socket.destroyed) request.raw.socket.setTimeout(app.server.timeout)
          })
      }
      done()
    })
  },
  { name: 'cutroom-in-flight' },
)
