import { MAX_MENTIONED } from '@cutroom/contract'
import { plain, shortened } from '../shared/texts.ts'

/** `@[name](userId)`: a name has no bracket in it. */
const MENTION = /@\[([^\][\n]{1,200})\]\(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)/gi
/** Of what was written, in UTF-16 units. */
const EXCERPT = 200

/** The people that a text names, each once, in its order: those that one text may notify. */
export function mentionedIn(text: string): string[] {
  const ids = new Set<string>()
  for (const [, , id] of text.matchAll(MENTION)) {
    if (ids.size === MAX_MENTIONED) break
    if (id !== undefined) ids.add(id.toLowerCase())
  }
  return [...ids]
}

/** The beginning of a text as it is read, for a notification. */
export const beginningOf = (text: string): string => shortened(plain(text), EXCERPT)
