import { z } from 'zod'

/** A hundred years: dates beyond are none in cookies, in JavaScript or in Postgres. */
const LONGEST_S = 36_500 * 86_400
const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds, from `15m`; never nothing, never more than a hundred years. */
export const duration = (fallback: string, error = 'must be a number with s, m, h or d, like 15m: 1s at least, 36500d at most') =>
  z
    .string()
    .regex(/^\d{1,15}(s|m|h|d)$/, error)
    .default(fallback)
    .transform((text) => Number(text.slice(0, -1)) * UNITS[text.slice(-1) as keyof typeof UNITS])
    .pipe(z.number().min(1, error).max(LONGEST_S, error))

const BYTES = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }

/** Bytes, from `100MB` or `100MiB`: one at least, `most` at most, which stands in the words of `error`. */
export const bytes = (fallback: string, most: number, error: string) =>
  z
    .string()
    .regex(/^\d{1,15}(B|[KMGT]i?B)$/, error)
    .default(fallback)
    .transform((text) => Number.parseInt(text, 10) * BYTES[text.replace(/^\d+/, '') as keyof typeof BYTES])
    .pipe(z.number().min(1, error).max(most, error))

/** A whole number between two. */
export const whole = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be ${name}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be ${name}`).max(max, `must be ${name}`))

/** Schemes whose pages, if there are any, have the origin `null`. */
const NO_ORIGIN = new Set(['ws:', 'wss:', 'ftp:', 'file:', 'data:', 'blob:', 'about:', 'javascript:'])

/**
 * An origin as a browser sends it in `Origin`, from one as people write it: small letters, no default port, no slash at the end.
 * @returns null where no page can have it
 */
export function originOf(text: string): string | null {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#\\@*\s]+\/?$/i.test(text) || !URL.canParse(text)) return null
  const { protocol, host } = new URL(text)
  return host === '' || NO_ORIGIN.has(protocol) ? null : `${protocol}//${host.toLowerCase()}`
}

const ORIGINS =
  'must be origins as browsers send them, like https://app.example.com, separated by commas: a scheme and a host, perhaps a port, no path and no wildcard'

/** Origins, separated by commas. */
export const origins = z
  .string()
  .default('')
  .transform((text, context) => {
    const parts = text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)
    return parts.flatMap((part) => {
      const origin = originOf(part)
      if (origin === null) context.addIssue({ code: 'custom', message: ORIGINS })
      return origin ?? []
    })
  })

/** First segments of the paths that the server has routes at, or will have. */
export const RESERVED = [
  ...['api', 'docs', 'healthz', 'readyz', 'metrics', 'openapi.json', 'asyncapi.json'],
  // of the page
  ...['assets', 'projects', 'me', 'inbox', 'activity', 'chat', 'search', 'shared', 'invitations', 'reset', 'unsubscribe'],
]

function isSocketPath(path: string): boolean {
  const segments = path.slice(1).split('/')
  return /^\/[\w./-]+$/.test(path) && !segments.some((segment) => /^\.*$/.test(segment)) && !RESERVED.includes(segments[0] ?? '')
}

/** Path of Socket.IO, without a slash at the end. */
export const socketPath = z
  .string()
  .default('/socket.io')
  .transform((path) => path.replace(/(?<=.)\/$/, ''))
  .refine(isSocketPath, {
    error:
      'must be a path like /socket.io, of letters, digits, _, - and dots, and not one that the server answers itself or below it',
  })

const PUBLIC = 'must be an http:// or https:// URL, perhaps with a path, without a query and without credentials'

/** How the world reaches the server; a path is a prefix. Without a slash at the end. */
export const publicUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null
  const path = url?.pathname.replace(/\/$/, '')
  if (url && /^https?:\/\/[^/?#\\@*\s]+(\/[^?#\\*\s]*)?$/i.test(text) && !url.pathname.includes('//')) return url.origin + path
  context.addIssue({ code: 'custom', message: PUBLIC })
  return z.NEVER
})

const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** What follows from a URL that can be read; whether it can be is another question. */
const holds = (rule: (url: URL) => boolean) => (text: string) => !URL.canParse(text) || rule(new URL(text))

/** A URL that leads to a database of Postgres, perhaps with `?schema=`. */
export const databaseUrl = z
  .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' })
  .refine(
    holds(({ pathname, username, password, hostname }) =>
      [pathname.slice(1) || '%', username, password, hostname].every(isDecodable),
    ),
    'must be a postgres:// URL that names a database at its end, like …/cutroom',
  )
  .refine(
    holds(({ searchParams }) => /^((?!pg_|information_schema$)[\w -]{1,63})?$/.test(searchParams.get('schema') ?? '')),
    'must be a postgres:// URL whose schema has letters, digits, _, - and spaces, 63 at most, and does not begin with pg_',
  )

/** Where an S3-compatible store answers, perhaps with a path, without the bucket. Without a slash at the end. */
export const s3Endpoint = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null
  const path = url?.pathname.replace(/\/$/, '')
  if (url && /^https?:\/\/[^/?#\\@*\s]+(\/[\w./-]*)?$/i.test(text) && !url.pathname.includes('//')) return url.origin + path
  context.addIssue({ code: 'custom', message: 'must be an http:// or https:// URL without the bucket, a query or credentials' })
  return z.NEVER
})

/** What keys of objects begin with: `studio/` of `studio`. */
export const s3Prefix = z
  .string()
  .regex(
    /^(?=.{1,500}$)[\w-][\w.-]*(\/[\w-][\w.-]*)*\/?$/,
    'must be names of letters, digits, _, - and dots, separated by slashes, like studio/cutroom, 500 characters at most',
  )
  .transform((text) => text.replace(/\/?$/, '/'))

/** A URL of Redis, perhaps with the number of a database. */
export const redisUrl = z.url({ protocol: /^rediss?$/, error: 'must be a redis:// URL' }).refine(
  holds(({ pathname }) => /^(\/\d*)?$/.test(pathname)),
  'must be a redis:// URL whose path, if any, is a number',
)

/** Text search configurations of all versions of Postgres that are good for Cutroom. */
const LANGUAGES = [
  ...['simple', 'arabic', 'armenian', 'basque', 'catalan', 'danish', 'dutch', 'english', 'finnish', 'french', 'german'],
  ...['greek', 'hindi', 'hungarian', 'indonesian', 'irish', 'italian', 'lithuanian', 'nepali', 'norwegian', 'portuguese'],
  ...['romanian', 'russian', 'serbian', 'spanish', 'swedish', 'tamil', 'turkish', 'yiddish'],
]

/** The language of the words that are searched, by its English name; `simple`: of any, each word as it is. */
export const searchLanguage = z.enum(LANGUAGES, { error: `must be one of ${LANGUAGES.join(', ')}` }).default('simple')
