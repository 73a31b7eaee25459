import { highest, percentile } from '../../support/statistics.ts'
import type { Mark, Samples } from './scenario.ts'

const WIDTH = 1000
const HEIGHT = 420
const LEFT = 70
const RIGHT = 20
const TOP = 50
const BOTTOM = 50
/** Ms: below this the clocks say nothing. */
const LOWEST = 1

const plain = (text: string) => text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign)

/** Delivery delay over time, on a scale of powers of ten: median, p99 and the worst per slice, and what was done when. */
export function plot(title: string, samples: Samples, marks: readonly Mark[]): string {
  const end = Math.max(1, highest([...marks.map((mark) => mark.at), highest(samples.at)].filter((value) => !Number.isNaN(value))))
  const start = [...samples.at, ...marks.map((mark) => mark.at)].reduce((least, at) => Math.min(least, at), end)
  const sliceMs = Math.max(50, (end - start) / 300)
  const live = new Map<number, number[]>()
  const replayed = new Map<number, number[]>()
  samples.at.forEach((at, index) => {
    const slices = samples.replayed[index] ? replayed : live
    const slice = Math.floor((at - start) / sliceMs)
    const list = slices.get(slice)
    if (list) list.push(samples.delay[index] ?? 0)
    else slices.set(slice, [samples.delay[index] ?? 0])
  })
  const most = 10 ** Math.ceil(Math.log10(Math.max(100, highest(samples.delay) || 0)))
  const x = (ms: number) => LEFT + ((ms - start) / Math.max(1, end - start)) * (WIDTH - LEFT - RIGHT)
  const y = (ms: number) =>
    TOP + (1 - Math.log10(Math.max(ms, LOWEST) / LOWEST) / Math.log10(most / LOWEST)) * (HEIGHT - TOP - BOTTOM)
  const dots = (slices: Map<number, number[]>, of: (list: number[]) => number, colour: string, radius: number) =>
    [...slices]
      .map(
        ([slice, list]) =>
          `<circle cx="${x(start + (slice + 0.5) * sliceMs).toFixed(1)}" cy="${y(of(list)).toFixed(1)}" r="${radius}" fill="${colour}"/>`,
      )
      .join('')
  const line = (slices: Map<number, number[]>, of: (list: number[]) => number, colour: string) => {
    const points = [...slices]
      .sort(([a], [b]) => a - b)
      .map(([slice, list]) => `${x(start + (slice + 0.5) * sliceMs).toFixed(1)},${y(of(list)).toFixed(1)}`)
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`
  }
  const decades = Array.from({ length: Math.round(Math.log10(most)) + 1 }, (_, n) => 10 ** n)
  const seconds = (end - start) / 1000
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((one) => seconds / one <= 12) ?? 1800
  const times = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, n) => n * step)
  const labelled = marks.length <= 40
  const legend: [string, string][] = [
    ['#1a66c2', 'median, live'],
    ['#8fb8e8', 'p99, live'],
    ['#d98324', 'longest, live'],
    ['#9a9a9a', 'longest, caught up'],
    ['#c22', 'fault'],
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/><text x="${LEFT}" y="20" font-size="14">${plain(title)}</text>`,
    ...legend.map(
      ([colour, text], n) =>
        `<circle cx="${LEFT + 5 + n * 130}" cy="34" r="4" fill="${colour}"/><text x="${LEFT + 13 + n * 130}" y="38">${text}</text>`,
    ),
    ...decades.map(
      (ms) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(ms)}" y2="${y(ms)}" stroke="#e4e4e4"/><text x="${LEFT - 6}" y="${y(ms) + 4}" text-anchor="end">${ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`}</text>`,
    ),
    ...times.map((s) => `<text x="${x(start + s * 1000)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${s} s</text>`),
    ...marks.map(
      (mark) =>
        `<line x1="${x(mark.at).toFixed(1)}" x2="${x(mark.at).toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="#c22" stroke-opacity="${labelled ? 0.6 : 0.15}"/>`,
    ),
    dots(replayed, highest, '#9a9a9a', 2),
    dots(live, highest, '#d98324', 1.6),
    line(live, (list) => percentile(list, 0.99), '#8fb8e8'),
    line(live, (list) => percentile(list, 0.5), '#1a66c2'),
    ...(labelled
      ? marks.map(
          (mark) =>
            `<text transform="translate(${(x(mark.at) - 3).toFixed(1)} ${TOP + 4}) rotate(-90)" text-anchor="end" fill="#c22">${plain(mark.label)}</text>`,
        )
      : []),
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 10}" text-anchor="end">from left to right: time; from below: delay from commit to client</text>`,
    '</svg>',
    '',
  ].join('\n')
}
