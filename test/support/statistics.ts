/** The value below which a share of the sample lies (nearest rank); NaN for an empty sample. */
export function percentile(sample: readonly number[], share: number): number {
  const sorted = Float64Array.from(sample).sort()
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN
}

/** The highest, also of more than a call takes arguments; NaN for an empty sample. */
export const highest = (sample: readonly number[]): number =>
  sample.reduce((most, value) => (value > most || Number.isNaN(most) ? value : most), Number.NaN)

/** The median of what a clock has cut to whole numbers: where among the equal ones in the middle it lies; NaN for an empty sample. */
export function wholeMedian(sample: readonly number[]): number {
  const middle = percentile(sample, 0.5)
  const below = sample.filter((value) => value < middle).length
  const equal = sample.filter((value) => value === middle).length
  return middle - 0.5 + (sample.length / 2 - below) / equal
}

/** A straight line through points by least squares: its slope, and the standard error of that. */
export function fitLine(points: readonly { x: number; y: number }[]): { slope: number; error: number } {
  const n = points.length
  const mean = (of: (point: { x: number; y: number }) => number) => points.reduce((sum, point) => sum + of(point), 0) / n
  const x0 = mean(({ x }) => x)
  const y0 = mean(({ y }) => y)
  const spread = points.reduce((sum, { x }) => sum + (x - x0) ** 2, 0)
  const slope = points.reduce((sum, { x, y }) => sum + (x - x0) * (y - y0), 0) / spread
  const rest = points.reduce((sum, { x, y }) => sum + (y - y0 - slope * (x - x0)) ** 2, 0)
  return { slope, error: Math.sqrt(rest / (n - 2) / spread) }
}

/** Items by key, in the order in which keys came first. */
export function grouped<T>(items: Iterable<T>, keyOf: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
