import * as z from 'zod'
import { ann, exampleToken } from './examples.ts'

/** What Postgres can keep and every client can read: no NUL, no lone surrogates. */
const isPlainText = (value: string): boolean => !value.includes('\u0000') && value.isWellFormed()

/** Spaces, controls, format characters and fillers, which screens leave empty; U+2800 is a Braille cell without dots. */
const INVISIBLE = /^[\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]*$/u
/** Is there anything to see? */
export const isVisible = (value: string): boolean => !INVISIBLE.test(value)

/** What ends a line, for Unicode (UAX 14). */
const LINE_BREAK = /[\n\v\f\r\u0085\u2028\u2029]/
const isOneLine = (value: string): boolean => !LINE_BREAK.test(value)

const atMost = (max: number): string => `must have at most ${max} characters`

/** One line of text as a person writes it, 1 to `max` UTF-16 units after trimming, with something to see in it. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1, 'must not be empty')
    .max(max, atMost(max))
    .refine(isPlainText, 'must be well-formed text without NUL')
    .refine(isOneLine, 'must be one line')
    // An empty one is too short, which says enough.
    .refine((value) => value === '' || isVisible(value), 'must have a visible character')

/** Longer text; may be empty. */
export const prose = (max: number) => z.string().max(max, atMost(max)).refine(isPlainText, 'must be well-formed text without NUL')

/** Levels and values of one message of a client at most, over HTTP and over sockets. */
export const MAX_LEVELS = 32
export const MAX_VALUES = 5_000

/** Is a parsed value nested at most `levels` deep, and of at most `most` values? Looks no further than that. */
export function isBounded(value: unknown, levels: number, most: number): boolean {
  let left = most
  const look = (inner: unknown, depth: number): boolean => {
    if (--left < 0) return false
    if (typeof inner !== 'object' || inner === null) return true
    return depth > 0 && Object.values(inner).every((each) => look(each, depth - 1))
  }
  return look(value, levels)
}

/** UUIDv7 where Cutroom made it; any UUID is accepted as a question, in small letters from here on: rooms are named by it. */
export const id = z.uuid().toLowerCase().meta({ description: 'UUID' })

/** RFC 3339, UTC, milliseconds. */
export const time = z.iso.datetime().meta({ description: 'RFC 3339 UTC with milliseconds' })

/** A time as a client may write it: any offset, answered in UTC, in a year of four digits. */
export const timeInput = z.iso
  .datetime({ offset: true })
  .transform((value) => new Date(value).toISOString())
  .refine((value) => /^(?!0000)\d{4}-/.test(value), 'must be in the years 1 to 9999')

/** A position or length in media, integer milliseconds. */
export const mediaMs = z.int().min(0).max(2_147_483_647)

/** Position in a room's log. 0 stands before the first event. */
export const seq = z.int().min(0)

export const version = z.int().min(1).meta({ description: 'Grows by one with each change; in quotes it is an If-Match' })

export const url = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine(isPlainText, 'must be well-formed text without NUL')
  .refine(isOneLine, 'must be one line')

/** A whole number in a query, in plain digits: "0x10", "1e2" and "" are none. */
export const digits = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^(0|[1-9]\d{0,15})$/.test(value) ? Number(value) : value),
    z.int().min(min).max(max),
  )

/** What is no JSON: the content of a file. */
export const bytes = z.file()

/** The token of a link, as the server makes them: others name nothing. */
export const linkToken = z
  .string()
  .regex(/^[\w-]{43}$/)
  .meta({ examples: [exampleToken] })

/** A person as screens draw them. */
export const Person = z
  .object({ id, name: z.string(), avatarUrl: z.string().nullable() })
  .meta({ id: 'Person', description: 'A person as screens draw them', examples: [ann] })
export type Person = z.output<typeof Person>

export const Role = z.enum(['viewer', 'commenter', 'editor', 'owner']).meta({ id: 'Role' })
export type Role = z.output<typeof Role>

/** Query of every list. */
export const Paging = z.strictObject({
  limit: digits(1, 200).default(50),
  cursor: z.string().max(8_000).optional().meta({ description: 'nextCursor of the page before' }),
})

/** Answer of every list; `nextCursor` is null on the last page. */
export const page = <T extends z.ZodType>(item: T) => z.object({ data: z.array(item), nextCursor: z.string().nullable() })

/** What every entity has. */
export const stamps = { version, createdAt: time, updatedAt: time }

/** A PATCH body that changes nothing is a mistake of the caller. */
export const patch = <T extends z.ZodRawShape>(shape: T) =>
  z
    .strictObject(shape)
    .partial()
    .refine((body) => Object.values(body).some((value) => value !== undefined), 'must change at least one field')

/** New ranks of up to 1,000 neighbours, which keep their order: those they had grew too long for a further item between them. */
export const reranked = <T extends z.ZodRawShape>(item: T) =>
  z
    .object({ items: z.array(z.object({ ...item, rank: z.string(), version })).max(1_000), updatedAt: time })
    .meta({ description: 'Items keep their order and have new ranks' })

/** `null` puts the item first. */
export const afterSibling = id.nullable().meta({ description: 'The item to stand after; null for the first place' })
