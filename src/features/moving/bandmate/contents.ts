import { isVisible, type Lyrics } from '@cutroom/contract'
import * as z from 'zod'
import type { Rows } from '../../../db/client.ts'
import { presentComment } from '../../comments/serialize.ts'
import { presentLyrics } from '../../cuts/serialize.ts'
import { displayName } from '../../files/names.ts'
import type { Outcome } from '../../files/processing.ts'
import { presentFile } from '../../files/serialize.ts'
import { isProcessed } from '../../files/writes.ts'
import { presentPerson } from '../../shared/serialize.ts'
import { accountOf, type Converting } from './project.ts'
import type { Content } from './recordings.ts'
import type { BandMateRow } from './source.ts'
import { commentIdFrom, idFrom, later, lineFrom, millisecondsFrom, textFrom } from './values.ts'

/** A file, and its content. */
export interface ConvertedFile {
  row: Rows['File']
  content: Content
}

const foundIn = (outcome: Outcome | null) => {
  if (outcome === null) return { status: 'ready' as const, failure: null, audio: null, image: null }
  if (!outcome.ok) return { status: 'failed' as const, failure: outcome.reason, audio: null, image: null }
  const found = 'audio' in outcome ? { audio: outcome.audio, image: null } : { audio: null, image: outcome.image }
  return { status: 'ready' as const, failure: null, ...found }
}

/**
 * Files with their events: uploaded, and processed where they were. Recordings of a cut are its takes, the oldest 1.
 * @returns by the ids that they had
 */
export function convertFiles(converting: Converting, contents: ReadonlyMap<string, Content>): ReadonlyMap<string, ConvertedFile> {
  const { source, log, projectId, author, misfits } = converting
  const takes = new Map<string, number>()
  const converted = source.files.flatMap((file): [string, ConvertedFile][] => {
    const content = contents.get(file.id)
    if (!content) return []
    const by = accountOf(converting, file.uploadedById) ?? author
    const say = (message: string) => misfits.push({ what: `file ${file.id} “${file.name ?? file.originalName}”`, message })
    if (!converting.people.accounts.has(file.uploadedById)) say(`its uploader is unknown: it comes in the name of ${by.name}`)
    const take = content.kind === 'audio' ? (takes.get(file.cutId) ?? 0) + 1 : null
    if (take !== null) takes.set(file.cutId, take)
    const processes = isProcessed(content.kind)
    const row: Rows['File'] = {
      id: idFrom(file.id),
      projectId,
      cutId: idFrom(file.cutId),
      kind: content.kind,
      take,
      name: displayName(file.name ?? file.originalName),
      type: content.type,
      size: BigInt(content.size),
      sha256: content.sha256,
      objectKey: '',
      ...foundIn(content.outcome),
      authorId: by.id,
      version: processes ? 2 : 1,
      createdAt: file.createdAt,
      updatedAt: later(file.createdAt, file.updatedAt),
    }
    if (file.isPublic) say('its public link ends: make a new one')
    const shown = presentFile({ ...row, author: presentPerson(by) })
    const first = processes
      ? { ...shown, status: 'processing' as const, failure: null, audio: null, image: null, version: 1 }
      : shown
    log.add(file.createdAt, 'file:uploaded', first, by)
    if (processes) log.add(file.createdAt, row.failure === null ? 'file:processed' : 'file:failed', shown, null)
    return [[file.id, { row, content }]]
  })
  return new Map(converted)
}

const BandMateLyrics = z.array(
  z.object({
    audioFileId: z.string().optional(),
    managedFileId: z.string().optional(),
    lines: z.array(z.object({ timestamp: z.number().nullish(), text: z.string() })),
  }),
)
const [LINES, LINE_LENGTH] = [1_000, 1_000]

