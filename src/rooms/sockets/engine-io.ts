import type { EventEmitter } from 'node:events'
import { concatenate } from '../../lib/buffers.ts'
import type { LogEntry } from '../log/log.ts'
import type { RoomServer, RoomSocket } from '../types.ts'

// What Engine.IO and Socket.IO keep without a public name, in one place: there is no other way to see that a reader lags,
// or to send many sockets what was encoded once.

interface Transport extends EventEmitter {
  name: string
  /** Whatever was given to it has left for the kernel (WebSocket), or a poll waits for more. */
  writable: boolean
  perMessageDeflate: unknown
  /** Of a WebSocket. */
  socket?: { bufferedAmount: number; close(code: number, reason: string): void }
}
interface PacketOptions {
  wsPreEncodedFrame?: Buffer[]
}
interface Connection extends EventEmitter {
  request: object
  readyState: string
  /** What waits for the transport; another array after each time that it was taken. */
  writeBuffer: { data?: string | Buffer; options?: PacketOptions }[]
  transport: Transport
  write(data: string, options: PacketOptions): void
  close(discard?: boolean): void
}
const connectionOf = ({ conn }: RoomSocket) => conn as unknown as Connection

/** The adapter between nodes. */
interface ClusterAdapter {
  serverSideEmit(packet: unknown[]): Promise<void>
  onMessage(message: { type?: unknown; data?: { packet?: unknown; requestId?: unknown } } | null, offset?: string): void
}
/** The number of a message from server to servers. */
const SERVER_SIDE_EMIT = 9

/**
 * Leaves of the adapter between nodes what is used of it: one event that carries one text. Whatever else stands in Redis is no order
 * to this server, and what cannot be sent is reported instead of ending the process as a promise that was not awaited.
 */
export function restrictCluster(io: RoomServer, event: string, onError: (error: unknown) => void): void {
  const adapter = io.of('/').adapter as unknown as ClusterAdapter
  const { serverSideEmit, onMessage } = adapter
  adapter.serverSideEmit = (packet) => serverSideEmit.call(adapter, packet).catch(onError)
  adapter.onMessage = (message, offset) => {
    const packet = message?.data?.packet
    if (message?.type !== SERVER_SIDE_EMIT || message.data?.requestId !== undefined) return
    if (Array.isArray(packet) && packet.length === 2 && packet[0] === event) onMessage.call(adapter, message, offset)
  }
}

/** Encodes an event for any number of sockets, as one WebSocket frame. */
export function createFrames(io: RoomServer): (name: string, ...args: unknown[]) => Buffer {
  const { adapter } = io.of('/') as unknown as { adapter: { _encode(packet: object, options: PacketOptions): string[] } }
  return (...data) => {
    const options: PacketOptions = {}
    adapter._encode({ type: 2, nsp: '/', data }, options)
    return concatenate(options.wsPreEncodedFrame ?? [])
  }
}

/** Encodes an entry as a catch-up tells it. */
export function createEncoder(io: RoomServer): (entry: LogEntry) => Buffer {
  const frame = createFrames(io)
  return ({ name, payload, meta }) => frame(name, payload, { ...meta, replayed: true })
}

/** What a frame of the server carries, without the 4 that says that it is a message: behind two bytes and its length, if that is long. */
function textOf(frame: Buffer): string {
  const [, length = 0] = frame
  return frame.toString('utf8', 1 + (length < 126 ? 2 : length === 126 ? 4 : 10))
}

/**
 * Sends what was encoded before.
 * @param frames all of them, one behind the other: over a WebSocket they leave in one piece, by one system call
 */
export function write(
  socket: RoomSocket,
  events: readonly { frame: Buffer }[],
  frames: () => Buffer = () => concatenate(events.map(({ frame }) => frame)),
): void {
  const connection = connectionOf(socket)
  const { name, perMessageDeflate } = connection.transport
  if (name === 'websocket' && !perMessageDeflate) connection.write('', { wsPreEncodedFrame: [frames()] })
  else for (const { frame } of events) connection.write(textOf(frame), { wsPreEncodedFrame: [frame] })
}

const FORGOTTEN = { headers: {}, auth: {} }

/**
 * Lets go of what a handshake brought, which is a quarter of an idle socket's memory. What says who they are stays in the request:
 * a client may leave and come again on its connection.
 */
export function forgetHandshake(socket: RoomSocket): void {
  const { cookie, authorization } = socket.request.headers
  const headers = { ...(cookie && { cookie }), ...(authorization && { authorization }) }
  connectionOf(socket).request = { headers, connection: {}, _query: {} }
  Object.assign(socket, { handshake: FORGOTTEN })
}

/** May anything be sent to it at all? Not while it is closing. */
export const isOpen = (socket: RoomSocket): boolean => socket.connected && connectionOf(socket).readyState === 'open'

/** Does the server hold anything for it? */
export function waits(socket: RoomSocket): boolean {
  const { writeBuffer, transport } = connectionOf(socket)
  return writeBuffer.length > 0 || (transport.socket?.bufferedAmount ?? 0) > 0
}

/** What the server holds for a socket. */
export interface Backlog {
  bytes: number
  /** The same as long as the transport took nothing more; null while it takes what comes. */
  batch: object | null
}

export function backlogOf(socket: RoomSocket): Backlog {
  const { writeBuffer, transport } = connectionOf(socket)
  let bytes = transport.socket?.bufferedAmount ?? 0
  for (const { data, options } of writeBuffer)
    if (options?.wsPreEncodedFrame) for (const { length } of options.wsPreEncodedFrame) bytes += length
    else bytes += data?.length ?? 0
  return { bytes, batch: transport.writable ? null : writeBuffer }
}

/** Resolves when all that was written to the socket has left for the network, or the socket is gone. */
export async function whenDrained(socket: RoomSocket): Promise<void> {
  const connection = connectionOf(socket)
  const isBusy = () => connection.readyState === 'open' && (connection.writeBuffer.length > 0 || !connection.transport.writable)
  while (isBusy())
    await new Promise<void>((resolve) => {
      const { transport } = connection
      const done = () => {
        transport.off('ready', done)
        connection.off('upgrade', done)
        connection.off('close', done)
        resolve()
      }
      transport.on('ready', done)
      connection.on('upgrade', done)
      connection.on('close', done)
    })
}

/** "Try again later": stock clients come back by themselves. A peer that does not read gets a hang-up from ws soon after. */
const TRY_AGAIN_LATER = 1013

/** Closes the connection in a way after which clients come again. */
export function closeForReconnect(socket: RoomSocket, reason: string): void {
  const connection = connectionOf(socket)
  const { socket: webSocket } = connection.transport
  if (webSocket) webSocket.close(TRY_AGAIN_LATER, reason)
  else connection.close(true)
}
