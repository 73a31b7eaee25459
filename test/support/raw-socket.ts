import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { TestApp } from './app.ts'
import { openSocketTransport } from './socket-transport.ts'

/** Socket.IO by hand: a client that can stop reading, and say what no client library would. */
export interface Raw {
  ws: WebSocket
  /** Every packet that came in, as text; binary ones as `<n bytes>`. */
  packets: string[]
  /** Durable events and other events: name, payload, meta. */
  events(): { name: string; payload: Record<string, unknown>; meta: { room: string; seq: number } | undefined }[]
  /** The answer to the request that was sent as `42<id>[…]`. */
  ack(id: number): Record<string, unknown> | undefined
  closed(): boolean
}

/** Opens the transport; says nothing by itself except that it is alive. */
export async function openRaw({ url }: Pick<TestApp, 'url'>, headers: Record<string, string> = {}): Promise<Raw> {
  const packets: string[] = []
  const record = (data: Buffer, isBinary: boolean) => packets.push(isBinary ? `<${data.length} bytes>` : data.toString())
  const ws = openSocketTransport(url, record, headers)
  onTestFinished(() => ws.terminate())
  await new Promise<void>((resolve, reject) => {
    ws.once('open', () => resolve())
    ws.once('error', reject)
  })
  return {
    ws,
    packets,
    events: () =>
      packets.flatMap((packet) => {
        if (!packet.startsWith('42[')) return []
        const [name, payload, meta] = JSON.parse(packet.slice(2))
        return [{ name, payload, meta }]
      }),
    ack(id) {
      const packet = packets.find((each) => each.startsWith(`43${id}[`))
      return packet && JSON.parse(packet.slice(`43${id}`.length))[0]
    },
    closed: () => ws.readyState === WebSocket.CLOSED,
  }
}
