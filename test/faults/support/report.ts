import type { Figure } from './scenario.ts'

const REDRAW_MS = 2_000

/** One progress line: rewritten on a terminal, else a new one every few seconds. */
export function startProgress(name: string): { show(share: number, beside: string): void; end(): void } {
  const live = process.stderr.isTTY === true
  const began = Date.now()
  let text = ''
  let printed = 0
  const print = () => {
    if (live) process.stderr.write(`\r\x1b[2K${text}`)
    else process.stderr.write(`${text}\n`)
    printed = Date.now()
  }
  return {
    show(share, beside) {
      const done = Math.round(Math.min(1, Math.max(0, share)) * 20)
      const seconds = Math.round((Date.now() - began) / 1000)
      text = `${name} ${'█'.repeat(done)}${'░'.repeat(20 - done)} ${Math.round(share * 100)} % ${seconds} s  ${beside}`
      if (Date.now() - printed > (live ? 100 : REDRAW_MS)) print()
    },
    end() {
      if (live) process.stderr.write('\r\x1b[2K')
    },
  }
}

const verdict = ({ ok, invariant }: Figure) => (ok ? 'ok' : invariant ? 'BROKEN' : 'missed')

/** Figures as an aligned table: asked, measured, ok. */
export function table(figures: readonly Figure[]): string {
  const rows = [
    ['', 'asked', 'measured', ''],
    ...figures.map((figure) => [figure.what, figure.asked, figure.measured, figure.asked === '' ? '' : verdict(figure)]),
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
    )
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n')
}
