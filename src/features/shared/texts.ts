/** A mention or a link to a thing, as it is written: what is read of it is the name. */
const LINK = /(@?)\[([^[\]\n]{1,200})\]\((?:[a-z]{1,20}:)?[0-9a-fA-F-]{36}\)/g

/** A text as it is read: names in place of the links that carry them. */
export const plain = (text: string): string => text.replace(LINK, '$1$2')

/** A text of so many UTF-16 units at most, and no half of a character at its end. */
export const shortened = (text: string, longest: number): string =>
  text.length > longest ? `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '')}…` : text

/** What people call a comment in a feed. */
export const excerpt = (text: string): string => shortened(plain(text), 80)
