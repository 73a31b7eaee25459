import type { Lyrics, Mutation, Room } from '@cutroom/client'
import { texts } from '../texts.ts'
import { saveLyrics, theirsOf } from './edits.ts'
import { merge, type Part } from './merge.ts'
import { announce } from './say.ts'
import { mediaTime, readMediaTime } from './time.ts'
import { keepUnsent, unsent } from './unsent.ts'

export type Line = Lyrics['lyrics'][number]

export const sameLine = (a: Line, b: Line): boolean => a.atMs === b.atMs && a.text === b.text

/** A time that is shown only as far as it was written: 1:02.500. */
const exactTime = (ms: number): string => mediaTime(ms) + (ms % 1000 === 0 ? '' : `.${String(ms % 1000).padStart(3, '0')}`)

/** Lyrics as one text: `[1:02] a line`. */
export const textOf = (lines: readonly Line[]): string =>
  lines.map(({ atMs, text }) => (atMs === null ? text : `[${exactTime(atMs)}] ${text}`)).join('\n')

/** The lines of that text. What is no time in brackets is text. */
export function linesOf(text: string): Line[] {
  if (text === '') return []
  return text.split(/\r\n|\r|\n/).map((line) => {
    const found = /^\[([\d:.]+)\] ?(.*)$/.exec(line)
    const atMs = found ? readMediaTime(found[1] ?? '') : null
    return found && typeof atMs === 'number' ? { atMs, text: found[2] ?? '' } : { atMs: null, text: line }
  })
}

export interface Draft {
  text: string
  /** What the server had when the editing began: the third side of a merge. */
  begun: { lines: readonly Line[]; version: number }
  /** The lines that the text began with, where a save of them was not confirmed. */
  over?: readonly Line[]
}

const draftKey = (cutId: string): string => `lyrics ${cutId}`
const sentKey = (cutId: string): string => `lyrics sent ${cutId}`

function kept<T>(key: string): T | null {
  const text = unsent(key)
  return text === null ? null : (JSON.parse(text) as T)
}
const keep = (key: string, value: unknown): void => keepUnsent(key, value === null ? null : JSON.stringify(value))

/** What was written and not saved, also before a reload. */
export const keptDraft = (cutId: string): Draft | null => kept(draftKey(cutId))
export const keepDraft = (cutId: string, draft: Draft | null): void => keep(draftKey(cutId), draft)

/** Saves lyrics. What they began with is kept until they are confirmed, for the merge where another person was faster. */
export async function sendLyrics(room: Room, cutId: string, lines: readonly Line[], begun: Draft['begun']): Promise<void> {
  const { answered } = await saveLyrics(room, cutId, [...lines], begun.version)
  keep(sentKey(cutId), begun.lines)
  answered.then(
    () => {
      keep(sentKey(cutId), null)
      announce(texts.saved)
    },
    // refused ones stay as a mutation
    () => {},
  )
}

/** What a save that is not confirmed began with. */
const begunOf = (cutId: string, { args }: Mutation): Draft['begun'] => ({
  lines: kept<readonly Line[]>(sentKey(cutId)) ?? [],
  version: args.ifMatch ?? 0,
})

/** @param mutation the save that these lines are drawn by: it may still be refused, so that they are no version to compare with */
export function newDraft(cutId: string, lines: readonly Line[], version: number, mutation: Mutation | undefined): Draft {
  const text = textOf(lines)
  return mutation ? { text, begun: begunOf(cutId, mutation), over: lines } : { text, begun: { lines, version } }
}

/** A draft as it goes on: lines that it was begun over are its base once the server has them. The same one where nothing changes. */
export function goOn(draft: Draft | null, confirmed: Lyrics | null): Draft | null {
  if (!draft?.over || !confirmed || textOf(draft.over) !== textOf(confirmed.lyrics)) return draft
  return { text: draft.text, begun: { lines: confirmed.lyrics, version: confirmed.version } }
}

/** What is to be merged. */
export interface LyricsConflict {
  parts: readonly Part<Line>[]
  mine: Draft
  theirs: Draft['begun']
}

/** The merge of lyrics that were refused since another person was faster; null: there is none to make. */
export function conflictOf(cutId: string, mutation: Mutation | undefined): LyricsConflict | null {
  const theirs = theirsOf<Lyrics>(mutation)
  if (!theirs || !mutation) return null
  const mine = (mutation.args.body as Pick<Lyrics, 'lyrics'>).lyrics
  const begun = begunOf(cutId, mutation)
  return {
    parts: merge(begun.lines, mine, theirs.lyrics, sameLine),
    mine: { text: textOf(mine), begun },
    theirs: { lines: theirs.lyrics, version: theirs.version },
  }
}
