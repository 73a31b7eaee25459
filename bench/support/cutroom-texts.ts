import pg from 'pg'
import type { World } from './subject.ts'

/** Words of made-up texts: few of them are in most texts, most of them in few, as in those that people write. */
export interface Words {
  text(): string
  /** One that is in few texts, and one of the twenty commonest. */
  rare(): string
  common(): string
  /** The first three letters of one, and one with a letter too few. */
  beginning(): string
  typo(): string
}

const VOCABULARY = 30_000
const STARTS = ['b', 'br', 'c', 'd', 'dr', 'f', 'g', 'gl', 'h', 'k', 'l', 'm', 'n', 'p', 'r', 's', 'st', 't', 'v', 'w']
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ai', 'ea', 'oo']

/** The same words in each run. */
export function makeWords(): Words {
  let state = 7
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const oneOf = (all: readonly string[]): string => all[Math.floor(random() * all.length)] ?? ''
  const made = new Set<string>()
  while (made.size < VOCABULARY) {
    const syllables = made.size < 200 ? 1 + Math.floor(random() * 2) : 2 + Math.floor(random() * 3)
    made.add(Array.from({ length: syllables }, () => oneOf(STARTS) + oneOf(VOWELS)).join('') + oneOf(['', 'n', 's', 'r', 't']))
  }
  const words = [...made]
  const at = (n: number): string => words[Math.min(words.length - 1, Math.floor(n))] ?? ''
  // By Zipf's law: the nth word is 1/n as frequent as the first.
  const drawn = (): string => at(VOCABULARY ** random() - 1)
  const rare = (): string => at(300 + random() * 5_000)
  return {
    text: () => Array.from({ length: 5 + Math.floor(random() * 20) }, drawn).join(' '),
    rare,
    common: () => at(random() * 20),
    beginning: () => rare().slice(0, 3),
    typo() {
      const word = rare()
      const gap = 1 + Math.floor(random() * (word.length - 2))
      return word.slice(0, gap) + word.slice(gap + 1)
    },
  }
}

/** Comments of such words on the cuts of all places, as they were there before the index; then the index is built. */
export async function fillTexts(databaseUrl: string, { people, places }: World, words: Words, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const columns = [places.map(({ id }) => id), places.map(({ cutId }) => cutId), people.map(({ id }) => id)]
  try {
    for (let left = count; left > 0; left -= 1_000) {
      const texts = Array.from({ length: Math.min(left, 1_000) }, words.text)
      await client.query(
        `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body, "createdAt")
         SELECT gen_random_uuid(), ($1::uuid[])[1 + n % cardinality($1::uuid[])], ($2::uuid[])[1 + n % cardinality($2::uuid[])],
           ($3::uuid[])[1 + n % cardinality($3::uuid[])], body, now() - random() * interval '300 days'
         FROM unnest($4::text[]) WITH ORDINALITY AS t(body, n)`,
        [...columns, texts],
      )
    }
    await client.query(`UPDATE "SearchBuild" SET step = 0, after = NULL, "builtAt" = NULL`)
    await client.query(`INSERT INTO "Due" (consumer, key, at) VALUES ('search-build', 'all', now()) ON CONFLICT DO NOTHING`)
  } finally {
    await client.end()
  }
}
