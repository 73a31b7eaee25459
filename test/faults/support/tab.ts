import { io, type Socket } from 'socket.io-client'
import type { Frame, JoinAck } from '../../support/sockets.ts'

/** A frame, and when it came, ms on the clock of the wall. */
export type Arrived = Frame & { at: number }

/** A plain client on one node that keeps all it gets. It does not come back by itself. */
export interface Tab {
  /** Index of the node it is on. */
  node: number
  socket: Socket
  frames: Arrived[]
  ask<T extends object = object>(name: string, payload: object): Promise<T & Pick<JoinAck, 'ok' | 'error'>>
  join(projectId: string, position?: { after?: number; epoch?: string; activity?: boolean }): Promise<JoinAck>
  close(): void
}

/** Opens a tab; resolves when `connected` came. `onFrame` sees each frame besides. */
export async function openTab(url: string, token: string, node: number, onFrame?: (frame: Arrived) => void): Promise<Tab> {
  const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true, auth: { token } })
  const frames: Arrived[] = []
  socket.onAny((name: string, payload: Frame['payload'], meta: Frame['meta']) => {
    const frame = { name, payload, meta, at: Date.now() }
    frames.push(frame)
    onFrame?.(frame)
  })
  const ask: Tab['ask'] = (name, payload) => {
    const answer = socket.timeout(15_000).emitWithAck(name, payload)
    // Closing the tab rejects it, also where the scenario failed and nothing awaits it any more.
    answer.catch(() => {})
    return answer
  }
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connected', () => resolve())
      socket.once('connect_error', reject)
      socket.once('disconnect', (reason) => reject(new Error(`closed before it was connected: ${reason}`)))
    })
  } catch (error) {
    socket.close()
    throw error
  }
  return {
    node,
    socket,
    frames,
    ask,
    join: (projectId, position = {}) => ask<JoinAck>('join:project', { projectId, ...position }),
    close: () => void socket.close(),
  }
}
