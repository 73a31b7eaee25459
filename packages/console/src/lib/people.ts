import type { Role } from '@cutroom/client'

const RANK: readonly Role[] = ['viewer', 'commenter', 'editor', 'owner']
export const ROLES = RANK

/** Has a person of this role the rights of that one? */
export const isAtLeast = (role: Role | undefined, least: Role): boolean =>
  role !== undefined && RANK.indexOf(role) >= RANK.indexOf(least)

/** A colour that stays with a person, 0 to 359. */
export function hueOf(id: string): number {
  // the end of a UUIDv7 is random, its beginning is the time
  return Number.parseInt(id.slice(-6), 16) % 360
}

const segments = new Intl.Segmenter()
/** What stands for a name in a small circle. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter(Boolean)
  const first = (word = '') => [...segments.segment(word)][0]?.segment ?? ''
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : '')).toUpperCase()
}
