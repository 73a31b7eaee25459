import type { Marker, MarkerFormat, Markers } from '@cutroom/contract'
import { neutralised, writeCsv } from '../../lib/csv.ts'

/** Columns of the CSV that can be imported again. */
export const COLUMNS = ['atMs', 'endMs', 'body', 'author'] as const

/** In one line, for programs whose markers have one. */
const oneLine = (text: string): string => text.replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()

/** With a byte order mark, without which Excel takes UTF-8 for something else. */
const csv = ({ markers }: Markers): string =>
  `\uFEFF${writeCsv([
    COLUMNS,
    ...markers.map(({ atMs, endMs, body, author }) => [`${atMs}`, `${endMs ?? ''}`, neutralised(body), neutralised(author.name)]),
  ])}`

/** Seconds, as Audacity writes them. */
const seconds = (ms: number): string => (ms / 1_000).toFixed(6)

const audacity = ({ markers }: Markers): string =>
  markers.map(({ atMs, endMs, body }) => `${seconds(atMs)}\t${seconds(endMs ?? atMs)}\t${oneLine(body)}\n`).join('')

/** h:mm:ss.mmm */
function clock(ms: number): string {
  const two = (n: number) => `${Math.floor(n) % 60}`.padStart(2, '0')
  return `${Math.floor(ms / 3_600_000)}:${two(ms / 60_000)}:${two(ms / 1_000)}.${`${ms % 1_000}`.padStart(3, '0')}`
}

const isRegion = ({ atMs, endMs }: Marker): boolean => endMs !== null && endMs > atMs

/** Moments are markers, M1, M2, …, ranges are regions, R1, R2, …; without a byte order mark, which REAPER does not take. */
function reaper({ markers }: Markers): string {
  const counts = { M: 0, R: 0 }
  const rows = markers.map((marker) => {
    const { atMs, endMs, body } = marker
    const kind = isRegion(marker) ? 'R' : 'M'
    const [end, length] = kind === 'R' && endMs !== null ? [clock(endMs), clock(endMs - atMs)] : ['', '']
    return [`${kind}${++counts[kind]}`, neutralised(oneLine(body)), clock(atMs), end, length]
  })
  return writeCsv([['#', 'Name', 'Start', 'End', 'Length'], ...rows])
}

/** How markers are written, with the media type and the ending of a file. */
export const formats: Record<MarkerFormat, { type: string; ending: string; write: (markers: Markers) => string }> = {
  json: { type: 'application/json; charset=utf-8', ending: 'json', write: (markers) => JSON.stringify(markers) },
  csv: { type: 'text/csv; charset=utf-8', ending: 'csv', write: csv },
  audacity: { type: 'text/plain; charset=utf-8', ending: 'txt', write: audacity },
  reaper: { type: 'text/csv; charset=utf-8', ending: 'csv', write: reaper },
}
