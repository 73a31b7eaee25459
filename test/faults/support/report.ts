import { aligned } from '../../support/terminal.ts'
import type { Figure } from './scenario.ts'

const verdict = ({ ok, invariant }: Figure) => (ok ? 'ok' : invariant ? 'BROKEN' : 'missed')

/** Figures as an aligned table: asked, measured, ok. */
export const table = (figures: readonly Figure[]): string =>
  aligned([
    ['', 'asked', 'measured', ''],
    ...figures.map((figure) => [figure.what, figure.asked, figure.measured, figure.asked === '' ? '' : verdict(figure)]),
  ])
