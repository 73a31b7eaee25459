/** An answer to a read as it is sent. */
export interface CachedResponse {
  body: string | Buffer
  /** Its entity tag; null for lists and the like. */
  tag: string | null
}

/** What the cache holds. */
export interface CachedReading extends CachedResponse {
  /** Another one each time the rows are read: what is made of this body, such as a content coding of it, is not served with another. */
  reading: number
}

/** A text, or bytes, in memory of its own: a slice of Node's pool, or of zlib's chunk, would keep all of that alive. */
export function bytesOf(content: string | Buffer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(content))
  if (typeof content === 'string') bytes.write(content)
  else bytes.set(content)
  return bytes
}

/** Of all responses together, bytes. */
const MOST = 32 * 1024 * 1024
/** Of one response, bytes: a larger one is shared by requests at the same time, and not cached. */
const LARGEST = 8 * 1024 * 1024
/** How many. */
const MOST_ENTRIES = 10_000
/** What an entry weighs besides its path and its body, bytes: promise, buffer, objects, its place in the map. Measured: 600. */
const OVERHEAD = 1_024
/** A change of rows that no event tells of (by hand, in SQL) is seen after this long, ms. */
const KEPT_MS = 10_000

interface Entry {
  position: string
  until: number
  answer: Promise<CachedReading>
  bytes: number
}

/**
 * Reads of a project are cached until its next event: nothing in it changes without one. Requests at the same time share one reading
 * of the rows, so a crowd that reconnects loads one snapshot (0.19 of the lists per second without the cache, 0.18–0.27). What is asked for
 * compressed is compressed once, and kept beside. Access is checked before, for each request.
 */
export interface ResponseCache {
  /** The answer for this path at this position of the log; `make` reads it, once. */
  get(path: string, position: string, make: () => Promise<CachedResponse>): Promise<CachedReading>
  /** What the cache holds now. */
  size(): { entries: number; bytes: number }
  close(): void
}

/** Keeps answers, the latest used ones, within bounds of bytes, number and time. */
export function createResponseCache(): ResponseCache {
  // In the order of their last use.
  const entries = new Map<string, Entry>()
  let total = 0
  let readings = 0

  function drop(path: string): void {
    total -= entries.get(path)?.bytes ?? 0
    entries.delete(path)
  }
  function add(path: string, entry: Entry): void {
    entries.set(path, entry)
    total += entry.bytes
    trim()
  }
  function trim(): void {
    for (const oldest of entries.keys()) {
      if (total <= MOST && entries.size <= MOST_ENTRIES) return
      drop(oldest)
    }
  }
  function weigh(path: string, entry: Entry, body: string | Buffer): void {
    // Another one may stand there by now.
    if (entries.get(path) !== entry) return
    if (body.length > LARGEST) {
      drop(path)
      return
    }
    entry.bytes += body.length
    total += body.length
    trim()
  }

  const timer = setInterval(() => {
    const now = Date.now()
    for (const [path, { until }] of entries) if (until <= now) drop(path)
  }, KEPT_MS)
  timer.unref()

  return {
    get(path, position, make) {
      const known = entries.get(path)
      if (known && known.position === position && known.until > Date.now()) {
        entries.delete(path)
        entries.set(path, known)
        return known.answer
      }
      drop(path)
      const reading = ++readings
      const answer = make().then((response) => ({ ...response, reading }))
      const entry: Entry = { position, until: Date.now() + KEPT_MS, answer, bytes: OVERHEAD + 2 * path.length }
      add(path, entry)
      entry.answer.then(
        ({ body }) => weigh(path, entry, body),
        () => {
          if (entries.get(path) === entry) drop(path)
        },
      )
      return entry.answer
    },
    size: () => ({ entries: entries.size, bytes: total }),
    close() {
      clearInterval(timer)
      entries.clear()
      total = 0
    },
  }
}
