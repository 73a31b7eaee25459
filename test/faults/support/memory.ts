import { grouped } from '../../support/statistics.ts'

/** What one node took at one moment, bytes. */
export interface MemorySample {
  /** Ms since the scenario began. */
  at: number
  node: number
  heap: number
  /** Outside the heap, and kept by what is in it. */
  external: number
  rss: number
}

const WIDTH = 1000
const HEIGHT = 320
const EDGE = 60
const COLOURS = ['#1a66c2', '#d98324', '#3a9a4a', '#8a4ac2', '#c22']
const MB = 2 ** 20

/** Heap (thin) and resident memory (thick) of each node over time. */
export function plotMemory(title: string, samples: readonly MemorySample[]): string {
  const end = samples.reduce((most, { at }) => Math.max(most, at), 1)
  const start = samples.reduce((least, { at }) => Math.min(least, at), end)
  const step = 50
  const most = step * Math.ceil(samples.reduce((high, { rss }) => Math.max(high, rss), 1) / MB / step)
  const x = (at: number) => EDGE + ((at - start) / Math.max(1, end - start)) * (WIDTH - 2 * EDGE)
  const y = (mb: number) => HEIGHT - EDGE + (mb / most) * (2 * EDGE - HEIGHT)
  const line = (own: readonly MemorySample[], of: (sample: MemorySample) => number, colour: string, width: number) =>
    `<polyline points="${own.map((one) => `${x(one.at).toFixed(1)},${y(of(one) / MB).toFixed(1)}`).join(' ')}" fill="none" stroke="${colour}" stroke-width="${width}"/>`
  const ticks = Array.from({ length: most / step + 1 }, (_, n) => n * step)
  const minutes = Array.from({ length: 11 }, (_, n) => start + ((end - start) * n) / 10)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${EDGE}" y="24" font-size="14">${title}: resident (thick) and heap in use (thin), a colour for each node</text>`,
    ...ticks.map(
      (mb) =>
        `<line x1="${EDGE}" x2="${WIDTH - EDGE}" y1="${y(mb)}" y2="${y(mb)}" stroke="#e4e4e4"/><text x="${EDGE - 6}" y="${y(mb) + 4}" text-anchor="end">${mb} MB</text>`,
    ),
    ...minutes.map(
      (at) =>
        `<text x="${x(at).toFixed(1)}" y="${HEIGHT - EDGE + 16}" text-anchor="middle">${((at - start) / 60_000).toFixed(1)} min</text>`,
    ),
    ...[...grouped(samples, ({ node }) => node)].flatMap(([node, own]) => {
      const colour = COLOURS[node % COLOURS.length] ?? '#000'
      return [line(own, ({ rss }) => rss, colour, 2), line(own, ({ heap }) => heap, colour, 0.8)]
    }),
    '</svg>',
    '',
  ].join('\n')
}
