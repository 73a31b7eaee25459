import type { Meta, Problem } from '@cutroom/contract'
import { io, type Socket } from 'socket.io-client'
import { onTestFinished } from 'vitest'
import type { TestApp } from './app.ts'
import type { Person } from './people.ts'

/** A frame as it came in: durable events have `meta`. */
export interface Frame {
  name: string
  payload: Record<string, unknown>
  meta: Meta | undefined
}

export interface Listener {
  socket: Socket
  /** Everything that came in, in order. */
  frames: Frame[]
  /** Durable events of one room only. */
  events(room?: string): (Frame & { meta: Meta })[]
  ask<T = Record<string, unknown>>(name: string, payload?: unknown): Promise<T & { ok: boolean; error?: Problem }>
  join(projectId: string, position?: { after?: number; epoch?: string; activity?: boolean }): Promise<JoinAck>
}

export interface JoinAck {
  ok: boolean
  error?: Problem
  room: string
  epoch: string
  head: number
  mode: 'live' | 'resumed' | 'reset'
  role: string
  presence: { user: { id: string } }[]
}

/** A plain socket.io-client that keeps what it gets; closed when the test ends. Does not wait for the connection. */
export function open(app: Pick<TestApp, 'url'>, options: Parameters<typeof io>[1] = {}): Listener {
  const socket = io(app.url, { transports: ['websocket'], reconnection: false, forceNew: true, ...options })
  onTestFinished(() => void socket.close())
  const frames: Frame[] = []
  socket.onAny((name: string, payload: Record<string, unknown>, meta?: Meta) => frames.push({ name, payload, meta }))
  const ask: Listener['ask'] = (name, payload) => socket.timeout(10_000).emitWithAck(name, payload)
  return {
    socket,
    frames,
    events: (room) =>
      frames.filter(
        (frame): frame is Frame & { meta: Meta } => frame.meta !== undefined && (room === undefined || frame.meta.room === room),
      ),
    ask,
    join: (projectId, position = {}) => ask<JoinAck>('join:project', { projectId, ...position }) as Promise<JoinAck>,
  }
}

/** A connected socket of a person: its `connected` has come. */
export async function connect(
  app: Pick<TestApp, 'url'>,
  person: Pick<Person, 'token'>,
  options: Parameters<typeof io>[1] = {},
): Promise<Listener> {
  const listener = open(app, { auth: { token: person.token }, ...options })
  await new Promise<void>((resolve, reject) => {
    listener.socket.once('connected', () => resolve())
    listener.socket.once('connect_error', reject)
    listener.socket.once('disconnect', (reason) => reject(new Error(`closed before it was connected: ${reason}`)))
  })
  return listener
}
