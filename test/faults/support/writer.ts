import { Agent, request } from 'node:http'
import type { Person } from '../../support/people.ts'
import { createRandom, type Random } from '../../support/random.ts'
import { UNDONE } from './postgres.ts'
import type { Place, World } from './world.ts'

export type Outcome =
  /** 2xx: it is in the log, once. */
  | 'acked'
  /** 4xx: it was rolled back, or never began. */
  | 'refused'
  /** Given up without an answer. */
  | 'unknown'
  | 'running'

/** One write, through all its tries. */
export interface Write {
  /** The Idempotency-Key; comes back in the event's meta, and is in the row. */
  key: string
  projectId: string
  /** Ms on the clock of the wall. */
  sentAt: number
  answeredAt: number
  /** When the try began that was answered. */
  triedAt: number
  /** From the beginning of the answered try to its answer, ms, finer than the wall's clock. */
  ms: number
  tries: number
  outcome: Outcome
  status: number
  /** The node that answered. */
  node: number
}

/** A write that is about to be sent. */
export const newWrite = (key: string, place: Place, node = 0): Write => ({
  key,
  projectId: place.id,
  sentAt: Date.now(),
  answeredAt: 0,
  triedAt: 0,
  ms: 0,
  tries: 0,
  outcome: 'running',
  status: 0,
  node,
})

export interface HttpAnswer {
  status: number
  body: string
  retryAfter: number
}

export interface Http {
  send(
    url: string,
    method: string,
    path: string,
    options: { token: string; body?: unknown; headers?: Record<string, string>; timeoutMs?: number },
  ): Promise<HttpAnswer>
  close(): void
}

/** Requests over kept connections, cheaper than fetch. Rejects where there is no answer. */
export function openHttp(): Http {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  return {
    send: (url, method, path, { token, body, headers, timeoutMs = 6_000 }) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body)
        const asked = request(
          url + path,
          {
            method,
            agent,
            timeout: timeoutMs,
            headers: {
              authorization: `Bearer ${token}`,
              ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
              ...headers,
            },
          },
          (response) => {
            let said = ''
            response.setEncoding('utf8')
            response.on('data', (chunk) => {
              said += chunk
            })
            response.on('error', reject)
            response.on('end', () =>
              resolve({ status: response.statusCode ?? 0, body: said, retryAfter: Number(response.headers['retry-after'] ?? 0) }),
            )
          },
        )
        asked.on('timeout', () => asked.destroy(new Error('no answer')))
        asked.on('error', reject)
        asked.end(text)
      }),
    close: () => agent.destroy(),
  }
}

export interface Request {
  method: string
  path: string
  body: object
  headers?: Record<string, string>
}

/** What is written: mostly what people do most, now and then something that must be rolled back. */
function compose(random: Random, place: Place, key: string, tasks: string[]): Request {
  const task = tasks.length > 0 ? random.pick(tasks) : undefined
  const dice = random.next()
  if (task !== undefined && dice < 0.03)
    return { method: 'PATCH', path: `/api/tasks/${task}`, body: { title: key }, headers: { 'if-match': '"999999"' } }
  if (dice < 0.06) {
    const body = UNDONE + key
    return random.next() < 0.5
      ? { method: 'POST', path: `/api/projects/${place.id}/tasks`, body: { title: body } }
      : { method: 'POST', path: `/api/cuts/${place.cutId}/comments`, body: { body } }
  }
  if (task !== undefined && dice < 0.25) return { method: 'PATCH', path: `/api/tasks/${task}`, body: { title: key } }
  if (dice < 0.5) return { method: 'POST', path: `/api/projects/${place.id}/tasks`, body: { title: key } }
  return { method: 'POST', path: `/api/cuts/${place.cutId}/comments`, body: { body: key } }
}

export interface Writer {
  writes: Write[]
  /** Answered 2xx so far. */
  acked(): number
  /** Were due and not sent, since too many were under way. */
  skipped(): number
  /** Sends no more; resolves when every write is answered or given up. */
  stop(): Promise<void>
  /** Ms from the beginning of the answered try to its answer, of writes sent between two moments of the wall's clock. */
  latencies(from?: number, to?: number): number[]
}

