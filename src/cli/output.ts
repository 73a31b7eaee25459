import { stripVTControlCharacters, styleText } from 'node:util'
import { variable } from './configure.ts'

/** What ends a command with a line and the status 1. */
export class CommandError extends Error {}

/** A line beside the result, which may be piped on. */
export const note = (line: string): void => console.error(line)

/** `1 file`, `2,000 files`. */
export const counted = (count: number, one: string): string => `${count.toLocaleString('en-US')} ${count === 1 ? one : `${one}s`}`

/** Columns of the terminal. */
export const width = (): number => process.stdout.columns ?? 80

const hasColour = (): boolean => process.stdout.isTTY === true && variable('NO_COLOR') === undefined

/** Text in a colour, where colours are shown. */
export const paint = (colour: Parameters<typeof styleText>[0], text: string): string =>
  hasColour() ? styleText(colour, text) : text

/** Cuts a text to so many columns. */
export function cut(text: string, columns: number): string {
  // What people wrote does not steer a terminal.
  const plain = stripVTControlCharacters(text).replace(/[\p{Cc}\s]+/gu, ' ')
  const letters = [...plain]
  return letters.length > columns ? `${letters.slice(0, Math.max(columns - 1, 0)).join('')}…` : plain
}

/** Rows in columns, each as wide as its longest text but the last, which is cut to the terminal. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => (row[n] ?? '').length)))
  return rows
    .map((row) => {
      const line = row.map((text, n) => (n === row.length - 1 ? text : text.padEnd(widths[n] ?? 0))).join('  ')
      return cut(line.trimEnd().replaceAll(' ', '\u00a0'), Math.max(width(), 80)).replaceAll('\u00a0', ' ')
    })
    .join('\n')
}

/** A bar of 24 columns. */
export function bar(part: number): string {
  const filled = Math.round(Math.min(Math.max(part, 0), 1) * 24)
  return `${'█'.repeat(filled)}${'░'.repeat(24 - filled)}`
}

/** How far a work is. */
export interface Progress {
  done: number
  total: number
  unit: string
}

const REDRAW_MS = 100
const STEP = 0.25

/** How far it is: a bar that is drawn over and over, or a line now and then. Ends when the answer is called. */
export function showProgress(progress: () => Progress): () => void {
  const partOf = ({ done, total }: Progress) => (total > 0 ? done / total : 0)
  const line = () => {
    const now = progress()
    return `  ${bar(partOf(now))} ${now.done.toLocaleString('en-US')} of ${now.total.toLocaleString('en-US')} ${now.unit}`
  }
  if (!process.stderr.isTTY) {
    let next = STEP
    const timer = setInterval(() => {
      for (; partOf(progress()) >= next; next += STEP) note(line())
    }, REDRAW_MS)
    return () => clearInterval(timer)
  }
  // Erased to its end: a line may be shorter than the one before.
  const timer = setInterval(() => void process.stderr.write(`\r${line()}\x1b[K`), REDRAW_MS)
  return () => {
    clearInterval(timer)
    process.stderr.write(`\r${line()}\x1b[K\n`)
  }
}
