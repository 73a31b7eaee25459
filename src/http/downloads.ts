import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { problem } from '../errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    downloads: Downloads
  }
}

/** Pause between two checks of access, ms: with the query it takes less than a second. */
const CHECK_MS = 500
/** How long a download goes on while access cannot be checked, ms: a restart of the database is shorter. */
const UNKNOWN_MS = 5_000
/** Downloads at a time: of one holder, and on this node. */
const LIMITS = { holder: 20, node: 2_000 }

/** A download under way. */
export interface Download {
  /** Aborts when access ends, when the server stops, and with `close`. */
  readonly signal: AbortSignal
  /** It is over; also a second time. */
  close(): void
}

/**
 * Opens a download of someone who may have it now.
 * @param holder whose downloads are counted together: a person, or the address of a visitor
 * @param access what the check is given
 * @throws problem rate-limited | unavailable
 */
export type OpenDownload<T> = (holder: string, access: T) => Download

export interface Downloads {
  /**
   * Downloads of one kind, checked together.
   * @param stillAllowed of each access, in their order, whether it still holds; asked about all that run, in one query
   */
  kind<T>(stillAllowed: (accesses: readonly T[]) => Promise<readonly boolean[]>): OpenDownload<T>
  /** How many run now. */
  running(): number
  /** Ends all, and checks no more. */
  close(): void
}

interface Running<T> {
  access: T
  end(reason: Error): void
  /** When it was last known to be allowed, ms of the process. */
  knownAt: number
}

interface Options {
  /** null: none. */
  limits?: { holder: number; node: number } | null
  checkMs?: number
  unknownMs?: number
  /** A check failed. */
  onError(error: unknown): void
}

const accessEnded = () => problem('not-found')
const accessUnknown = () => problem('unavailable', 'Access could not be checked', { retryAfter: 1 })

/** Keeps the downloads of this node, and ends those whose access has ended: on every node, within a second of the commit. */
export function createDownloads({ limits = LIMITS, checkMs = CHECK_MS, unknownMs = UNKNOWN_MS, onError }: Options): Downloads {
  const checks: (() => Promise<void>)[] = []
  const all = new Set<Running<unknown>>()
  const held = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function schedule(): void {
    if (timer === undefined && all.size > 0 && !closed)
      timer = setTimeout(async () => {
        await Promise.all(checks.map((check) => check()))
        timer = undefined
        schedule()
      }, checkMs)
  }

  function assertRoom(holder: string): void {
    if (closed) throw problem('unavailable', 'The server is stopping', { retryAfter: 1 })
    if (limits === null) return
    if ((held.get(holder) ?? 0) >= limits.holder) throw problem('rate-limited', 'Too many downloads at a time', { retryAfter: 1 })
    if (all.size >= limits.node) throw problem('unavailable', 'Too many downloads at a time', { retryAfter: 2 })
  }

  /** @param own the downloads of its kind */
  function open<T>(own: Set<Running<T>>, holder: string, access: T): Download {
    assertRoom(holder)
    const controller = new AbortController()
    const running: Running<T> = {
      access,
      knownAt: performance.now(),
      end(reason) {
        if (!own.delete(running)) return
        all.delete(running)
        const others = (held.get(holder) ?? 1) - 1
        if (others > 0) held.set(holder, others)
        else held.delete(holder)
        controller.abort(reason)
      },
    }
    own.add(running)
    all.add(running)
    held.set(holder, (held.get(holder) ?? 0) + 1)
    schedule()
    return { signal: controller.signal, close: () => running.end(new Error('the download is over')) }
  }

  return {
    kind<T>(stillAllowed: (accesses: readonly T[]) => Promise<readonly boolean[]>): OpenDownload<T> {
      const own = new Set<Running<T>>()
      const endUnknown = (asked: readonly Running<T>[]) => {
        const now = performance.now()
        for (const running of asked) if (now - running.knownAt >= unknownMs) running.end(accessUnknown())
      }
      checks.push(async () => {
        const asked = [...own]
        if (asked.length === 0) return
        const from = performance.now()
        let late: NodeJS.Timeout | undefined
        // A query that does not come back is a failed one.
        const tooLate = new Promise<never>((_, reject) => {
          late = setTimeout(() => reject(new Error('no answer in time')), unknownMs)
        })
        try {
          const allowed = await Promise.race([stillAllowed(asked.map(({ access }) => access)), tooLate])
          for (const [n, running] of asked.entries())
            if (allowed[n] === true) running.knownAt = from
            else running.end(accessEnded())
        } catch (error) {
          onError(error)
          endUnknown(asked)
        } finally {
          clearTimeout(late)
        }
      })
      return (holder, access) => open(own, holder, access)
    },
    running: () => all.size,
    close() {
      closed = true
      clearTimeout(timer)
      for (const running of all) running.end(problem('unavailable', 'The server is stopping', { retryAfter: 1 }))
    },
  }
}

/** `app.downloads`. Those that run when the server stops have the time that requests have. */
export const downloadsPlugin = fp<{ config: Config }>(
  async (app, { config }) => {
    const downloads = createDownloads({
      ...(config.rateLimit === null && { limits: null }),
      onError: (error) => app.log.warn({ err: error }, 'downloads: access could not be checked'),
    })
    app.decorate('downloads', downloads)
    app.addHook('onClose', async () => downloads.close())
  },
  { name: 'cutroom-downloads' },
)
