/** A row of a CSV; `number` counts all rows from 1, as spreadsheets do. */
export interface CsvRow {
  number: number
  cells: string[]
}

/** What a CSV is wrong in. */
export class CsvError extends Error {
  readonly row: number

  constructor(row: number, message: string) {
    super(message)
    this.row = row
  }
}

/**
 * What a spreadsheet takes for a formula, perhaps behind spaces and apostrophes: it would be run when the file is opened. The wide forms are
 * for East Asian input.
 */
const FORMULA = /^['\s]*[=+\-@＝＋－＠]/

/** Text as a cell that no spreadsheet runs. `unneutralised` gives the text back, whatever it was. */
export const neutralised = (text: string): string => (FORMULA.test(text) ? `'${text}` : text)
export const unneutralised = (cell: string): string =>
  cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

/** RFC 4180. */
export const writeCsv = (rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => `${cells.map(quoted).join()}\r\n`).join('')

/** What stands up to a comma or the end of a line, and that. */
const PLAIN = /([^",\r\n]*)(,|\r\n|\n|\r|$)/y
/** What may stand behind a quoted cell. */
const END = /,|\r\n|\n|\r|$/y

interface Cell {
  value: string
  /** What ends it: a comma, the end of a line, or nothing at the end of the text. */
  then: string
  /** Where the next one begins. */
  next: number
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** @returns null where quotes are not as they should be */
function readCell(text: string, at: number): Cell | null {
  if (text[at] !== '"') {
    const [whole = '', value = '', then = ''] = matchAt(PLAIN, text, at) ?? []
    return whole === '' && then === '' && at < text.length ? null : { value, then, next: at + whole.length }
  }
  let close = text.indexOf('"', at + 1)
  // Two quotes are one of the text.
  while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2)
  const [then] = close === -1 ? [] : (matchAt(END, text, close + 1) ?? [])
  if (then === undefined) return null
  return { value: text.slice(at + 1, close).replaceAll('""', '"'), then, next: close + 1 + then.length }
}

/**
 * Reads RFC 4180, with any ends of lines and with or without a byte order mark. Empty lines are passed over.
 * @param most rows that are read: what is behind them is not looked at
 * @throws CsvError
 */
export function readCsv(text: string, most: number): CsvRow[] {
  const rows: CsvRow[] = []
  let at = text.startsWith('\uFEFF') ? 1 : 0
  for (let number = 1; at < text.length && rows.length < most; number++) {
    const cells: string[] = []
    for (let then = ','; then === ','; ) {
      const cell = readCell(text, at)
      if (!cell) throw new CsvError(number, 'a quote is not at the beginning or the end of a cell, or one is missing')
      cells.push(cell.value)
      then = cell.then
      at = cell.next
    }
    if (cells.length > 1 || cells[0] !== '') rows.push({ number, cells })
  }
  return rows
}
