import type { Query } from '../../db/client.ts'
import type { Terms } from './words.ts'

/** Letters of a word that has near words. */
const [SHORTEST, LONGEST] = [4, 20]
/** Near words that one word has, and rows that are looked at for all words of a query. */
const MAX_NEAR = 5
const MAX_ROWS = 200

/** Whether a word is kept for those who write it wrongly. */
export const hasNear = (word: string): boolean => word.length >= SHORTEST && word.length <= LONGEST && /^\p{L}+$/u.test(word)

/** The word, and all that is left of it without one letter. Words that differ by a letter have one of them in common. */
export function variantsOf(word: string): string[] {
  const letters = [...word]
  return [
    ...new Set([
      word,
      ...letters.map((_, n) =>
        letters
          .slice(0, n)
          .concat(letters.slice(n + 1))
          .join(''),
      ),
    ]),
  ]
}

/** How many letters are to be added, left out, changed, or exchanged with the next one, to make one word of another. */
export function distance(a: string, b: string): number {
  const [from, to] = [[...a], [...b]]
  let before: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, n) => n)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1]
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[to.length] ?? 0
}

const NEAR = `SELECT word FROM "SearchWord" WHERE variants && $1::text[] LIMIT ${MAX_ROWS}`

/** The words of a query with their near words beside them; null where there are no near words. */
export async function withNear(query: Query, words: readonly string[]): Promise<Terms | null> {
  const wrong = words.filter(hasNear)
  if (wrong.length === 0) return null
  const rows = await query<{ word: string }>({ text: NEAR, values: [[...new Set(wrong.flatMap(variantsOf))]] })
  const nearOf = (word: string): string[] =>
    rows
      .map(({ word: other }) => ({ other, far: distance(word, other) }))
      .filter(({ far }) => far === 1)
      .map(({ other }) => other)
      .sort()
      .slice(0, MAX_NEAR)
  const terms = words.map((word, n) => [
    { word, prefix: n === words.length - 1 },
    ...(hasNear(word) ? nearOf(word).map((other) => ({ word: other, prefix: false })) : []),
  ])
  return terms.some((alternatives) => alternatives.length > 1) ? terms : null
}

/** Words that are known to be in the table; new ones of one text. */
const MAX_KNOWN = 50_000
const MAX_NEW = 300

const NOTE = `INSERT INTO "SearchWord" (word, variants) SELECT word, string_to_array(variants, ' ')
  FROM unnest($1::text[], $2::text[]) AS n(word, variants) ORDER BY word ON CONFLICT DO NOTHING`

export interface WordNotes {
  /** @param built when the index was built last; null while it is built */
  note(texts: readonly string[], built: string | null): Promise<void>
  forget(): Promise<void>
}

/** Keeps the words of all texts. */
export function createWordNotes(query: Query): WordNotes {
  const known = new Set<string>()
  let knownOf: string | null = null
  return {
    async note(texts, built) {
      // A build begins with none: of what was known before it, and of what another node builds, nothing is known here.
      if (built === null || built !== knownOf) known.clear()
      knownOf = built
      const fresh = new Set<string>()
      for (const text of texts) {
        let left = MAX_NEW
        for (const word of new Set(text.split(' '))) if (hasNear(word) && !known.has(word) && left-- > 0) fresh.add(word)
      }
      if (fresh.size === 0) return
      const words = [...fresh]
      await query({ text: NOTE, values: [words, words.map((word) => variantsOf(word).join(' '))] })
      if (known.size > MAX_KNOWN) known.clear()
      for (const word of words) known.add(word)
    },
    async forget() {
      known.clear()
      await query({ text: 'DELETE FROM "SearchWord"', values: [] })
    },
  }
}
