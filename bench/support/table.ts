import { aligned } from '../../test/support/terminal.ts'
import { significant } from './numbers.ts'
import type { Asked, Row } from './scenario.ts'

/** Rows as an aligned table; a row that lacks a column leaves it empty. */
export function table(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? '')))
  return aligned([columns.map((column) => (column === 'subject' ? '' : column)), ...cells])
}

const verdict = ({ ok }: Asked) => (ok ? 'ok' : 'MISSED')

/** What is asked beside what was measured. */
export function verdicts(asked: readonly Asked[]): string {
  if (asked.length === 0) return '  nothing is asked of it'
  return aligned([
    ['', 'asked', 'measured', ''],
    ...asked.map((one) => [one.what, one.asked, significant(one.measured), verdict(one)]),
  ])
}

/** The table that README shows: one line for each figure that is asked for. */
export function summary(outcomes: readonly { title: string; asked: readonly Asked[] }[]): string {
  const lines = outcomes.flatMap(({ title, asked }) =>
    asked.map(
      (one, n) => `| ${n === 0 ? title : ''} | ${one.what} | ${one.asked} | ${significant(one.measured)} | ${verdict(one)} |`,
    ),
  )
  return ['| scenario | figure | asked | measured | |', '| --- | --- | --- | --- | --- |', ...lines].join('\n')
}
