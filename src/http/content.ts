import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { problem } from '../errors.ts'
import type { ByteRange } from '../ports/storage/storage.ts'
import { rangeOf } from './byte-range.ts'
import { knownTag } from './conditional.ts'
import type { Download } from './downloads.ts'

/**
 * How much longer than another connection one with a download may stand still: of a slow reader the kernel holds megabytes, and the server
 * sees nothing move while they leave.
 */
const PATIENCE = 4
/** Characters of a name. */
const LONGEST_NAME = 150

/** Bytes that are served: they never change. */
export interface Content {
  /** Media type by its content. */
  type: string
  /** Bytes. */
  size: number
  /** Differs where the bytes differ: their SHA-256 in hex. */
  tag: string
  /** What people call it. */
  name: string
  /** `inline` is heeded for sound and pictures only. */
  disposition: 'inline' | 'attachment'
  lastModified: Date
}

/** What a page may show in itself: it holds no script. */
const SHOWN = /^(audio\/[\w.+-]+|image\/(png|jpeg|webp|gif|avif))$/
/** Controls, and marks that turn the direction of text around. */
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const encodeName = (name: string) =>
  encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** A Content-Disposition (RFC 6266) with a name that is no path: in ASCII for old readers, and as it is. */
export function dispositionOf(disposition: Content['disposition'], name: string): string {
  const visible = name.toWellFormed().replace(INVISIBLE, '').replace(/[/\\]/g, '_').trim()
  const clean = Array.from(visible).slice(0, LONGEST_NAME).join('') || 'file'
  const ascii = clean.replace(/[^\x20-\x7e]|["%\\]/g, '_')
  return `${disposition}; filename="${ascii}"; filename*=UTF-8''${encodeName(clean)}`
}

const headersOf = ({ server }: FastifyRequest, { type, tag, name, disposition, lastModified }: Content) => ({
  'accept-ranges': 'bytes',
  // Asked for anew each time, since access ends; and as it is, since parts of it are put together.
  'cache-control': 'private, no-cache, no-transform',
  'content-disposition': dispositionOf(SHOWN.test(type) ? disposition : 'attachment', name),
  'content-security-policy': `sandbox; default-src 'none'`,
  'content-type': type,
  'cross-origin-resource-policy': server.contentPolicy,
  etag: `"${tag}"`,
  'last-modified': lastModified.toUTCString(),
  // A proxy that reads ahead would go on after access ended.
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
})

/** Does If-Range, where it is there, name these bytes? By the strong tag, or exactly the date. */
const fitsIfRange = (given: string | string[] | undefined, { tag, lastModified }: Content): boolean =>
  given === undefined || given === `"${tag}"` || given === lastModified.toUTCString()

/** Does If-Match, where it is there, name these bytes? Weak tags never do. */
const fitsIfMatch = (given: string | undefined, { tag }: Content): boolean =>
  given === undefined || given.split(',').some((each) => each.trim() === '*' || each.trim() === `"${tag}"`)

/** Lets the connection go when access ends, and the download when the connection ends. */
function tie({ raw: { socket }, server: { server } }: FastifyRequest, { raw }: FastifyReply, { signal, close }: Download): void {
  // What lies in the buffers of the kernel goes, too.
  const cut = () => socket.resetAndDestroy()
  signal.addEventListener('abort', cut)
  if (server.timeout > 0) socket.setTimeout(server.timeout * PATIENCE)
  raw.once('close', () => {
    signal.removeEventListener('abort', cut)
    close()
    if (!socket.destroyed) socket.setTimeout(server.timeout)
  })
}

/** @throws problem stale | range-unsatisfiable, and what `open` throws */
async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  content: Content,
  open: (range: ByteRange, signal: AbortSignal) => Promise<Readable>,
  download: Download,
): Promise<FastifyReply> {
  const { headers, method } = request
  const { size } = content
  if (!fitsIfMatch(headers['if-match'], content)) throw problem('stale')
  if (knownTag(request, `"${content.tag}"`) !== null) {
    download.close()
    return reply.headers(headersOf(request, content)).code(304).send()
  }
  const isPart = method === 'GET' && fitsIfRange(headers['if-range'], content)
  const range = isPart ? rangeOf(headers.range, size) : 'whole'
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${size}`)
    throw problem('range-unsatisfiable', `The file has ${size} bytes`)
  }
  const part = range === 'whole' ? { start: 0, end: size - 1 } : range
  const hasBody = method === 'GET' && size > 0
  const stream = hasBody ? await open(part, download.signal) : Readable.from([])
  // While it was opened access may have ended, and the client may have left.
  if (download.signal.aborted || reply.raw.destroyed) {
    stream.destroy()
    throw download.signal.aborted ? download.signal.reason : problem('bad-request', 'The client hung up')
  }
  if (hasBody) tie(request, reply, download)
  else download.close()
  // The database is not needed any more.
  request.passage?.end()
  if (range !== 'whole') reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${size}`)
  return reply
    .headers(headersOf(request, content))
    .header('content-length', part.end - part.start + 1)
    .send(stream)
}

/**
 * Answers GET and HEAD with bytes that never change: whole, one part of them (Range), 304 where the client has them. Read no faster than the
 * client takes them, and ended with the download.
 * @param open a part of the bytes, both ends included; it is called where bytes are sent, at most once
 * @param download is closed by this, whatever happens
 * @throws problem stale | range-unsatisfiable, and what `open` throws
 */
export async function sendContent(
  request: FastifyRequest,
  reply: FastifyReply,
  content: Content,
  open: (range: ByteRange, signal: AbortSignal) => Promise<Readable>,
  download: Download,
): Promise<FastifyReply> {
  try {
    return await answer(request, reply, content, open, download)
  } catch (error) {
    download.close()
    throw error
  }
}
