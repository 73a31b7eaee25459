import http from 'node:http'
import https from 'node:https'
import { isIP, type TcpNetConnectOpts } from 'node:net'
import { hostOf, isPublic, type Resolve, resolveByDns, resolveBySystem } from './addresses.ts'

/** Of an answer no more is read, bytes, and no longer, ms: its status says all. */
const MAX_ANSWER = 16 * 1024
const ANSWER_MS = 1_000
/** Of a name with several addresses the next one is tried when one does not connect in this time, ms, or refuses. */
const CONNECT_MS = 1_000

/** How a post ended. */
export interface PostResult {
  /** null: there was no answer. */
  statusCode: number | null
  /** Why there was none. */
  error: string | null
  /** The value of `Retry-After`. */
  retryAfter: string | undefined
}

export interface Request {
  url: string
  headers: Record<string, string>
  body: string
  /** Breaks it off. */
  signal: AbortSignal
}

export type Post = (request: Request) => Promise<PostResult>

export interface PostOptions {
  /** Longest time until the answer begins, ms. */
  timeoutMs: number
  resolve: Resolve
  /** Whether a receiver may be at this address. */
  allows: (address: string) => boolean
  /** Also those without TLS. */
  allowsHttp: boolean
}

/** How receivers are reached. @param allowsPrivate also in the network of this server */
export const postOptions = (allowsPrivate: boolean): PostOptions => ({
  timeoutMs: 15_000,
  resolve: allowsPrivate ? resolveBySystem : resolveByDns,
  allows: allowsPrivate ? () => true : isPublic,
  allowsHttp: allowsPrivate,
})

/** Why there was no answer, in the words of the contract: what a system says of an address may say more than an owner should know. */
class PostError extends Error {}

const SAID: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was closed without an answer',
  EPIPE: 'the connection was closed without an answer',
  EHOSTUNREACH: 'the address cannot be reached',
  ENETUNREACH: 'the address cannot be reached',
  ETIMEDOUT: 'no connection in time',
}

function textOf(error: unknown): string {
  if (error instanceof PostError) return error.message
  const { code = '' } = error as NodeJS.ErrnoException
  if (SAID[code] !== undefined) return SAID[code]
  if (/^(CERT|ERR_TLS|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|ERR_SSL|EPROTO)/.test(code)) return `TLS failed (${code})`
  return code === '' ? 'the request failed' : `the request failed (${code})`
}

/** Settles with the work, or with the end of the signal. */
async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let onAbort: (() => void) | undefined
  const ended = new Promise<never>((_, reject) => {
    onAbort = () => reject(new PostError('no answer in time'))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work, ended])
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort)
  }
}

/** Reads what is left of an answer, a little of it, and closes its connection. */
function dispose(answer: http.IncomingMessage): void {
  let read = 0
  const timer = setTimeout(() => answer.destroy(), ANSWER_MS)
  answer.on('data', (chunk: Buffer) => {
    read += chunk.length
    if (read > MAX_ANSWER) answer.destroy()
  })
  answer.on('error', () => answer.destroy())
  answer.on('close', () => clearTimeout(timer))
}

/** One connection to one of the addresses, without proxies, redirects and connections that are kept. */
function request({ url, headers, body }: Request, addresses: readonly string[], signal: AbortSignal): Promise<PostResult> {
  const target = new URL(url)
  const { request: open } = target.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const known = addresses.map((address) => ({ address, family: isIP(address) }))
    // A server without IPv6 finds the IPv4 address of a name that has both, and one address that is down leaves the others. Node's types
    // know these options of a connection, and not that a request hands them on.
    const connecting: Pick<TcpNetConnectOpts, 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'> = {
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: CONNECT_MS,
    }
    const sent = open(target, {
      ...connecting,
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      // What was resolved and checked is connected to: a name that changes its address in between gains nothing.
      lookup: (_host, options, done) =>
        options.all ? done(null, known) : done(null, known[0]?.address ?? '', known[0]?.family ?? 0),
      agent: false,
      signal,
    })
    sent.on('error', (error) => reject(signal.aborted ? new PostError('no answer in time') : error))
    // A receiver that switches protocols is hung up on: there is neither an answer nor an error.
    sent.on('close', () => reject(new PostError('the connection was closed without an answer')))
    sent.on('response', (answer) => {
      dispose(answer)
      resolve({ statusCode: answer.statusCode ?? 0, error: null, retryAfter: answer.headers['retry-after'] })
    })
    sent.end(body)
  })
}

/** Posts to receivers. The name is resolved once; where one of its addresses may not be reached, none is. */
export function createPost({ timeoutMs, resolve, allows, allowsHttp }: PostOptions): Post {
  /** Beginning with any of them: receivers share what comes among theirs. */
  async function addressesOf(url: URL, signal: AbortSignal): Promise<string[]> {
    // One of a time in which that was allowed.
    if (!allowsHttp && url.protocol !== 'https:') throw new PostError('the address does not begin with https:')
    const host = hostOf(url)
    const found =
      isIP(host) !== 0
        ? [host]
        : await until(
            signal,
            resolve(host).catch(() => []),
          )
    if (found.length === 0) throw new PostError('the host has no address')
    if (!found.every(allows)) throw new PostError('the address of the host is not public')
    const from = Math.floor(Math.random() * found.length)
    return [...found.slice(from), ...found.slice(0, from)]
  }

  return async (asked) => {
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(), timeoutMs)
    const signal = AbortSignal.any([asked.signal, timeout.signal])
    try {
      return await request(asked, await addressesOf(new URL(asked.url), signal), signal)
    } catch (error) {
      asked.signal.throwIfAborted()
      return { statusCode: null, error: textOf(error), retryAfter: undefined }
    } finally {
      clearTimeout(timer)
    }
  }
}
