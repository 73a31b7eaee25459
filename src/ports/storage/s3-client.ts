import { Agent as HttpAgent, type IncomingMessage, request as overHttp } from 'node:http'
import { Agent as HttpsAgent, request as overHttps } from 'node:https'
import { pipeline, type Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import type { S3Config } from '../../config/files.ts'
import { problem } from '../../errors.ts'
import { away, full } from './failures.ts'

/** ms. */
export interface S3Timings {
  /** A request on which nothing moves is given up: no connection, no byte of its body taken, no answer, nothing more of the answer. */
  idle: number
  /** Pauses before a request is sent again. */
  pauses: readonly number[]
}

export const S3_TIMINGS: S3Timings = { idle: 10_000, pauses: [200, 800] }
/** Connections that stay open for later requests. */
const IDLE_CONNECTIONS = 16
/** An answer that says what went wrong is short, bytes. */
const LONGEST_ERROR = 16 * 1024

const FULL = /^(XMinioStorageFull|XMinioAdminBucketQuotaExceeded|QuotaExceeded|InsufficientStorage)$/
const PASSING = /^(RequestTimeout|SlowDown|InternalError|OperationAborted)$/

/** What a store answered in place of what was asked for. Its message has nothing of the request: no key, no signature. */
export class S3Refusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(`S3 answered ${status} ${code}${message === '' ? '' : `: ${message}`}`)
    this.name = 'S3Refusal'
    this.status = status
    this.code = code
  }

  /** Sent again, it may succeed. */
  get passes(): boolean {
    return this.status >= 500 || this.status === 429 || PASSING.test(this.code)
  }

  get isFull(): boolean {
    return this.status === 507 || FULL.test(this.code)
  }
}

export interface S3Request {
  method: 'GET' | 'PUT' | 'DELETE'
  key: string
  headers?: Record<string, string>
  /** Made anew for each attempt. */
  body?: () => Readable
  signal?: AbortSignal | undefined
}

export interface S3Client {
  /**
   * The answer, its body unread. What may pass is tried three times.
   * @throws problem not-found | storage-full | unavailable, and the reason of the signal
   */
  send(request: S3Request): Promise<IncomingMessage>
  close(): void
}

const element = (xml: string, name: string) => new RegExp(`<${name}>([^<]{1,200})`).exec(xml)?.[1] ?? ''

async function refusalOf(answer: IncomingMessage, status: number, { idle }: S3Timings): Promise<S3Refusal> {
  let xml = ''
  const timer = setTimeout(() => answer.destroy(), idle)
  try {
    for await (const chunk of answer) {
      xml += chunk
      if (xml.length > LONGEST_ERROR) break
    }
  } catch {
    // The status says enough.
  } finally {
    clearTimeout(timer)
  }
  return new S3Refusal(status, element(xml, 'Code'), element(xml, 'Message'))
}

function problemOf(error: unknown) {
  if (!(error instanceof S3Refusal)) return away(error)
  if (error.isFull) return full(error)
  if (error.status === 404 && error.code !== 'NoSuchBucket') return problem('not-found', undefined, undefined, { cause: error })
  return away(error)
}

/** Sends signed requests to a store, by addresses of the form `endpoint/bucket/key`. */
export function createS3Client(config: S3Config, timings: S3Timings): S3Client {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey, prefix } = config
  const { idle, pauses } = timings
  const isSecure = endpoint.startsWith('https:')
  const open = isSecure ? overHttps : overHttp
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS })
  /** Keys derived from the secret, one for each day. */
  const cache = new Map<string, ArrayBuffer>()

  async function sign({ method, key, headers = {} }: S3Request) {
    const url = `${endpoint}/${bucket}/${prefix}${key}`
    const signer = new AwsV4Signer({ method, url, headers, region, accessKeyId, secretAccessKey, service: 's3', cache })
    const signed = await signer.sign()
    return { url: signed.url, headers: Object.fromEntries(signed.headers) }
  }

  function exchange(url: URL, headers: Record<string, string>, { method, body, signal }: S3Request): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = open(url, { method, headers, agent, ...(signal && { signal }) })
      const timer = setTimeout(() => outgoing.destroy(new Error(`S3 did not answer for ${idle / 1000} s`)), idle)
      outgoing.on('drain', () => timer.refresh())
      outgoing.once('close', () => clearTimeout(timer))
      outgoing.once('response', (answer) => {
        clearTimeout(timer)
        const { statusCode = 0 } = answer
        if (statusCode >= 200 && statusCode < 300) resolve(answer)
        // It may come before the body was taken, of which nothing more is sent then.
        else
          void refusalOf(answer, statusCode, timings)
            .then(reject)
            .finally(() => outgoing.destroy())
      })
      outgoing.on('error', reject)
      if (body) pipeline(body(), outgoing, (error) => error && reject(error))
      else outgoing.end()
    })
  }

  async function attempt(request: S3Request): Promise<IncomingMessage> {
    const { url, headers } = await sign(request)
    return exchange(url, headers, request)
  }

  return {
    async send(request) {
      for (const pause of [...pauses, null]) {
        try {
          return await attempt(request)
        } catch (error) {
          request.signal?.throwIfAborted()
          if (pause === null || (error instanceof S3Refusal && (!error.passes || error.isFull))) throw problemOf(error)
          // Nodes that failed together come back apart.
          await wait(pause * (0.5 + Math.random() / 2), undefined, request.signal && { signal: request.signal })
        }
      }
      throw away(new Error('S3 was not asked'))
    },
    close: () => agent.destroy(),
  }
}
