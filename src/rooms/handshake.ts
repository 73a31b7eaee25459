import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { isIPv6 } from 'node:net'
import { type ProblemError, toWire } from '../errors.ts'

/**
 * What counts as one address: an IPv4 address, or the /64 that one customer has of IPv6.
 * @param address as Node or a proxy writes it
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address
  const [left = [], right] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const groups = right ? [...left, ...Array<string>(Math.max(8 - left.length - right.length, 0)).fill('0'), ...right] : left
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** Whom a request comes from. Behind a proxy it is the last of X-Forwarded-For: what stands before, the visitor may have written. */
export function addressOf({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>, behindProxy: boolean): string {
  const said = behindProxy ? String(headers['x-forwarded-for'] ?? '').split(',') : []
  return said.at(-1)?.trim() || (socket.remoteAddress ?? '')
}

/** Answers a handshake that is refused, upgrade or poll, and hangs up: Engine.IO itself knows no status but 400 and 403. */
export function refuse(request: IncomingMessage, refused: ProblemError): void {
  const { status } = refused
  const body = JSON.stringify(toWire(refused))
  const headers = {
    'content-type': 'application/problem+json',
    'content-length': `${Buffer.byteLength(body)}`,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...(refused.extra.retryAfter !== undefined && { 'retry-after': `${refused.extra.retryAfter}` }),
  }
  const { res } = request as { res?: ServerResponse }
  if (res) {
    res.writeHead(status, headers).end(body)
    return
  }
  const { socket } = request
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  // Nobody else listens any more: an upgrade takes the socket out of the HTTP server's hands.
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`, () => socket.destroy())
}
