import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ann, at, ids } from './examples.ts'
import { digits, id, Person, seq, time } from './values.ts'

/** What can be found, in the order of an answer. */
export const searchTypes = ['project', 'vibe', 'cut', 'lyrics', 'task', 'file', 'comment', 'message'] as const
export const SearchType = z.enum(searchTypes).meta({
  id: 'SearchType',
  description: '`lyrics` has the id of its cut; `file` is found by its name',
})
export type SearchType = z.output<typeof SearchType>

/** Of one search: characters (UTF-16), words that are used, and hits of one type. */
export const MAX_QUERY = 200
export const MAX_WORDS = 10
const MAX_HITS = 25
/** Of one text: characters of its excerpt, and words that are marked. */
export const MAX_EXCERPT = 200
export const MAX_MARKS = 20

const ranges = z
  .array(z.tuple([z.int().min(0), z.int().min(0)]))
  .max(MAX_MARKS)
  .meta({ description: 'Words that were found: from and to, in UTF-16 units as `slice` takes them' })

const hit = {
  type: 'comment',
  id: ids.comment,
  projectId: ids.project,
  projectName: 'First album',
  conversationId: null,
  title: 'Take 1',
  titleRanges: [],
  text: 'The snare is late here',
  ranges: [[4, 9]] as [number, number][],
  link: `/projects/${ids.project}/cuts/${ids.cut}?comment=${ids.comment}`,
  author: ann,
  at,
} as const

export const SearchHit = z
  .object({
    type: SearchType,
    id,
    projectId: id.nullable().meta({ description: 'Null for a message' }),
    projectName: z.string().nullable(),
    conversationId: id.nullable().meta({ description: 'Null for all but a message' }),
    title: z.string().meta({
      description: 'Its name; of a comment and of lyrics that of the cut or task, of a message that of its author',
    }),
    titleRanges: ranges,
    text: z.string().meta({ description: 'The part of its text with the first word that was found; empty where there is none' }),
    ranges,
    link: z.string().meta({ description: 'Its page in the console' }),
    author: Person.nullable().meta({ description: 'Null for lyrics, which many write' }),
    at: time.meta({ description: 'When it was made' }),
  })
  .meta({ id: 'SearchHit', examples: [hit] })
export type SearchHit = z.output<typeof SearchHit>

export const SearchAnswer = z
  .object({
    groups: z.array(
      z.object({
        type: SearchType,
        hits: z.array(SearchHit).meta({ description: 'The best first' }),
        more: z.boolean().meta({ description: 'There are more of this type than `limit`' }),
      }),
    ),
    near: z.array(z.string()).meta({
      description: 'Nothing has the words as they were written, and these, which differ by a letter, were found in their place',
    }),
    behind: z
      .object({
        events: seq,
        seconds: z.number().min(0),
        complete: z.boolean().meta({ description: 'false: what was there before the index was made is still being added' }),
      })
      .meta({
        description: 'How far the index is behind what is searched: events not read yet, and the age of the oldest of them',
      }),
  })
  .meta({
    id: 'SearchAnswer',
    examples: [
      {
        groups: [{ type: 'comment', hits: [hit], more: false }],
        near: [],
        behind: { events: 0, seconds: 0, complete: true },
      },
    ],
  })
export type SearchAnswer = z.output<typeof SearchAnswer>

const oneType = `(${searchTypes.join('|')})`
const types = z
  .string()
  .regex(new RegExp(`^${oneType}(,${oneType}){0,${searchTypes.length - 1}}$`), 'must be types, separated by commas')
  .meta({ examples: ['comment,task'] })
  .transform((text) => text.split(',') as SearchType[])
  .optional()
  .meta({ description: 'Types to search, separated by commas; without it all' })

const q = z
  .string()
  .max(MAX_QUERY)
  .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'must be well-formed text without NUL')
  .default('')
  .meta({ description: `Words, of which the first ${MAX_WORDS} count; without any there are no hits`, examples: ['snare late'] })

export const search = {
  find: endpoint({
    method: 'GET',
    url: '/api/search',
    access: 'account',
    apiTokens: true,
    largePages: true,
    schema: {
      summary: 'Find things in your projects, and messages of your conversations',
      description:
        'All words have to be in it, the last one as the beginning of a word. Case and accents do not count. It is read as it is now, and only where ' +
        'you may read it now. The index follows the log by a moment, which `behind` names. Of each type the newest 200 that fit are ranked. An API ' +
        'token finds what is in its projects, and no messages.',
      tags: ['search'],
      querystring: z.strictObject({ q, projectId: id.optional(), types, limit: digits(1, MAX_HITS).default(10) }),
      response: { 200: SearchAnswer },
    },
  }),
}
