/** Lets `width` through at a time; the others wait their turn, first come first served. */
export function createGate(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  let inside = 0
  const waiting: (() => void)[] = []
  return async (work) => {
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
  }
}
