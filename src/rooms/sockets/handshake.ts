import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { isIP, isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ProblemError, toWire } from '../../errors.ts'

/**
 * The network that counts as one visitor: an IPv4 address, or the /64 that one customer has of IPv6 at least.
 * @param address as Node or a proxy writes it
 * @param bits of IPv6: with 48 it is the most that one customer has
 */
export function networkOf(address: string, bits: 48 | 64 = 64): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address
  const [left = [], right] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const groups = right ? [...left, ...Array<string>(Math.max(8 - left.length - right.length, 0)).fill('0'), ...right] : left
  const prefix = groups.slice(0, bits / 16).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/${bits}`
}

/** `203.0.113.7:443`, `[2001:db8::1]:443` and `[2001:db8::1]`: some proxies add the port, which differs with each connection. */
const withPort = /^(?:\[([^\]]*)\](?::\d+)?|([^:]*):\d+)$/

/**
 * Address of the visitor. Behind a proxy it is the last of X-Forwarded-For: earlier ones may be the visitor's own. Where that is no
 * address, it is the proxy's.
 */
export function addressOf({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>, behindProxy: boolean): string {
  const header = behindProxy ? String(headers['x-forwarded-for'] ?? '') : ''
  const forwarded = header.slice(header.lastIndexOf(',') + 1).trim()
  const [, v6, v4] = withPort.exec(forwarded) ?? []
  const address = v6 ?? v4 ?? forwarded
  return isIP(address) === 0 ? (socket.remoteAddress ?? '') : address
}

/** How long a refused connection may take to read its answer, ms. */
const LINGER_MS = 1_000

/** Answers on a bare connection, which no HTTP response writes to, and hangs up. */
export function refuseConnection(socket: Duplex, refused: ProblemError, extra: Record<string, string> = {}): void {
  const { body, headers } = answerOf(refused)
  const head = Object.entries({ ...extra, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  // The HTTP server has given the socket away with the upgrade, and does not listen to it any more.
  socket.on('error', () => {})
  // Further bytes are read and dropped: a connection that is closed over unread bytes is reset, and its answer lost.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
  socket.end(`HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}\r\n${head.join('')}\r\n${body}`)
}

function answerOf(refused: ProblemError): { body: string; headers: Record<string, string> } {
  const body = JSON.stringify(toWire(refused))
  const headers = {
    'content-type': 'application/problem+json',
    'content-length': `${Buffer.byteLength(body)}`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...(refused.extra.retryAfter !== undefined && { 'retry-after': `${refused.extra.retryAfter}` }),
  }
  return { body, headers }
}

/** Answers a handshake that is refused, upgrade or poll, and hangs up: Engine.IO itself knows no status but 400 and 403. */
export function refuse(request: IncomingMessage, refused: ProblemError, extra: Record<string, string> = {}): void {
  const { res } = request as { res?: ServerResponse }
  const { body, headers } = answerOf(refused)
  if (res) res.writeHead(refused.status, { ...extra, ...headers }).end(body)
  else refuseConnection(request.socket, refused, extra)
}
