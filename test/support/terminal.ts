const REDRAW_MS = 5_000

/** One progress line: rewritten on a terminal, else a new one every few seconds. */
export function startProgress(name: string): { show(share: number, beside?: string): void; end(): void } {
  const live = process.stderr.isTTY === true
  const began = Date.now()
  let printed = 0
  return {
    show(share, beside = '') {
      if (Date.now() - printed < (live ? 100 : REDRAW_MS)) return
      printed = Date.now()
      const done = Math.round(Math.min(1, Math.max(0, share)) * 20)
      const seconds = Math.round((printed - began) / 1000)
      const text = `${name} ${'█'.repeat(done)}${'░'.repeat(20 - done)} ${Math.round(share * 100)} % ${seconds} s  ${beside}`
      process.stderr.write(live ? `\r\x1b[2K${text}` : `${text}\n`)
    },
    end() {
      if (live) process.stderr.write('\r\x1b[2K')
    },
  }
}

/** Lines as a table: the first column left, the others right. Rows may be shorter than the first one. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length))) ?? []
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n')
}
