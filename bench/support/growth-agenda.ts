// What a simulation is made of: things that happen in time, and cores that they wait for.

interface Job {
  at: number
  run: (now: number) => void
}

/** What is to happen, earliest first. */
export function createAgenda() {
  const heap: Job[] = []
  const before = (a: number, b: number) => (heap[a] as Job).at < (heap[b] as Job).at
  function swap(a: number, b: number): void {
    ;[heap[a], heap[b]] = [heap[b] as Job, heap[a] as Job]
  }
  return {
    add(at: number, run: Job['run']): void {
      let child = heap.push({ at, run }) - 1
      while (child > 0) {
        const parent = (child - 1) >> 1
        if (!before(child, parent)) break
        swap(child, parent)
        child = parent
      }
    },
    next(): Job | undefined {
      const first = heap[0]
      const last = heap.pop()
      if (heap.length === 0 || last === undefined) return first
      heap[0] = last
      for (let parent = 0; ; ) {
        const left = 2 * parent + 1
        if (left >= heap.length) return first
        const least = left + 1 < heap.length && before(left + 1, left) ? left + 1 : left
        if (!before(least, parent)) return first
        swap(least, parent)
        parent = least
      }
    },
  }
}

/** Cores that take jobs in the order in which they come; times in ms, costs in µs. */
export function createCores(count: number) {
  const free = new Float64Array(count)
  let busy = 0
  return {
    /** When a job that comes at `at` is done. */
    take(at: number, us: number, counts: boolean): number {
      let core = 0
      for (let n = 1; n < count; n++) if ((free[n] ?? 0) < (free[core] ?? 0)) core = n
      const end = Math.max(at, free[core] ?? 0) + us / 1000
      free[core] = end
      if (counts) busy += us / 1000
      return end
    },
    used: (ms: number) => busy / ms / count,
  }
}

/** The same numbers in every run. */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
