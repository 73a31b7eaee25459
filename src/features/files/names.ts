import { isVisible } from '@cutroom/contract'

/** UTF-16 units of a name, and of an ending that is kept where a name is cut. */
const LONGEST = 255
const LONGEST_ENDING = 20

/** Controls, lines, and characters that turn the direction of text or are not seen; joiners stay, which letters need. */
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Cuts a name in front of its ending, never within a character. */
function shorten(name: string): string {
  if (name.length <= LONGEST) return name
  const dot = name.lastIndexOf('.')
  const ending = dot > 0 && name.length - dot <= LONGEST_ENDING ? name.slice(dot) : ''
  return (
    name
      .slice(0, LONGEST - ending.length)
      .toWellFormed()
      .replace(/\ufffd$/, '') + ending
  )
}

/**
 * The name of a file as people see it, from what a client said: the last part of a path, in one line, without what would deceive. It is
 * shown and given to those who save the file, and never names anything here.
 */
export function displayName(given: string): string {
  const last =
    given
      .toWellFormed()
      .split(/[/\\]/)
      .findLast((part) => part.trim() !== '') ?? ''
  const clean = shorten(last.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim().normalize('NFC'))
  return isVisible(clean) && !/^\.+$/.test(clean) ? clean : 'file'
}
