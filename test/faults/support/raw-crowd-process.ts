import { WebSocket } from 'ws'
import { openSocketTransport } from '../../support/socket-transport.ts'
import type { FromRawCrowd, RawClient, RawPlan, ToRawCrowd } from './raw-crowd.ts'

// Clients that speak Socket.IO by hand, in a process of their own.

/** Also while nothing is read: without pongs the client counts as dead, not as slow. */
const PONG_MS = 4_000
const RETRY_MS = 1_000

const clients: (RawClient & { socket: WebSocket | null })[] = []
let frames = 0
let closing = false
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
const send = (message: FromRawCrowd) => void process.send?.(message)

function start(url: string, plan: RawPlan, began: number): void {
  const client: (typeof clients)[number] = {
    last: plan.after,
    liveMs: null,
    reconnects: 0,
    refusals: 0,
    wrong: [],
    socket: null,
  }
  clients.push(client)
  const room = `"room":"project:${plan.projectId}","seq":`

  function open(): void {
    const socket = openSocketTransport(url, onPacket)
    client.socket = socket
    const join = () => {
      if (socket.readyState !== WebSocket.OPEN) return
      const { projectId } = plan
      socket.send(`421${JSON.stringify(['join:project', { projectId, after: client.last, activity: false }])}`)
    }
    socket.on('close', () => {
      if (closing) return
      client.reconnects++
      setTimeout(open, Math.random() * RETRY_MS)
    })
    function onPacket(data: Buffer): void {
      frames++
      // Reading all of it as JSON would cost more than the server's part; meta comes last.
      const text = data.toString('latin1', Math.max(0, data.length - 400))
      const at = text.lastIndexOf(room)
      const head = data.toString('latin1', 0, 24)
      if (head.startsWith('42[') && at !== -1) {
        const seq = Number.parseInt(text.slice(at + room.length), 10)
        if (seq === client.last + 1) client.last = seq
        else if (client.wrong.length < 5) client.wrong.push(`#${seq} after #${client.last}`)
      } else if (head[0] === '0') socket.send(`40${JSON.stringify({ token: plan.token })}`)
      else if (head.startsWith('42["connected"')) join()
      else if (head.startsWith('431[{"ok":true')) client.liveMs ??= Date.now() - began
      else if (head.startsWith('431[')) {
        client.refusals++
        setTimeout(join, RETRY_MS)
      } else if (head.startsWith('44')) {
        client.refusals++
        socket.close()
      }
    }
  }
  open()
}

let pongs: NodeJS.Timeout | undefined
process.on('message', (message: ToRawCrowd) => {
  if (message.type === 'open') {
    const began = Date.now()
    for (const plan of message.plans) start(message.url, plan, began)
    setInterval(() => {
      const live = clients.filter(({ liveMs }) => liveMs !== null).length
      const slowest = clients.reduce((least, { last }) => Math.min(least, last), Number.MAX_SAFE_INTEGER)
      send({ type: 'status', status: { live, slowest, frames, cpuSeconds: cpuSeconds() } })
    }, 100).unref()
  } else if (message.type === 'pause') {
    for (const { socket } of clients) socket?.pause()
    pongs = setInterval(() => {
      for (const { socket } of clients) if (socket?.readyState === WebSocket.OPEN) socket.send('3')
    }, PONG_MS)
  } else if (message.type === 'resume') {
    clearInterval(pongs)
    for (const { socket } of clients) socket?.resume()
  } else {
    closing = true
    send({ type: 'result', clients: clients.map(({ socket, ...client }) => client), cpuSeconds: cpuSeconds() })
    for (const { socket } of clients) socket?.terminate()
    process.disconnect()
  }
})
process.on('disconnect', () => process.exit(0))
