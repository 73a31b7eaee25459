import { type SearchAnswer, type SearchHit, type SearchType, searchTypes } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'
import { readLagIn } from '../../rooms/log/consumers/inspect.ts'
import { plain } from '../shared/texts.ts'
import { SEARCH } from './consumer.ts'
import { withNear } from './near.ts'
import { COMPLETE, FIND, SEARCHED_ROOMS } from './statements.ts'
import { excerptOf, marksOf, queryWords, type Terms, termsOf, tokensOf, tsqueryOf } from './words.ts'

/** Who searches, and where. */
export interface Searched {
  userId: string
  /** Of an API token, unless it is for all projects. */
  tokenProjects: readonly string[] | null
  byToken: boolean
  projectId: string | null
  types: readonly SearchType[]
  q: string
  /** Hits of one type. */
  limit: number
}

interface Row {
  type: SearchType
  id: string
  scope: string
  at: Date
  title: string | null
  text: string | null
  cutId: string | null
  taskId: string | null
  projectName: string | null
  authorId: string | null
  authorName: string
  avatarUrl: string | null
}

type IsFound = (word: string) => boolean

/** The address of a hit in the console. */
function linkOf({ type, id, scope, cutId, taskId }: Row): string {
  const paths: Record<SearchType, string> = {
    project: '',
    vibe: `/vibes/${id}`,
    cut: `/cuts/${id}`,
    lyrics: `/cuts/${id}/lyrics`,
    task: `/tasks/${id}`,
    file: `/cuts/${cutId}?file=${id}`,
    comment: `${cutId === null ? `/tasks/${taskId}` : `/cuts/${cutId}`}?comment=${id}`,
    message: `?message=${id}`,
  }
  return `${type === 'message' ? '/chat' : '/projects'}/${scope}${paths[type]}`
}

function present(row: Row, isFound: IsFound): SearchHit {
  const { type, id, scope, authorId, authorName: name, avatarUrl, at } = row
  const isMessage = type === 'message'
  const title = isMessage ? name : (row.title ?? '')
  // What is said of another thing is found by its own text alone.
  const isNamed = type !== 'comment' && type !== 'lyrics' && !isMessage
  return {
    type,
    id,
    projectId: isMessage ? null : scope,
    projectName: row.projectName,
    conversationId: isMessage ? scope : null,
    title,
    titleRanges: isNamed ? marksOf(title, isFound) : [],
    ...excerptOf(plain(row.text ?? ''), isFound),
    link: linkOf(row),
    author: authorId === null ? null : { id: authorId, name, avatarUrl },
    at: at.toISOString(),
  }
}

const wordsOf = (rows: readonly Row[]): Set<string> =>
  new Set(
    rows
      .flatMap(({ title, text }) => [title ?? '', plain(text ?? '')])
      .flatMap((text) => Array.from(tokensOf(text), ({ word }) => word)),
  )

/** The language in which a word is its own stem. */
export const PLAIN_LANGUAGE = 'simple'

const FITTING = `SELECT word FROM unnest($1::text[]) AS word WHERE to_tsvector($2::text::regconfig, word) @@ to_tsquery($2::text::regconfig, $3)`

/** Tells which words of the hits were found. */
async function foundBy(query: Query, language: string, terms: Terms, rows: readonly Row[]): Promise<IsFound> {
  if (language !== PLAIN_LANGUAGE) {
    const values = [[...wordsOf(rows)], language, tsqueryOf(terms, '|')]
    const fitting = new Set((await query<{ word: string }>({ text: FITTING, values })).map(({ word }) => word))
    return (word) => fitting.has(word)
  }
  const wanted = terms.flat()
  return (found) => wanted.some(({ word, prefix }) => (prefix ? found.startsWith(word) : found === word))
}

/** Searches in the index of a language, on connections for requests that read much. */
export function createFinder(query: Query, language: string) {
  async function find(searched: Searched, terms: Terms): Promise<Row[]> {
    const { userId, tokenProjects, projectId, types, limit } = searched
    const text = tsqueryOf(terms)
    return query<Row>({ text: FIND, values: [userId, tokenProjects, projectId, types, language, text, limit + 1] })
  }

  async function behind({ userId, tokenProjects, projectId, byToken }: Searched): Promise<SearchAnswer['behind']> {
    const rooms = { text: SEARCHED_ROOMS, values: [userId, tokenProjects, projectId, !byToken && projectId === null] }
    const [lag, [build]] = await Promise.all([
      readLagIn(query, SEARCH, rooms),
      query<{ complete: boolean }>({ text: COMPLETE, values: [] }),
    ])
    return { ...lag, complete: build?.complete ?? false }
  }

  /** Hits of a query; where there are none, those of near words. */
  async function findNear(searched: Searched): Promise<{ rows: Row[]; terms: Terms; near: string[] }> {
    const words = queryWords(searched.q)
    const terms = termsOf(words)
    const rows = words.length > 0 ? await find(searched, terms) : []
    const wider = rows.length === 0 ? await withNear(query, words) : null
    if (!wider) return { rows, terms, near: [] }
    const nearRows = await find(searched, wider)
    // Only those that are read in what was found: others are words of other people.
    const shown = wordsOf(nearRows)
    const near = wider.flatMap(([, ...others]) => others.flatMap(({ word }) => (shown.has(word) ? word : [])))
    return { rows: nearRows, terms: wider, near: [...new Set(near)] }
  }

  return async function search(asked: Searched): Promise<SearchAnswer> {
    const types = searchTypes.filter((type) => asked.types.includes(type) && !(type === 'message' && asked.byToken))
    const searched = { ...asked, types }
    const [{ rows, terms, near }, lag] = await Promise.all([findNear(searched), behind(searched)])
    const isFound = await foundBy(query, language, terms, rows)
    const groups = types.flatMap((type) => {
      const all = rows.filter((row) => row.type === type)
      const hits = all.slice(0, asked.limit).map((row) => present(row, isFound))
      return hits.length > 0 ? [{ type, hits, more: all.length > asked.limit }] : []
    })
    return { groups, near, behind: lag }
  }
}
