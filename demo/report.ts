import { percentile } from '../test/support/statistics.ts'
import type { Samples } from './latency.ts'
import type { Screen, Style } from './screen.ts'
import { table } from './table.ts'
import type { Outcome } from './verify.ts'

const number = (value: number): string => value.toLocaleString('en-US')
const time = (ms: number): string =>
  Number.isNaN(ms) ? '–' : ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`

/** The end of the demo: what arrived, how fast, and whether it is all as promised. */
export function report(screen: Screen, outcome: Outcome, stranger: { name: string; style: Style }): void {
  const { verdicts, samples, log, faults } = outcome
  const indent = (lines: string[]) => {
    for (const line of lines) screen.line(`  ${line}`)
  }
  const zero = (value: number) => screen.paint(value === 0 ? 'green' : 'red', number(value))
  const yes = (difference: string | null | undefined) =>
    difference === undefined ? '' : difference === null ? screen.paint('green', 'yes') : screen.paint('red', 'NO')
  const each = (cell: (one: (typeof verdicts)[number]) => string) => verdicts.map(cell)

  indent(
    table(
      [
        [
          '',
          ...each(({ person }) => screen.paint(person.style, person.name.replace(/^.*’s /, ''))),
          screen.paint(stranger.style, stranger.name),
        ],
        ['events committed', ...each(({ committed }) => number(committed)), ''],
        ['delivered', ...each(({ verdict }) => number(verdict.delivered)), ''],
        ['missing', ...each(({ verdict }) => zero(verdict.missing.length)), ''],
        ['repeated', ...each(({ verdict }) => zero(verdict.repeated.length)), ''],
        ['out of order', ...each(({ verdict }) => zero(verdict.outOfOrder.length)), ''],
        ['leaked to the stranger', ...each(() => ''), zero(outcome.leaked)],
        ['state equals a fresh snapshot', ...each(({ difference }) => yes(difference)), ''],
      ],
      29,
      6,
    ),
  )
  screen.line()
  const row = (what: string, times: number[]) => [
    what,
    number(times.length),
    ...[percentile(times, 0.5), percentile(times, 0.99), percentile(times, 1)].map(time),
  ]
  const kinds: [what: string, kind: keyof Samples][] = [
    ['at a pace of people', 'alone'],
    ['many writes at once', 'crowd'],
    ['across the cut or the kill *', 'outage'],
  ]
  indent(
    table(
      [['request → another’s process', 'samples', 'p50', 'p99', 'max'], ...kinds.map(([what, kind]) => row(what, samples[kind]))],
      29,
      6,
    ),
  )
  indent([screen.paint('dim', 'half of all events came within p50, 99 of 100 within p99')])
  indent([screen.paint('dim', '* the listener was away at some moment in between; in none of the lines above')])
  screen.line()
  if (outcome.isDense) screen.line(`  The log counts #1 to #${log.length}, without a hole.`)
  if (outcome.misfiled === 0)
    screen.line(`  Each of the ${number(outcome.answered)} writes that were answered stands in it exactly once.`)
  if (outcome.leaked === 0)
    screen.line(`  ${stranger.name} tried ${outcome.attempts} ways in, got through none, and heard nothing.`)
  screen.line()
  for (const fault of faults) screen.line(`  ${screen.paint('red', `✗ ${fault}`)}`)
  if (faults.length === 0)
    screen.line(`  ${screen.paint('green', '✓ Everything that was committed arrived, once, in order, and nowhere else.')}`)
}
