/** How often something happened under a key since its window began. */
export interface Window {
  count: number
  /** Milliseconds since the epoch. */
  endsAt: number
}

export interface WindowCounts {
  /** The window under way. */
  of(key: string): Window | undefined
  /** Counts one, in the window under way or in a new one. */
  add(key: string): Window
  size(): number
}

/**
 * Counts by key in windows of `windowMs`, at most `capacity` keys. Where there are more, a key that has not come to `limit` is
 * forgotten, the oldest first, so that attempts at other names lift no lock; a lock goes before its time only where there are
 * `capacity` of them.
 */
export function createWindowCounts(options: { windowMs: number; limit: number; capacity: number }): WindowCounts {
  const { windowMs, limit, capacity } = options
  // Windows are equally long, so the oldest of each map ends first.
  const below = new Map<string, Window>()
  const locked = new Map<string, Window>()

  function of(key: string): Window | undefined {
    const found = locked.get(key) ?? below.get(key)
    return found && found.endsAt > Date.now() ? found : undefined
  }
  function makeRoom(): void {
    if (below.size + locked.size < capacity) return
    const now = Date.now()
    for (const [key, { endsAt }] of locked) {
      if (endsAt > now) break
      locked.delete(key)
    }
    const oldest = (below.size > 0 ? below : locked).keys().next()
    if (!oldest.done) (below.size > 0 ? below : locked).delete(oldest.value)
  }
  function begin(key: string): Window {
    below.delete(key)
    locked.delete(key)
    makeRoom()
    const window = { count: 0, endsAt: Date.now() + windowMs }
    below.set(key, window)
    return window
  }

  return {
    of,
    size: () => below.size + locked.size,
    add(key) {
      const window = of(key) ?? begin(key)
      window.count++
      if (window.count === limit && below.delete(key)) locked.set(key, window)
      return window
    },
  }
}
