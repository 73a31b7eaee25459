/** Lets `width` through at a time; the others wait their turn, first come first served. */
export interface Gate {
  pass<T>(work: () => Promise<T>): Promise<T>
  /** Nobody is inside or waits. */
  isEmpty(): boolean
}

export function createGate(width: number): Gate {
  let inside = 0
  const waiting: (() => void)[] = []
  return {
    async pass(work) {
      // Whoever leaves hands over the place, so nobody slips in between.
      if (inside < width) inside++
      else await new Promise<void>((enter) => waiting.push(enter))
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else inside--
      }
    },
    isEmpty: () => inside === 0,
  }
}
