import { lengthOf, padEnd, padStart } from './screen.ts'

/** Rows as lines: the first column to the left, the others to the right, each as wide as its widest cell (at least `least`). */
export function table(rows: readonly (readonly string[])[], first: number, least = 0): string[] {
  const count = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(column === 0 ? first : least, ...rows.map((row) => lengthOf(row[column] ?? ''))),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? padEnd : padStart)(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
