import { createHash } from 'node:crypto'
import { startWorker } from './worker.ts'

/** A request whose body is a file, with what stands around it in a form. Serialisable. */
export interface Sending {
  url: string
  method: 'POST' | 'PATCH'
  headers: Record<string, string>
  before: string
  after: string
  /** Where in the file the body begins, and where it ends. */
  from: number
  to: number
  /** The connection is cut when the body has got there; null: it is sent whole. */
  cutAt: number | null
}

/** So many requests, so many of them at a time. */
export interface SendPlan {
  sendings: readonly Sending[]
  parallel: number
}

export interface SendResult {
  ms: number
  /** Of each request; 0 where the connection ended without an answer, as it does when it is cut. */
  statuses: number[]
  /** The first answer that was not 2xx. */
  complaint: string | null
}

export type ToUploader = ({ type: 'send' } & SendPlan) | { type: 'close' }

/** A process that sends files, apart from the server and from the bench. It knows no protocol, and reads answers only to their status. */
export interface Uploader {
  send(plan: SendPlan): Promise<SendResult>
  close(): Promise<void>
}

export function startUploader(): Uploader {
  const { ask, close } = startWorker<ToUploader>('./upload-process.ts')
  return { send: (plan) => ask({ type: 'send', ...plan }), close }
}

const PIECE = 1024 * 1024

/** What every file consists of, again and again: it begins as a zip does, and looks like noise. */
export function piece(): Buffer {
  const bytes = Buffer.alloc(PIECE)
  for (let at = 0; at < PIECE; at += 32) createHash('sha256').update(String(at)).digest().copy(bytes, at)
  bytes.write('504b0304140000000800', 'hex')
  return bytes
}

/** The SHA-256 of a file of this size, in hex. */
export function hashOf(size: number): string {
  const hash = createHash('sha256')
  const bytes = piece()
  for (let left = size; left > 0; left -= PIECE) hash.update(left < PIECE ? bytes.subarray(0, left) : bytes)
  return hash.digest('hex')
}
