import { randomUUID } from 'node:crypto'
import { createClient } from '@cutroom/client'
import type { Meta } from '@cutroom/contract'
import { io, type Socket } from 'socket.io-client'
import { now } from './clock.ts'
import type { Attempt, Casting, Line, Order } from './messages.ts'

type Ids = Extract<Order, { type: 'try' }>

/** Has an account and the real ids, but is no member: tries to get in, and reports every frame that comes anyway. */
export async function playStranger({ url, email, password, projectId }: Casting, line: Line): Promise<void> {
  const client = createClient({ url })
  const user = await client.login({ email, password })
  const token = client.tokens?.accessToken ?? ''
  const socket = io(url, { transports: ['websocket'], auth: { token }, reconnectionDelay: 200, reconnectionDelayMax: 1_000 })
  socket.onAny((name: string, _payload: unknown, meta?: Meta) => {
    if (name !== 'connected') line.report({ type: 'frame', name, room: meta?.room })
  })
  socket.on('connect', () => line.report({ type: 'status', status: 'live', at: now() }))
  socket.on('disconnect', () => line.report({ type: 'status', status: 'stale', at: now() }))
  await new Promise<void>((resolve) => socket.once('connected', resolve))
  line.report({ type: 'ready', userId: user.id, after: 0 })
  line.onOrder(async (order) => {
    if (order.type !== 'try') return
    const attempts = [...(await bySocket(socket, projectId, order)), ...(await byRest(url, token, projectId, order))]
    attempts.push(await byNamespace(url, token, projectId))
    line.report({ type: 'tried', attempts })
  })
}

type Ack = { ok?: boolean; error?: { status: number } }

/** Asks for the room by its id, by ids that might be others, and by names that other servers use for this. */
async function bySocket(socket: Socket, projectId: string, { ownerId }: Ids): Promise<Attempt[]> {
  const room = `project:${projectId}`
  const next = projectId.slice(0, -1) + (projectId.endsWith('0') ? '1' : '0')
  const asks: [what: string, name: string, payload: unknown][] = [
    ['join the room', 'join:project', { projectId }],
    ['join the room', 'join:project', { projectId: projectId.toUpperCase() }],
    ['join with a replay', 'join:project', { projectId, after: 0 }],
    ...[next, ...Array.from({ length: 8 }, () => randomUUID())].map((guess): [string, string, unknown] => [
      'join by guessed ids',
      'join:project',
      { projectId: guess, after: 0 },
    ]),
    ['join a member’s own room', 'join:user', { userId: ownerId, after: 0 }],
    ['join in other words', 'join', room],
    ['join in other words', 'subscribe', { room }],
    ['appear in the room', 'presence:set', { projectId, state: null }],
    ['type in the room', 'typing', { projectId, targetId: projectId, isTyping: true }],
  ]
  const ask = async ([what, name, payload]: (typeof asks)[number]): Promise<Attempt> => {
    const ack: Ack = await socket
      .timeout(5_000)
      .emitWithAck(name, payload)
      .catch(() => ({}))
    return { what, answer: ack.ok ? 'ok' : String(ack.error?.status ?? 'silence'), letIn: ack.ok === true }
  }
  return Promise.all(asks.map(ask))
}

/** Reads and writes with ids that are the real ones. */
async function byRest(url: string, token: string, projectId: string, { cutId, commentId }: Ids): Promise<Attempt[]> {
  const project = `/api/projects/${projectId}`
  const reads = [project, `${project}/snapshot`, `${project}/events?after=0`, `${project}/tasks`, `${project}/members`]
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ body: 'Hello from outside' })
  const asks: [what: string, path: string, init?: RequestInit][] = [
    ...[...reads, `/api/cuts/${cutId}/lyrics`, `/api/comments/${commentId}`].map((path): [string, string] => [
      'read by the real ids',
      path,
    ]),
    ['write by the real ids', `/api/cuts/${cutId}/comments`, { method: 'POST', body }],
    ['write by the real ids', `/api/comments/${commentId}/replies`, { method: 'POST', body }],
  ]
  const ask = async ([what, path, init]: (typeof asks)[number]): Promise<Attempt> => {
    const { ok, status } = await fetch(url + path, { ...init, headers })
    return { what, answer: String(status), letIn: ok }
  }
  return Promise.all(asks.map(ask))
}

/** A Socket.IO namespace of the room's name. */
function byNamespace(url: string, token: string, projectId: string): Promise<Attempt> {
  const other = io(`${url}/project:${projectId}`, {
    transports: ['websocket'],
    auth: { token },
    forceNew: true,
    reconnection: false,
  })
  return new Promise((resolve) => {
    const end = (answer: string, letIn: boolean) => {
      other.close()
      resolve({ what: 'join a namespace', answer, letIn })
    }
    other.once('connect', () => end('ok', true))
    other.once('connect_error', () => end('refused', false))
  })
}
