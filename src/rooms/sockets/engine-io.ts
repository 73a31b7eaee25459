import type { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import type { Activity } from '@cutroom/contract'
import { concatenate } from '../../lib/buffers.ts'
import type { LogEntry } from '../log/log.ts'
import type { RoomServer, RoomSocket } from '../types.ts'

// All uses of private parts of Engine.IO and Socket.IO. Without them a lagging reader cannot be noticed, nor can many sockets be sent
// what was encoded once.

interface Transport extends EventEmitter {
  name: string
  /** The kernel has taken all that it was given (WebSocket), or a poll waits for more. */
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
 * Restricts the adapter between nodes to the part that is used: one event that carries one text. Other messages in Redis are ignored: they
 * would be orders to this server. A message that cannot be sent is reported; the adapter's own rejection would end the process.
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

/** Encodes an entry as a replay sends it. */
export function createEncoder(io: RoomServer): (entry: LogEntry) => Buffer {
  const frame = createFrames(io)
  return ({ name, payload, meta }) => frame(name, payload, { ...meta, replayed: true })
}

/** Encodes an entry as an activity; empty where it is none, or where it is of a form that none can be made of. */
export function createActivityEncoder(
  io: RoomServer,
  activityOf: (entry: LogEntry) => Activity | null,
): (entry: LogEntry) => Buffer {
  const frame = createFrames(io)
  const none = Buffer.alloc(0)
  return (entry) => {
    try {
      const activity = activityOf(entry)
      return activity ? frame('activity:new', activity) : none
    } catch {
      return none
    }
  }
}

/** The text of a server's WebSocket frame without its first byte, Engine.IO's packet type 4 (message). The header is 2, 4 or 10 bytes. */
function textOf(frame: Buffer): string {
  const [, length = 0] = frame
  return frame.toString('utf8', 1 + (length < 126 ? 2 : length === 126 ? 4 : 10))
}

/** The entry in a frame of a replay. */
export function entryOf(frame: Buffer): Omit<LogEntry, 'label'> {
  // Behind the packet type of Socket.IO, 2 (event).
  const [name, payload, { replayed: _, ...meta }] = JSON.parse(textOf(frame).slice(1))
  return { name, payload, meta }
}

/**
 * Sends frames.
 * @param joined one behind the other: over a WebSocket they leave in one piece, by one system call
 * @param frames the same, each on its own
 */
export function sendFrames(socket: RoomSocket, joined: Buffer, frames: () => readonly Buffer[]): void {
  const connection = connectionOf(socket)
  const { name, perMessageDeflate } = connection.transport
  if (name === 'websocket' && !perMessageDeflate) connection.write('', { wsPreEncodedFrame: [joined] })
  else for (const frame of frames()) connection.write(textOf(frame), { wsPreEncodedFrame: [frame] })
}

const EMPTY_HANDSHAKE = { headers: {}, auth: {} }
const EMPTY_REQUEST = { headers: {}, connection: {}, _query: {} }

/**
 * Frees the data of the handshake, which is a quarter of an idle socket's memory. The credentials and the dialect stay in the request:
 * a client may leave and come again on its connection.
 */
export function forgetHandshake(socket: RoomSocket): void {
  const { cookie, authorization } = socket.request.headers
  const { dialect } = socket.handshake.query
  const headers = { ...(cookie && { cookie }), ...(authorization && { authorization }) }
  const isEmpty = !cookie && !authorization && dialect === undefined
  connectionOf(socket).request = isEmpty
    ? EMPTY_REQUEST
    : { headers, connection: {}, _query: dialect === undefined ? {} : { dialect } }
  Object.assign(socket, { handshake: EMPTY_HANDSHAKE })
}

/**
 * Calls listeners with all that a socket asks for, as `onAny` does. All sockets share one list of them: a list and a listener of its own
 * for each would be 0.5 KB of an idle socket.
 */
export function listenToAll(
  socket: RoomSocket,
  listeners: ((this: RoomSocket, name: string, ...args: unknown[]) => void)[],
): void {
  Object.assign(socket, { _anyListeners: listeners })
}

/** Whether anything can be sent to it: not while it is closing. */
export const isOpen = (socket: RoomSocket): boolean => socket.connected && connectionOf(socket).readyState === 'open'

/** Whether the server has queued anything for it. */
export function hasBacklog(socket: RoomSocket): boolean {
  const { writeBuffer, transport } = connectionOf(socket)
  return writeBuffer.length > 0 || (transport.socket?.bufferedAmount ?? 0) > 0
}

/** Bytes that are queued for a socket. */
export interface Backlog {
  bytes: number
  /** The same object as long as the transport takes nothing; null while it is not busy. */
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

/** Resolves when all that was written to the socket has left for the network, or the socket is closed. */
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

/** Bounds how long a closed connection waits for a poll that would take its last packets along, ms. */
export function limitCloseTime(connection: RoomSocket['conn'], ms: number): void {
  Object.assign(connection.transport, { closeTimeout: ms })
}

/**
 * Bounds how long closed WebSockets wait for the answering close frame, ms. Engine.IO makes another WebSocket server whenever the HTTP
 * server begins to listen, without a way to set its options.
 */
export function limitServerCloseTime(io: RoomServer, server: Server, ms: number): void {
  server.on('listening', () => {
    const { ws } = io.engine as unknown as { ws?: { options: { closeTimeout: number } } }
    if (ws) ws.options.closeTimeout = ms
  })
}

/** A packet as Engine.IO decoded it. */
export interface Packet {
  type: string
  data?: unknown
}

/**
 * Bytes, or the announcement of some: Socket.IO buffers them until the last piece has arrived, also before authentication.
 * No request of the contract carries any.
 */
export const isBinary = ({ type, data }: Packet): boolean =>
  type === 'message' && (typeof data !== 'string' || /^[56]/.test(data))

/** The WebSocket of a connection. */
export interface WebSocketLike {
  readyState: number
  CLOSED: number
  once(name: 'close', listener: () => void): void
  terminate(): void
}

/** The WebSocket of a connection; null while it polls. */
export function webSocketOf(connection: RoomSocket['conn']): WebSocketLike | null {
  const { socket } = connection.transport as unknown as { socket?: Partial<WebSocketLike> }
  return socket?.terminate ? (socket as WebSocketLike) : null
}