export interface WriterOptions {
  world: World
  /** Nodes, one after the other. */
  urls: string[]
  perSecond: number
  seed: number
  /** After a failed try, ms. */
  retryMs?: number
  /** Given up after so long, ms. */
  patienceMs?: number
  /** Instead of the mix. */
  compose?: (random: Random, place: Place, key: string) => Request
}

const MOST_IN_FLIGHT = 400

/** One write through all its tries: the same key on the next node, until it is answered. */
export async function sendUntilAnswered(
  http: Http,
  write: Write,
  options: { urls: string[]; person: Person; asks: Request; retryMs?: number; patienceMs?: number; going?: () => boolean },
): Promise<string> {
  const { urls, person, asks, retryMs = 100, patienceMs = 30_000 } = options
  const headers = { 'idempotency-key': write.key, ...asks.headers }
  for (let turn = write.node; ; turn++) {
    write.tries++
    write.triedAt = Date.now()
    const from = performance.now()
    write.node = turn % urls.length
    const url = urls[write.node] ?? ''
    const answer = await http
      .send(url, asks.method, asks.path, { token: person.token, body: asks.body, headers })
      .catch(() => null)
    write.answeredAt = Date.now()
    write.ms = performance.now() - from
    write.status = answer?.status ?? 0
    // 409: the first try still runs in a backend of Postgres whose server is dead; 503 and worse: not now, or not known.
    const passing =
      answer === null || answer.status >= 500 || (answer.status === 409 && answer.body.includes('idempotency-running'))
    if (!passing) {
      write.outcome = answer.status < 300 ? 'acked' : 'refused'
      return answer.body
    }
    if (write.answeredAt - write.sentAt > patienceMs) {
      write.outcome = 'unknown'
      return ''
    }
    await new Promise((next) => setTimeout(next, retryMs))
  }
}

/** Writes at an even pace whatever the servers do, each under a key of its own, over all projects and nodes. */
export function startWriter(options: WriterOptions): Writer {
  const { world, urls, perSecond } = options
  const random = createRandom(options.seed)
  const http = openHttp()
  const writes: Write[] = []
  const running = new Set<Promise<void>>()
  const tasks = new Map<string, string[]>()
  let acked = 0
  let skipped = 0

  async function one(write: Write, place: Place): Promise<void> {
    const known = tasks.get(place.id) ?? []
    const asks = (options.compose ?? ((...args) => compose(...args, known)))(random, place, write.key)
    const body = await sendUntilAnswered(http, write, { ...options, person: random.pick(place.members), asks })
    if (write.outcome !== 'acked') return
    acked++
    if (asks.method !== 'POST' || !asks.path.endsWith('/tasks')) return
    known.push((JSON.parse(body) as { id: string }).id)
    tasks.set(place.id, known.slice(-20))
  }

  const began = performance.now()
  let due = 0
  const timer = setInterval(() => {
    for (const now = performance.now() - began; (due * 1000) / perSecond <= now; due++) {
      if (running.size >= MOST_IN_FLIGHT) {
        skipped++
        continue
      }
      const place = random.pick(world.projects)
      const write = newWrite(`${options.seed.toString(36)}-${due}`, place, due % urls.length)
      writes.push(write)
      const run = one(write, place).finally(() => running.delete(run))
      running.add(run)
    }
  }, 4)

  let stopped: Promise<void> | undefined
  return {
    writes,
    acked: () => acked,
    skipped: () => skipped,
    stop() {
      clearInterval(timer)
      stopped ??= Promise.all(running).then(() => http.close())
      return stopped
    },
    latencies: (from = 0, to = Number.POSITIVE_INFINITY) =>
      writes.filter((write) => write.outcome === 'acked' && write.sentAt >= from && write.sentAt < to).map((write) => write.ms),
  }
}
