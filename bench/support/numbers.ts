import { percentile } from '../../test/support/statistics.ts'

export { percentile }

export const median = (sample: readonly number[]): number => percentile(sample, 0.5)

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits))

/** Three places are all that a noisy machine gives. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** e.g. `2150 (2080–2210)`: the median, and in brackets the lowest and the highest round. */
export function spread(sample: readonly number[]): string {
  const [low, high] = [Math.min(...sample), Math.max(...sample)]
  return `${significant(median(sample))} (${significant(low)}–${significant(high)})`
}
