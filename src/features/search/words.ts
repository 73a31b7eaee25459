import { MAX_EXCERPT, MAX_MARKS, MAX_WORDS } from '@cutroom/contract'
import { plain } from '../shared/texts.ts'

/** Of a text that is indexed, UTF-16 units: what is behind them is not found. */
export const MAX_TEXT = 50_000
/** Of a word, characters: what is behind them does not tell words apart. */
const MAX_WORD = 60
/** Of what stands before the first mark of an excerpt. */
const BEFORE = 60

/** Letters, digits and what is set above and below them. All else separates words. */
const WORD = /[\p{L}\p{N}\p{M}]+/gu
/** Accents, and the points of Hebrew and Arabic. Marks of other scripts are vowels, and stay. */
const ACCENTS = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]/g
/** Letters that Unicode does not take apart, as people without them on their keyboard write them. */
const LETTERS: Record<string, string> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i', ħ: 'h', ŧ: 't', ĸ: 'k', ŋ: 'n' },
}
const SPECIAL = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'g')
/** One form for all ways to write a word: small letters without accents. The index, queries and marks use it alike. */
export function fold(word: string): string {
  const folded = word
    .toLowerCase()
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .toLowerCase()
    .replace(SPECIAL, (letter) => LETTERS[letter] ?? letter)
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, '')
  return folded.length <= MAX_WORD ? folded : [...folded].slice(0, MAX_WORD).join('')
}

/** A word of a text, and where it stands. */
export interface Token {
  word: string
  from: number
  to: number
}

/** The words of a text, folded, in order. */
export function* tokensOf(text: string): Generator<Token> {
  for (const match of text.matchAll(WORD)) {
    const word = fold(match[0])
    if (word !== '') yield { word, from: match.index, to: match.index + match[0].length }
  }
}

/** The words of a text as Postgres reads them: nothing but letters, digits and spaces. */
export const folded = (text: string): string =>
  Array.from(tokensOf(plain(text).slice(0, MAX_TEXT).toWellFormed()), ({ word }) => word).join(' ')

/** The words of a query, the first MAX_WORDS of them, once each but for the last one, which is the beginning of a word. */
export function queryWords(q: string): string[] {
  const words = Array.from(tokensOf(q), ({ word }) => word).slice(0, MAX_WORDS)
  return words.filter((word, n) => n === words.length - 1 || words.indexOf(word) === n)
}

/** Alternatives for each word of a query, all of which have to be found; `prefix`: as the beginning of a word. */
export type Terms = readonly (readonly { word: string; prefix: boolean }[])[]

export const termsOf = (words: readonly string[]): Terms => words.map((word, n) => [{ word, prefix: n === words.length - 1 }])

/** The text of a tsquery. Words are letters and digits, so that nothing in them can be an operator or end the quotes. */
export function tsqueryOf(terms: Terms, between: '&' | '|' = '&'): string {
  const each = (alternatives: Terms[number]) =>
    alternatives.map(({ word, prefix }) => `'${word}'${prefix ? ':*' : ''}`).join(' | ')
  return terms.map((alternatives) => `(${each(alternatives)})`).join(` ${between} `)
}

export type Range = [from: number, to: number]

/** The words of a text that were found. */
export function marksOf(text: string, isFound: (word: string) => boolean): Range[] {
  const marks: Range[] = []
  for (const { word, from, to } of tokensOf(text)) {
    if (!isFound(word)) continue
    marks.push([from, to])
    if (marks.length === MAX_MARKS) break
  }
  return marks
}

/** Part of a text in one line, around the first word that was found, with its marks; else its beginning. */
export function excerptOf(text: string, isFound: (word: string) => boolean): { text: string; ranges: Range[] } {
  const line = text.replace(/\s/g, ' ')
  const first = marksOf(line, isFound)[0]?.[0] ?? 0
  let from = 0
  if (line.length > MAX_EXCERPT && first > BEFORE) {
    from = Math.min(first - BEFORE, line.length - MAX_EXCERPT)
    // It begins with a whole word where there is one.
    const space = line.indexOf(' ', from)
    if (space >= 0 && space < first) from = space + 1
  }
  // No half of a character at either end.
  const part = line.slice(from, from + MAX_EXCERPT).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '')
  return { text: part, ranges: marksOf(part, isFound) }
}
