import { type Line, LineError, type LineType, lineTypes, parseLine, readLines } from './lines.ts'

/** A file of an export whose content is to be stored. */
export interface MovedFile {
  id: string
  line: number
  kind: string
  type: string
  size: number
  sha256: string
}

/** What a file of lines holds, when all of it can be used. */
export interface Checked {
  projectId: string
  name: string
  /** Of the project's row, by which it is known again. */
  createdAt: string
  authorId: string
  head: number
  floor: number
  /** Id of the event at the head; null where there is none. */
  lastEventId: string | null
  files: MovedFile[]
  counts: Map<LineType, number>
}

export interface Complaint {
  line: number
  message: string
}

/** Complaints that are kept; further ones are counted. */
export const MAX_COMPLAINTS = 100

/** References by column, to the rows of which they must be; a row of another project is none of them. */
const references: Record<string, 'person' | 'task' | 'vibe' | 'cut' | 'file' | 'comment'> = {
  userId: 'person',
  authorId: 'person',
  assigneeId: 'person',
  resolvedById: 'person',
  approvedById: 'person',
  vibeId: 'vibe',
  cutId: 'cut',
  taskId: 'task',
  parentId: 'comment',
}

/** What of the lines before is needed to judge the next: ids that others may name, and where the log is. */
class Context {
  readonly ids = new Map<string, Set<string>>(
    ['person', 'task', 'vibe', 'cut', 'file', 'comment'].map((type) => [type, new Set()]),
  )
  readonly counts = new Map<LineType, number>()
  readonly files: MovedFile[] = []
  project: Record<string, unknown> | null = null
  room = { head: 0, floor: 0 }
  seq = 0
  lastEventId: string | null = null
  reached: LineType = 'header'
  /** A line could not be used: what others say of it, or of its place, is not complained of as well. */
  isPartial = false

  #assertOrder({ number, type }: Line): void {
    if (number === 1) return
    const [before, now] = [lineTypes.indexOf(this.reached), lineTypes.indexOf(type)]
    const isSingle = type === 'room' || type === 'project' || type === 'end'
    if (now < before || (isSingle && now === before)) throw new LineError(number, `/line: ${type} must not stand here`)
    for (const needed of ['room', 'project'] as const)
      if (now > lineTypes.indexOf(needed) && !this.counts.has(needed) && type !== 'person' && !this.isPartial)
        throw new LineError(number, `/line: ${type} stands before ${needed}`)
    this.reached = type
  }

  #assertReferences({ number, type, row }: Line): void {
    const isJudged = type !== 'project' && (this.project !== null || !this.isPartial)
    if (isJudged && 'projectId' in row && row.projectId !== this.project?.id)
      throw new LineError(number, '/projectId: is another project')
    if (type === 'event' || this.isPartial) return
    for (const [column, value] of Object.entries(row)) {
      const of = column === 'fileId' && (type === 'share' || type === 'rendition') ? 'file' : references[column]
      if (of === undefined || value === null || typeof value !== 'string') continue
      if (!this.ids.get(of)?.has(value)) throw new LineError(number, `/${column}: there is no such ${of} in this export`)
    }
  }

  #assertEvent({ number, row }: Line): void {
    const expected = this.seq + 1
    this.seq = row.seq as number
    this.lastEventId = row.id as string
    if (!this.isPartial && (this.seq !== expected || this.seq > this.room.head))
      throw new LineError(number, `/seq: is ${this.seq}, where ${expected} of ${this.room.head} was expected`)
  }

  add(line: Line): void {
    const { number, type, row } = line
    this.#assertOrder(line)
    this.#assertReferences(line)
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1)
    const known = this.ids.get(type)
    if (known?.has(row.id as string)) throw new LineError(number, '/id: stands in a line before')
    known?.add(row.id as string)
    if (type === 'project') this.project = row
    if (type === 'event') this.#assertEvent(line)
    if (type === 'room') {
      this.room = row as typeof this.room
      this.seq = this.room.floor
    }
    if (type === 'file') {
      const { id, kind, type: media, size, sha256 } = row as unknown as Omit<MovedFile, 'line'>
      this.files.push({ id, kind, type: media, size, sha256, line: number })
    }
    if (type === 'end' && row.lines !== number) throw new LineError(number, `/lines: is ${row.lines}, where ${number} stand`)
  }

  /** @throws LineError where something is missing */
  assertWhole(number: number): void {
    if (this.reached !== 'end') throw new LineError(number, 'is the last one, and no end: the file is not whole')
    if (this.seq !== this.room.head)
      throw new LineError(number, `the log ends at ${this.seq}, where ${this.room.head} is its head`)
  }
}

/**
 * Reads a whole file of lines without changing anything.
 * @returns what it holds, or what is wrong with it
 */
export async function checkLines(
  path: string,
  onBytes?: (bytes: number) => void,
): Promise<{ checked: Checked } | { complaints: Complaint[]; further: number }> {
  const context = new Context()
  const complaints: Complaint[] = []
  let [further, last] = [0, 0]
  const complain = (error: unknown) => {
    if (!(error instanceof LineError)) throw error
    if (complaints.length < MAX_COMPLAINTS) complaints.push({ line: error.number, message: error.message })
    else further++
  }
  try {
    for await (const [number, text] of readLines(path, onBytes)) {
      last = number
      try {
        context.add(parseLine(number, text))
      } catch (error) {
        complain(error)
        context.isPartial = true
        // Of what is no export nothing else can be said.
        if (number === 1) return { complaints, further }
      }
    }
    if (complaints.length === 0) context.assertWhole(last)
  } catch (error) {
    complain(error)
  }
  const { project, room, lastEventId, files, counts } = context
  if (complaints.length > 0 || !project) return { complaints, further }
  const { id, name, createdAt, authorId } = project as Record<string, string>
  const found = { projectId: `${id}`, name: `${name}`, createdAt: `${createdAt}`, authorId: `${authorId}` }
  return { checked: { ...found, ...room, lastEventId, files, counts } }
}
