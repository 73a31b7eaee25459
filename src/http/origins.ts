import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '../config.ts'

/** Which pages may use this server. */
export interface Origins {
  /** May a page of this origin use the cookies of this host? */
  isAllowed(origin: string, host: string | undefined): boolean
  /** Notes the Origin of a request, if it is neither allowed nor this host's own: the log then says which setting lets it in. */
  note(headers: Pick<IncomingHttpHeaders, 'origin' | 'host'>): void
}

/** How long an origin that was named in the log is not named again, ms. */
const QUIET_MS = 3_600_000
/** Origins that are named in that time. A visitor can invent them. */
const MOST_NAMED = 100

/** Why an origin is refused, and the cure. */
const refusal = (origin: string): string =>
  origin === 'null'
    ? 'http: origin null refused: a page from a file or in a sandbox has no origin that CORS_ORIGINS could name; serve it over http'
    : `http: origin ${origin} refused: it is not in CORS_ORIGINS, so its pages cannot read answers or use cookies`

/** @param warn is told of each refused origin, once in an hour */
export function createOrigins(
  config: Pick<Config, 'corsOrigins' | 'publicUrl' | 'secureCookies'>,
  warn: (fields: { origin: string }, line: string) => void,
): Origins {
  const allowed = new Set(config.corsOrigins)
  if (config.publicUrl) allowed.add(new URL(config.publicUrl).origin)
  // Behind TLS the plain pages of the same host can be forged on the wire.
  const schemes = config.secureCookies ? ['https:'] : ['http:', 'https:']
  /** When each was named, ms since the epoch; the oldest first. */
  const named = new Map<string, number>()

  function isAllowed(origin: string, host: string | undefined): boolean {
    if (allowed.has(origin)) return true
    if (!URL.canParse(origin)) return false
    const page = new URL(origin)
    return page.origin === origin && page.host === host && schemes.includes(page.protocol)
  }

  return {
    isAllowed,
    note({ origin, host }) {
      if (origin === undefined || isAllowed(origin, host)) return
      const now = Date.now()
      for (const [each, at] of named) {
        if (now - at < QUIET_MS) break
        named.delete(each)
      }
      const shown = origin.slice(0, 200)
      if (named.has(shown) || named.size >= MOST_NAMED) return
      named.set(shown, now)
      warn({ origin: shown }, refusal(shown))
    },
  }
}
