import type { Lyrics } from '@cutroom/client'
import { mediaTime, readMediaTime } from './time.ts'

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
  /** What the editing began with: the third side of a merge. */
  begun: { lines: readonly Line[]; version: number }
}

const keyOf = (cutId: string): string => `cutroom lyrics ${cutId}`

/** What was written and not saved, also before a reload. */
export function keptDraft(cutId: string): Draft | null {
  const kept = sessionStorage.getItem(keyOf(cutId))
  return kept === null ? null : (JSON.parse(kept) as Draft)
}
export function keepDraft(cutId: string, draft: Draft | null): void {
  if (draft === null) sessionStorage.removeItem(keyOf(cutId))
  else sessionStorage.setItem(keyOf(cutId), JSON.stringify(draft))
}
