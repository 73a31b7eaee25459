import { type CollectionName, collections, projectRoom, type Snapshot } from '@cutroom/contract'
import { z } from 'zod'
import { type Database, Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Log } from '../../rooms/log/log.ts'
import { projectReading } from '../projects/serialize.ts'
import { type Noun, SNAPSHOT_ROWS } from '../shared/noun.ts'
import { columnsOf } from '../shared/paging.ts'
import { PAGE_BYTES, readPart } from '../shared/reading.ts'
import { type Part, partsOf } from './parts.ts'

/** What stands around the rows of a page, bytes. */
const ENVELOPE_BYTES = 2_000

type Page = Pick<Snapshot, CollectionName>
const emptyPage = () => Object.fromEntries(Object.keys(collections).map((name) => [name, []])) as unknown as Page

/** Where a page ended. */
const Cursor = z.object({
  projectId: z.uuid(),
  epoch: z.string(),
  seq: z.number().int().min(0),
  comments: z.union([z.enum(['all', 'none']), z.uuid()]),
  /** How many parts are done, and where in the next one the page ended. */
  part: z.number().int().min(0).max(10),
  after: z.uuid().nullable(),
})
type Cursor = z.output<typeof Cursor>

interface Asked {
  cursor?: string | undefined
  comments?: string | undefined
}

const write = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

/** @throws problem validation for a cursor of another project, or of other comments */
function read(projectId: string, { cursor, comments }: Asked): Cursor | null {
  if (cursor === undefined) return null
  try {
    const place = Cursor.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()))
    if (place.projectId === projectId && (comments ?? place.comments) === place.comments) return place
  } catch {
    // Not one of ours.
  }
  const detail = 'use nextCursor as it came, with the same path and comments'
  throw problem('validation', 'The cursor is not of this snapshot', {
    errors: [{ pointer: '/query/cursor', code: 'custom', detail }],
  })
}

/** Fills a page, part after part, and returns where it ended; null after the last row. */
async function fill(query: Query, parts: Part[], place: Cursor, page: Page, bytes: number): Promise<Cursor | null> {
  let left = bytes
  for (let at = place.part, after = place.after; at < parts.length; at++, after = null) {
    const part = parts[at] as Part
    const empty = left === bytes
    const { rows, items, more } = await readPart(query, part.reading, {
      rows: part.rows(after),
      order: columnsOf(part.order),
      limit: SNAPSHOT_ROWS,
      bytes: left,
      least: empty ? 1 : 0,
    })
    page[part.name].push(...(items as never[]))
    for (const item of items) left -= Buffer.byteLength(JSON.stringify(item)) + 1
    const last = rows.at(-1)
    if (more) return { ...place, part: at, after: last ? String(last[part.order.id]) : after }
  }
  return null
}

/**
 * One page of a project. The first one fixes the position; each is read at one position of its own, which `head` names, and holds no
 * connection until the next is asked for. Rows are taken by id, which no change moves: none is left out, none comes twice.
 */
export async function readSnapshot(
  { log, begin, nouns }: { log: Log; begin: Database['begin']; nouns: readonly Noun[] },
  projectId: string,
  asked: Asked,
): Promise<Snapshot> {
  const before = read(projectId, asked)
  const { query, send, rollback, commit } = await begin()
  try {
    send(Prisma.sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY`)
    const at = await log.positionIn(query, projectRoom(projectId))
    if (!at) throw problem('not-found')
    if (before && (before.epoch !== at.epoch || before.seq < at.floor || before.seq > at.head))
      throw problem('gone', 'The log was cut or exchanged since the first page; begin anew')
    const own = {
      rows: Prisma.sql`"Project" t WHERE t.id = ${projectId}::uuid AND t."deletedAt" IS NULL`,
      order: Prisma.sql`t.id`,
      limit: 1,
      bytes: PAGE_BYTES,
    }
    const [project] = (await readPart(query, projectReading, own)).items
    if (!project) throw problem('not-found')
    const page = emptyPage()
    const { epoch, head } = at
    const first = { projectId, epoch, seq: head, comments: (asked.comments ?? 'all') as Cursor['comments'], part: 0, after: null }
    const place = before ?? first
    const bytes = PAGE_BYTES - ENVELOPE_BYTES - Buffer.byteLength(JSON.stringify(project))
    const next = await fill(query, partsOf(nouns, { projectId, comments: place.comments }), place, page, bytes)
    await commit()
    return { epoch, seq: place.seq, head, project, ...page, nextCursor: next && write(next) }
  } catch (error) {
    throw await rollback(error)
  }
}
