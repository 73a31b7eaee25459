/** An answer to a read as it is sent. */
export interface Kept {
  body: Buffer
  /** Of the entity; null for lists and the like. */
  version: number | null
}

/** Of all answers together, bytes. */
const MOST = 32 * 1024 * 1024
/** Of one, bytes: a larger one is shared by those who ask at the same time, and not kept. */
const LARGEST = 8 * 1024 * 1024
/** Whoever changes rows by hand and tells no room of it is seen after this long, ms. */
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
 * loads one snapshot). Who may ask was checked before, each time.
 */
export interface Answers {
  /** The answer for this path at this position of the log; `make` reads it, once. */
  of(path: string, position: string, make: () => Promise<Kept>): Promise<Kept>
}

export function createAnswers(): Answers {
  const entries = new Map<string, Entry>()
  let total = 0

  function drop(path: string): void {
    total -= entries.get(path)?.bytes ?? 0
    entries.delete(path)
  }
  function keep(path: string, entry: Entry, bytes: number): void {
    // Another one may stand there by now.
    if (entries.get(path) !== entry) return
    if (bytes > LARGEST) {
      drop(path)
      return
    }
    entry.bytes = bytes
    total += bytes
    for (const oldest of entries.keys()) {
      if (total <= MOST) break
      drop(oldest)
    }
  }

  return {
    of(path, position, make) {
      const known = entries.get(path)
      if (known && known.position === position && known.until > Date.now()) {
        entries.delete(path)
        entries.set(path, known)
        return known.answer
      }
      drop(path)
      const entry: Entry = { position, until: Date.now() + KEPT_MS, answer: make(), bytes: 0 }
      entries.set(path, entry)
      entry.answer.then(
        ({ body }) => keep(path, entry, body.length + 2 * path.length),
        () => {
          if (entries.get(path) === entry) drop(path)
        },
      )
      return entry.answer
    },
  }
}
