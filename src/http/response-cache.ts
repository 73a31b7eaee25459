/** An answer to a read as it is sent. */
export interface Kept {
  body: string | Buffer
  /** Its entity tag; null for lists and the like. */
  tag: string | null
}

/** A text in memory of its own: what is cut from Node's pool keeps all of its 8 KiB. */
export function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

/** Of all answers together, bytes. */
const MOST = 32 * 1024 * 1024
/** Of one, bytes: a larger one is shared by those who ask at the same time, and not kept. */
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
  answer: Promise<Kept>
  bytes: number
}

/**
 * What a project answers to a read is decided by the path and by where its log stands: nothing in it changes without an event.
 * So an answer serves until the log moves on, and those who ask at once share one reading of the rows (a crowd that comes back
 * loads one snapshot). The right to ask was checked before, each time.
 */
export interface Answers {
  /** The answer for this path at this position of the log; `make` reads it, once. */
  of(path: string, position: string, make: () => Promise<Kept>): Promise<Kept>
  /** What is held now, as it is counted. */
  size(): { entries: number; bytes: number }
  close(): void
}

/** Keeps answers, the latest used ones, within bounds of bytes, number and time. */
export function createAnswers(): Answers {
  // In the order of their last use.
  const entries = new Map<string, Entry>()
  let total = 0

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
    of(path, position, make) {
      const known = entries.get(path)
      if (known && known.position === position && known.until > Date.now()) {
        entries.delete(path)
        entries.set(path, known)
        return known.answer
      }
      drop(path)
      const entry: Entry = { position, until: Date.now() + KEPT_MS, answer: make(), bytes: OVERHEAD + 2 * path.length }
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
