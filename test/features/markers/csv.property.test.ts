import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CsvError, neutralised, readCsv, unneutralised, writeCsv } from '../../../src/lib/csv.ts'

/** Text in which what matters to a CSV is frequent. */
const text = fc
  .array(
    fc.constantFrom(
      '"',
      ',',
      '\n',
      '\r',
      '\r\n',
      "'",
      '=',
      '+',
      '-',
      '@',
      '＝',
      '\t',
      ' ',
      'a',
      '\u2028',
      '‮',
      '👩‍👩‍👧',
      '\uFEFF',
    ),
  )
  .map((parts) => parts.join(''))
const anyText = fc.oneof(text, fc.string({ unit: 'binary' }))

describe('CSV', () => {
  it('M3 is read as it was written, whatever the cells are', () => {
    const table = fc.integer({ min: 1, max: 5 }).chain((columns) =>
      fc.array(
        fc.array(anyText, { minLength: columns, maxLength: columns }).filter((cells) => cells.length > 1 || cells[0] !== ''),
        { maxLength: 8 },
      ),
    )
    fc.assert(
      fc.property(table, fc.constantFrom('', '\uFEFF'), (rows, mark) => {
        // A first cell that begins with a byte order mark is one only behind another.
        const written = mark + writeCsv(rows)
        fc.pre(mark !== '' || !written.startsWith('\uFEFF'))
        expect(readCsv(written, 100)).toEqual(rows.map((cells, at) => ({ number: at + 1, cells })))
      }),
    )
  })

  it('M3 has no cell that a spreadsheet takes for a formula, and gives the text back', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const cell = neutralised(value)
        expect(unneutralised(cell)).toBe(value)
        expect(cell.trimStart()).not.toMatch(/^[=+\-@\t\r＝＋－＠]/)
      }),
    )
    expect(neutralised(`=HYPERLINK("https://example.com")`)).toBe(`'=HYPERLINK("https://example.com")`)
    expect(neutralised(' \t@SUM(A1)')).toBe(`' \t@SUM(A1)`)
    expect(neutralised(`'=1`)).toBe(`''=1`)
    expect(neutralised(`'tis`)).toBe(`'tis`)
    expect(unneutralised(`'tis`)).toBe(`'tis`)
  })

  it('reads all ends of lines, a last row without one, and passes over empty lines', () => {
    expect(readCsv('a,b\r\n\n1,"x\r\ny"\r2,""""\n,', 10)).toEqual([
      { number: 1, cells: ['a', 'b'] },
      { number: 3, cells: ['1', 'x\r\ny'] },
      { number: 4, cells: ['2', '"'] },
      { number: 5, cells: ['', ''] },
    ])
    expect(readCsv('', 10)).toEqual([])
    expect(readCsv('\uFEFF', 10)).toEqual([])
    expect(readCsv('a\nb\nc', 2)).toHaveLength(2)
  })

  it('names the row of a quote that is out of place', () => {
    for (const [text, row] of [
      ['a\n"b', 2],
      ['a\nb"c', 2],
      ['"a"b', 1],
      ['a,"b"" \n', 1],
      ['x\ny\n"', 3],
    ] as const)
      try {
        expect.unreachable(JSON.stringify(readCsv(text, 10)))
      } catch (error) {
        expect(error).toBeInstanceOf(CsvError)
        expect((error as CsvError).row).toBe(row)
      }
  })
})
