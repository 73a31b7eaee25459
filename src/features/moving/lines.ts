import { createReadStream } from 'node:fs'
import { isBounded } from '@cutroom/contract'
import split from 'split2'
import * as z from 'zod'
import { type MovedType, movedTables, PersonRow, RoomRow } from './tables.ts'

/** The version of the format that this program writes, and the only one that it reads. */
export const FORMAT = 1
const NAME = 'cutroom-project'

/** UTF-16 units of a line: the longest that is written, lyrics of a million control characters, six units each in JSON, has three quarters of it. */
export const MAX_LINE = 8 * 1024 * 1024
/** Bytes that are read at a time: what is there of a line is searched again with each. */
const CHUNK = 1024 * 1024
/** Levels and values of one line. */
const [LEVELS, VALUES] = [64, 200_000]

/** The first line: what this is, from where and when. The only one that differs between two exports of the same project. */
export const Header = z.strictObject({
  line: z.literal('header'),
  format: z.literal(NAME),
  version: z.literal(FORMAT),
  cutroom: z.string().max(50),
  exportedAt: z.iso.datetime(),
  /** Names the history of the database from which it comes. */
  epoch: z.string().max(100),
})
export const header = (cutroom: string, epoch: string, at: Date): z.output<typeof Header> => ({
  line: 'header',
  format: NAME,
  version: FORMAT,
  cutroom,
  exportedAt: at.toISOString(),
  epoch,
})

/** What stands before the rows of the project, and behind them. */
const others = { header: z.unknown(), room: RoomRow, person: PersonRow, end: z.strictObject({ lines: z.int().min(1) }) }
export type LineType = keyof typeof others | MovedType
/** Types in the order of their lines. */
export const lineTypes: readonly LineType[] = ['header', 'room', 'person', ...(Object.keys(movedTables) as MovedType[]), 'end']

export interface Line {
  number: number
  type: LineType
  row: Record<string, unknown>
}

/** A line that cannot be used. */
export class LineError extends Error {
  readonly number: number

  constructor(number: number, message: string) {
    super(message)
    this.number = number
  }
}

const pathOf = (path: readonly PropertyKey[]): string => (path.length > 0 ? `/${path.map(String).join('/')}: ` : '')

/** What Postgres cannot keep: NUL, and halves of characters. Both can stand in JSON as escapes alone. */
const isPlain = (text: string, value: unknown): boolean =>
  !text.includes('\\u') || !/(?<!\\)(\\\\)*\\u(0000|d[89a-f])/.test(JSON.stringify(value))

function readHeader(number: number, value: Record<string, unknown>): Line {
  if (value.line !== 'header' || value.format !== NAME) throw new LineError(number, 'this is no export of a Cutroom project')
  if (typeof value.version === 'number' && value.version > FORMAT)
    throw new LineError(number, `the format has version ${value.version}, this program reads ${FORMAT}: use a newer one`)
  const parsed = Header.safeParse(value)
  const [issue] = parsed.error?.issues ?? []
  if (issue) throw new LineError(number, `${pathOf(issue.path)}${issue.message}`)
  return { number, type: 'header', row: value }
}

/** Reads one line. @throws LineError */
export function parseLine(number: number, text: string): Line {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new LineError(number, 'is no JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !isBounded(value, LEVELS, VALUES))
    throw new LineError(number, 'is no object, or one of too many values')
  if (!isPlain(text, value)) throw new LineError(number, 'has text with NUL, or with half a character')
  const { line: type, ...row } = value as Record<string, unknown>
  if (number === 1) return readHeader(number, value as Record<string, unknown>)
  if (typeof type !== 'string' || !lineTypes.includes(type as LineType) || type === 'header')
    throw new LineError(number, `/line: is none of ${lineTypes.slice(1).join(', ')}`)
  const known = type as Exclude<LineType, 'header'>
  const schema = known in movedTables ? movedTables[known as MovedType].row : others[known as keyof typeof others]
  const parsed = schema.safeParse(row)
  const [issue] = parsed.error?.issues ?? []
  if (issue) throw new LineError(number, `${pathOf(issue.path)}${issue.message}`)
  return { number, type: known, row: parsed.data as Record<string, unknown> }
}

/**
 * The lines of a file, one after another; never more than a line and a chunk are in memory.
 * @param onBytes told how many bytes were read
 * @throws LineError for a line that is too long; what the disk fails with
 */
export async function* readLines(path: string, onBytes: (bytes: number) => void = () => {}): AsyncGenerator<[number, string]> {
  const source = createReadStream(path, { highWaterMark: CHUNK })
  const lines = split({ maxLength: MAX_LINE })
  source.on('data', (chunk) => onBytes(chunk.length))
  source.on('error', (error) => lines.destroy(error))
  let number = 0
  try {
    for await (const line of source.pipe(lines)) yield [++number, line as string]
  } catch (error) {
    if ((error as Error).message !== 'maximum buffer reached') throw error
    throw new LineError(number + 1, `has more than ${MAX_LINE} characters`)
  } finally {
    source.destroy()
  }
}
