import { type Comment, MANY_COMMENTS, MarkerRow, type Person } from '@cutroom/contract'
import { problem } from '../../errors.ts'
import { CsvError, type CsvRow, readCsv, unneutralised } from '../../lib/csv.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { type CommentInput, createComment } from '../comments/writes.ts'
import { loadTake } from '../files/takes.ts'
import { COLUMNS } from './formats.ts'

type Column = (typeof COLUMNS)[number]
/** Mistakes that one answer names. */
const MOST_ERRORS = 20

/** A mistake in a row, as problems name it. */
const mistake = (row: number, code: string, detail: string) => ({ pointer: '/csv', code, detail: `row ${row}: ${detail}` })
type Mistake = ReturnType<typeof mistake>

const refusal = (errors: Mistake[]) => problem('validation', errors[0]?.detail, { errors: errors.slice(0, MOST_ERRORS) })

/** Where each column stands, by the names in the first row. @throws problem validation */
function columnsOf(header: CsvRow | undefined): Map<Column, number> {
  const names = header?.cells.map((name) => name.trim()) ?? []
  const unknown = names.find((name) => !COLUMNS.some((column) => column === name))
  if (unknown !== undefined) throw refusal([mistake(1, 'unknown', `there is no column ${JSON.stringify(unknown.slice(0, 100))}`)])
  if (new Set(names).size < names.length) throw refusal([mistake(1, 'repeated', 'a column is there twice')])
  const missing = COLUMNS.find((column) => column !== 'author' && !names.includes(column))
  if (missing !== undefined) throw refusal([mistake(1, 'missing', `the column ${missing} is missing`)])
  return new Map(names.map((name, at) => [name as Column, at]))
}

function rowsOf(csv: string): CsvRow[] {
  try {
    // The names of the columns, and one more than there may be.
    return readCsv(csv, MANY_COMMENTS + 2)
  } catch (error) {
    if (error instanceof CsvError) throw refusal([mistake(error.row, 'malformed', error.message)])
    throw error
  }
}

/**
 * The markers of a CSV.
 * @param durationMs of the take, if it is known
 * @throws problem validation, which names the rows
 */
export function readMarkers(csv: string, durationMs: number | null): Pick<CommentInput, 'body' | 'atMs' | 'endMs'>[] {
  const [header, ...rows] = rowsOf(csv)
  const columns = columnsOf(header)
  if (rows.length > MANY_COMMENTS)
    throw refusal([mistake(rows.at(-1)?.number ?? 0, 'too_big', `there are more than ${MANY_COMMENTS} markers`)])
  const errors: Mistake[] = []
  const found = rows.flatMap(({ number, cells }) => {
    if (cells.length !== columns.size) {
      errors.push(mistake(number, 'invalid_length', `has ${cells.length} cells, and there are ${columns.size} columns`))
      return []
    }
    const cell = (column: Column) => cells[columns.get(column) ?? -1] ?? ''
    const marker = MarkerRow.safeParse({
      atMs: cell('atMs').trim(),
      endMs: cell('endMs').trim(),
      body: unneutralised(cell('body')),
    })
    for (const { path, code, message } of marker.error?.issues ?? [])
      errors.push(mistake(number, code, [...path, message].join(': ')))
    if (!marker.success) return []
    if (Math.max(marker.data.atMs, marker.data.endMs ?? 0) <= (durationMs ?? Number.POSITIVE_INFINITY)) return [marker.data]
    errors.push(mistake(number, 'too_big', `is beyond the end of the recording, ${durationMs}`))
    return []
  })
  if (errors.length > 0) throw refusal(errors)
  return found
}

/**
 * Makes a comment at each marker of a CSV, all or none.
 * @throws problem not-found, conflict for a file that is no recording, validation
 */
export async function importMarkers(
  write: Write,
  projectId: string,
  me: Person,
  fileId: string,
  csv: string,
): Promise<Comment[]> {
  const { cutId, take, durationMs } = await loadTake(write.query, fileId)
  if (take === null) throw problem('conflict', 'Only a recording has markers')
  const made: Comment[] = []
  for (const marker of readMarkers(csv, durationMs))
    made.push(await createComment(write, projectId, me, { cutId }, { ...marker, fileId }))
  return made
}