/** @param files those that came: lyrics of a take that did not are those of none */
function linesOf({ misfits }: Converting, cut: BandMateRow<'Cut'>, files: ReadonlyMap<string, ConvertedFile>): Lyrics['lyrics'] {
  const leave = (message: string) => misfits.push({ what: `lyrics of cut ${cut.id} “${cut.name}”`, message })
  if (cut.lyrics === null) return []
  const parsed = BandMateLyrics.safeParse(parseJson(cut.lyrics))
  if (!parsed.success) {
    leave('are not as BandMate writes them; they are left out')
    return []
  }
  const written = parsed.data.filter(({ lines }) => lines.length > 0)
  const [first] = written
  if (!first) return []
  if (written.length > 1) leave('are of several takes: those of the newest that has lyrics are kept')
  type Written = (typeof written)[number]
  const takeOf = ({ managedFileId, audioFileId }: Written) => files.get(managedFileId ?? audioFileId ?? '')?.row.take ?? 0
  const { lines } = written.reduce((newest, each) => (takeOf(each) >= takeOf(newest) ? each : newest), first)
  if (lines.length > LINES || lines.some(({ text }) => text.length > LINE_LENGTH))
    leave(`have more than ${LINES} lines, or than ${LINE_LENGTH} letters in one: the rest is cut off`)
  return lines
    .slice(0, LINES)
    .map(({ timestamp, text }) => ({ atMs: millisecondsFrom(timestamp ?? null), text: textFrom(text, LINE_LENGTH) }))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Lyrics of every cut; one has those of its newest recording with lyrics. */
export function lyricsRows(converting: Converting, files: ReadonlyMap<string, ConvertedFile>): Rows['Lyrics'][] {
  const { source, log, projectId, author } = converting
  return source.cuts.map((cut) => {
    const lines = linesOf(converting, cut, files)
    const isWritten = lines.length > 0
    const updatedAt = isWritten ? later(cut.createdAt, cut.updatedAt) : cut.createdAt
    const row = { cutId: idFrom(cut.id), projectId, lines, version: isWritten ? 1 : 0, updatedAt }
    const by = accountOf(converting, source.authors.of('lyrics_updated', { id: cut.id, at: updatedAt })) ?? author
    if (isWritten) log.add(updatedAt, 'lyrics:updated', presentLyrics(row), by, lineFrom(cut.name, 200, 'Untitled'))
    return row
  })
}

/** An edit comes at least so long after what it changes, ms. */
const EDITED_MS = 1_000
/** As people may write it here: what is longer, they could not edit. */
const LONGEST = 10_000

/** Comments, and after them replies, which stand below the first comment of their thread however deep they stood there. */
export function commentRows(converting: Converting, files: ReadonlyMap<string, ConvertedFile>): Rows['Comment'][] {
  const { source, log, projectId, misfits } = converting
  const given = new Map(source.comments.map((comment) => [comment.id, comment]))
  const kept = new Map<string, Rows['Comment']>()
  /** The first comment of its thread; undefined where the way there is broken or ends nowhere. */
  const rootOf = (comment: BandMateRow<'Comment'>): BandMateRow<'Comment'> | undefined => {
    const seen = new Set<string>()
    let at: BandMateRow<'Comment'> | undefined = comment
    while (at && at.parentId !== null && !seen.has(at.id)) {
      seen.add(at.id)
      at = given.get(at.parentId)
    }
    return at?.parentId === null ? at : undefined
  }
  const add = (comment: BandMateRow<'Comment'>, root: Rows['Comment'] | null): void => {
    const leave = (message: string) => misfits.push({ what: `comment ${comment.id}`, message })
    const by = accountOf(converting, comment.userId)
    if (!by) return void leave('its author is unknown; it is left out')
    const body = textFrom(comment.content, LONGEST)
    if (!isVisible(body)) return void leave('says nothing; it is left out')
    if (body.length < comment.content.length) leave(`has more than ${LONGEST} letters: the rest is cut off`)
    const isEdited = comment.updatedAt.getTime() - comment.createdAt.getTime() >= EDITED_MS
    const atMs = root ? null : millisecondsFrom(comment.timestamp)
    if (atMs === null && !root && comment.timestamp !== null) leave('its moment is none, and is left out')
    const file = files.get(comment.managedFileId)?.row
    const row: Rows['Comment'] = {
      id: commentIdFrom(comment.id, root ? later(root.createdAt, comment.createdAt) : comment.createdAt),
      projectId,
      cutId: root?.cutId ?? idFrom(comment.cutId),
      taskId: null,
      parentId: root?.id ?? null,
      authorId: by.id,
      body,
      atMs,
      endMs: null,
      fileId: !root && file?.kind === 'audio' ? file.id : null,
      carriedFrom: null,
      resolvedAt: null,
      resolvedById: null,
      editedAt: isEdited ? comment.updatedAt : null,
      version: 1,
      createdAt: comment.createdAt,
      updatedAt: later(comment.createdAt, comment.updatedAt),
    }
    kept.set(comment.id, row)
    const shown = presentComment({ ...row, author: presentPerson(by), resolvedBy: null })
    log.add(row.createdAt, root ? 'comment:reply' : 'comment:created', shown, by)
  }
  for (const comment of source.comments) if (comment.parentId === null) add(comment, null)
  for (const comment of source.comments) {
    if (comment.parentId === null) continue
    const root = kept.get(rootOf(comment)?.id ?? '')
    if (root) add(comment, root)
    else misfits.push({ what: `comment ${comment.id}`, message: 'what it replies to is not there; it is left out' })
  }
  return [...kept.values()]
}
