/** The value below which a share of the sample lies (nearest rank); NaN for an empty sample. */
export function percentile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? Number.NaN
}

/** The highest, also of more than a call takes arguments; NaN for an empty sample. */
export const highest = (sample: readonly number[]): number =>
  sample.reduce((most, value) => (value > most || Number.isNaN(most) ? value : most), Number.NaN)
