// A process of load: asks over HTTP, listens on sockets, and knows one thing at a time (load.ts).
import { setTimeout as sleep } from 'node:timers/promises'
import { openHttp, prepare } from './http.ts'
import type { LoopPlan, LoopResult, PacePlan, PaceResult, ToLoad } from './load.ts'
import { percentile } from './numbers.ts'
import { clock, type HttpRequest, type Listen, type Listener, nOf, type SocketSpec } from './subject.ts'
import { serve } from './worker.ts'

let count = Number(process.argv[2] ?? 0) * 10_000_000
const SETTLE_MS = 5_000
/** Sockets that are being opened at the same time. */
const OPENING = 20

const first = (requests: readonly HttpRequest[]): HttpRequest => {
  if (requests[0] === undefined) throw new Error('no requests')
  return requests[0]
}

async function loop({ requests, connections, ms }: LoopPlan): Promise<LoopResult> {
  const http = openHttp(first(requests).url)
  const prepared = requests.map(prepare)
  const took: number[] = []
  let [turn, failed] = [0, 0]
  const start = performance.now()
  const end = start + ms
  async function run(): Promise<void> {
    while (performance.now() < end) {
      const request = prepared[turn++ % prepared.length]
      if (request === undefined) return
      const sent = performance.now()
      const status = await http.send(request, nOf(count++))
      took.push(performance.now() - sent)
      if (status >= 300 && status !== 304) failed++
    }
  }
  await Promise.all(Array.from({ length: connections }, run))
  const seconds = (performance.now() - start) / 1000
  http.close()
  return {
    done: took.length - failed,
    failed,
    complaint: http.complaint(),
    perSecond: (took.length - failed) / seconds,
    p50: percentile(took, 0.5),
    p99: percentile(took, 0.99),
  }
}

const listeners: Listener[] = []
let heard: (n: string, at: number) => void = () => {}

async function listen(specs: readonly SocketSpec[]): Promise<void> {
  const waiting = [...specs]
  async function open(): Promise<void> {
    for (let spec = waiting.shift(); spec !== undefined; spec = waiting.shift()) {
      const client = (await import(new URL(`../subjects/${spec.subject}/client.ts`, import.meta.url).href)) as { listen: Listen }
      listeners.push(await client.listen(spec, (n, at) => heard(n, at)))
    }
  }
  await Promise.all(Array.from({ length: OPENING }, open))
}

async function pace({ requests, listeners: each, perSecond, warmMs, ms }: PacePlan): Promise<PaceResult> {
  const http = openHttp(first(requests).url)
  const prepared = requests.map(prepare)
  const result: PaceResult = { done: 0, delays: [], answers: [], failed: 0, complaint: null, missing: 0, repeated: 0 }
  const sentAt = new Map<string, { at: number; left: number }>()
  heard = (n, at) => {
    const write = sentAt.get(n)
    if (write === undefined) return
    if (write.left-- > 0) result.delays.push(at - write.at)
    else result.repeated++
  }
  const total = Math.round(((warmMs + ms) * perSecond) / 1000)
  const start = clock()
  const asked: Promise<void>[] = []
  async function write(turn: number): Promise<void> {
    const request = prepared[turn % prepared.length]
    if (request === undefined) return
    const n = nOf(count++)
    const at = clock()
    const measured = at >= start + warmMs
    if (measured) sentAt.set(n, { at, left: each })
    const status = await http.send(request, n)
    result.done++
    if (status >= 300) {
      result.failed++
      sentAt.delete(n)
    } else if (measured) result.answers.push(clock() - at)
  }
  for (let turn = 0; turn < total; turn++) {
    const wait = start + (turn * 1000) / perSecond - clock()
    if (wait > 1) await sleep(wait)
    asked.push(write(turn))
  }
  await Promise.all(asked)
  const expected = sentAt.size * each
  const end = clock() + SETTLE_MS
  while (result.delays.length < expected && clock() < end) await sleep(20)
  // A repeated delivery would come at once.
  await sleep(100)
  heard = () => {}
  http.close()
  return { ...result, missing: expected - result.delays.length, complaint: http.complaint() }
}

async function close(): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()))
}

function answer(message: ToLoad): Promise<unknown> {
  if (message.type === 'loop') return loop(message)
  if (message.type === 'listen') return listen(message.specs)
  if (message.type === 'pace') return pace(message)
  return close()
}

serve<ToLoad>(answer)
