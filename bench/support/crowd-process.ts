// A process of sockets (crowd.ts).
import { setTimeout as sleep } from 'node:timers/promises'
import { type CountingSocket, openCountingSocket } from './counting-socket.ts'
import type { FanPlan, FanResult, OpenPlan, OpenResult, ToCrowd } from './crowd.ts'
import { openHttp, prepare } from './http.ts'
import { type CrowdSpec, joinScriptOf } from './join-script.ts'
import { nOf } from './subject.ts'
import { serve } from './worker.ts'

const OPEN_MS = 120_000
const SETTLE_MS = 10_000
const PING = '2'.charCodeAt(0)

let count = Number(process.argv[2] ?? 0) * 10_000_000
const sockets = new Set<CountingSocket>()
/** Events that came to all together, and the length of the last. */
let delivered = 0
let length = 0
let onEvent: () => void = () => {}
let ending = false

/** Texts that begin alike share the same bytes: there are as many as kinds of events. */
const beginnings = new Map<string, Buffer>()
function beginningOf(text: string): Buffer {
  const known = beginnings.get(text) ?? Buffer.from(text)
  beginnings.set(text, known)
  return known
}
function begins(data: Buffer, from: number, to: number, text: Buffer): boolean {
  if (to - from < text.length) return false
  for (let n = 0; n < text.length; n++) if (data[from + n] !== text[n]) return false
  return true
}

/** Opens one and resolves when it has joined, with the number of events on the way. */
function join(spec: CrowdSpec): Promise<number> {
  const { path, steps, refused, event } = joinScriptOf(spec)
  const wanted = beginningOf(event)
  let step = 0
  let received = 0
  return new Promise((resolve, reject) => {
    function advance(): void {
      const { send } = steps[step++] ?? {}
      if (send !== undefined) socket.send(send)
      if (step === steps.length) resolve(received)
    }
    const socket = openCountingSocket(spec.url, path, {
      opened() {
        if (steps[0]?.when === '') advance()
      },
      text(data, from, to) {
        if (begins(data, from, to, wanted)) {
          received++
          delivered++
          length = to - from
          onEvent()
        } else if (to - from === 1 && data[from] === PING) socket.send('3')
        else if (step < steps.length) {
          const text = data.toString('latin1', from, Math.min(to, from + 200))
          if (text.startsWith(steps[step]?.when ?? '')) advance()
          else if (refused.some((beginning) => text.startsWith(beginning))) reject(new Error(`${spec.subject} refuses: ${text}`))
        }
      },
      closed(why) {
        sockets.delete(socket)
        if (step < steps.length) reject(new Error(`${spec.subject}: ${why}`))
        else if (!ending) console.error(`!!! ${spec.subject} lost a socket: ${why}`)
      },
    })
    sockets.add(socket)
  })
}

async function open({ specs, atOnce }: OpenPlan): Promise<OpenResult> {
  ending = false
  const result: OpenResult = { liveMs: [], events: [] }
  const start = performance.now()
  let next = 0
  async function run(): Promise<void> {
    for (let spec = specs[next++]; spec !== undefined; spec = specs[next++]) {
      result.events.push(await join(spec))
      result.liveMs.push(performance.now() - start)
    }
  }
  const late = new AbortController()
  await Promise.race([
    Promise.all(Array.from({ length: Math.min(atOnce, specs.length) }, run)),
    sleep(OPEN_MS, undefined, late).then(() => {
      throw new Error(`only ${result.liveMs.length} of ${specs.length} sockets have joined after ${OPEN_MS} ms`)
    }),
  ]).finally(() => late.abort())
  return result
}

async function fan({ requests, listeners, window, ms }: FanPlan): Promise<FanResult> {
  const http = openHttp(requests[0]?.url ?? '')
  const prepared = requests.map(prepare)
  const [start, before] = [performance.now(), delivered]
  const answers: Promise<unknown>[] = []
  let [writes, last] = [0, start]
  const deliveries = () => delivered - before
  const until = (least: number) =>
    new Promise<void>((resolve) => {
      const late = setTimeout(resolve, SETTLE_MS)
      onEvent = () => {
        if (deliveries() < least) return
        clearTimeout(late)
        onEvent = () => {}
        last = performance.now()
        resolve()
      }
      onEvent()
    })
  while (performance.now() < start + ms && http.complaint() === null) {
    const request = prepared[writes % prepared.length]
    if (request === undefined) throw new Error('no requests')
    writes++
    answers.push(http.send(request, nOf(count++)))
    await until((writes - window + 1) * listeners)
  }
  await Promise.all(answers)
  await until(writes * listeners)
  const missing = writes * listeners - deliveries()
  if (missing > 0) last = performance.now()
  http.close()
  const perSecond = (deliveries() / (last - start)) * 1000
  return { writes, deliveries: deliveries(), missing, perSecond, bytes: length, complaint: http.complaint() }
}

async function cut(): Promise<void> {
  ending = true
  for (const socket of sockets) socket.cut()
  sockets.clear()
}

function answer(message: ToCrowd): Promise<unknown> {
  if (message.type === 'open') return open(message)
  if (message.type === 'fan') return fan(message)
  return cut()
}

serve<ToCrowd>(answer)
