import { median, significant } from './numbers.ts'

const WIDTH = 900
const LEFT = 260
const RIGHT = 110
const TOP = 60
const ROW = 34
const COLOURS = ['#1a66c2', '#333333', '#d98324', '#2e8b57', '#9350b0', '#c22222', '#777777']
const colour = (n: number): string => COLOURS[n % COLOURS.length] ?? '#000000'

const plain = (text: string) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign)
const write = (x: number, y: number, text: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${plain(text)}</text>`

function page(height: number, title: string, unit: string, body: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${plain(title)}</title><rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    write(20, 24, title, 'font-size="15"'),
    write(20, 44, unit, 'fill="#666666"'),
    ...body,
    '</svg>',
    '',
  ].join('\n')
}

export interface Bar {
  label: string
  /** One for each round: the bar ends at the median, a line goes from the lowest to the highest. */
  values: readonly number[]
}

/** One bar per subject, from zero. */
export function bars(title: string, unit: string, rows: readonly Bar[]): string {
  const most = Math.max(...rows.flatMap(({ values }) => values), 1e-9)
  const x = (value: number) => LEFT + (value / most) * (WIDTH - LEFT - RIGHT)
  const body = rows.flatMap(({ label, values }, n) => {
    const y = TOP + n * ROW
    const [low, middle, high] = [Math.min(...values), median(values), Math.max(...values)]
    return [
      write(LEFT - 8, y + 18, label, 'text-anchor="end"'),
      `<rect x="${LEFT}" y="${y + 4}" width="${(x(middle) - LEFT).toFixed(1)}" height="20" fill="${colour(n)}"/>`,
      `<line x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${y + 14}" y2="${y + 14}" stroke="#000000" stroke-width="1.5"/>`,
      write(x(high) + 8, y + 18, significant(middle)),
    ]
  })
  return page(TOP + rows.length * ROW + 20, title, unit, body)
}

export interface Line {
  label: string
  points: readonly (readonly [number, number])[]
}

interface Axis {
  label: string
  /** Powers of ten in place of equal steps; needs values above 0. */
  log?: boolean
  /** What is written at which value; else about five steps. */
  ticks?: readonly (readonly [number, string])[]
}

function scaleOf(axis: Axis, values: readonly number[], from: number, to: number) {
  const place = (value: number) => (axis.log ? Math.log10(Math.max(value, 1e-9)) : value)
  const ticked = axis.ticks?.map(([value]) => value) ?? []
  const all = [...values, ...ticked].map(place)
  let [low, high] = [axis.log ? Math.min(...all) : Math.min(0, ...all), Math.max(...all)]
  if (axis.log && axis.ticks === undefined) [low, high] = [Math.floor(low), Math.ceil(high)]
  const at = (value: number) => from + ((place(value) - low) / (high - low || 1)) * (to - from)
  const step = 10 ** Math.floor(Math.log10((high - low || 1) / 2))
  const even = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, n) => low + n * step)
  const made = (axis.log ? even.filter(Number.isInteger).map((power) => 10 ** power) : even).map(
    (value) => [value, significant(value)] as const,
  )
  const few = made.filter((_, n) => made.length <= 10 || n % Math.ceil(made.length / 6) === 0)
  return { at, ticks: axis.ticks ?? few }
}

/** Lines over a common axis, e.g. the share of deliveries over their delay. */
export function lines(title: string, axes: { x: Axis; y: Axis }, rows: readonly Line[]): string {
  const [left, right, top, bottom] = [70, WIDTH - 20, 90, 420]
  const points = rows.flatMap((row) => row.points)
  const x = scaleOf(
    axes.x,
    points.map(([value]) => value),
    left,
    right,
  )
  const y = scaleOf(
    axes.y,
    points.map(([, value]) => value),
    bottom,
    top,
  )
  const body = [
    ...y.ticks.flatMap(([value, text]) => [
      `<line x1="${left}" x2="${right}" y1="${y.at(value).toFixed(1)}" y2="${y.at(value).toFixed(1)}" stroke="#e4e4e4"/>`,
      write(left - 6, y.at(value) + 4, text, 'text-anchor="end"'),
    ]),
    ...x.ticks.map(([value, text]) => write(x.at(value), bottom + 18, text, 'text-anchor="middle"')),
    ...rows.flatMap(({ label, points: own }, n) => [
      `<polyline points="${own.map(([a, b]) => `${x.at(a).toFixed(1)},${y.at(b).toFixed(1)}`).join(' ')}" fill="none" stroke="${colour(n)}" stroke-width="2"/>`,
      `<circle cx="${25 + n * 175}" cy="66" r="5" fill="${colour(n)}"/>`,
      write(35 + n * 175, 70, label.replace(/ \(.*/, '')),
    ]),
    write(right, bottom + 40, axes.x.label, 'text-anchor="end"'),
  ]
  return page(470, title, axes.y.label, body)
}
