import { createRequire } from 'node:module'
import { clock, type Listen, nOfBody } from '../../support/subject.ts'

export const APP_ID = 'bench'
export const pointerTo = (projectId: string) => ({ __type: 'Pointer', className: 'Project', objectId: projectId })

interface WebSocketLike {
  on(event: 'open', heard: () => void): void
  on(event: 'message', heard: (data: Buffer) => void): void
  on(event: 'error', heard: (error: Error) => void): void
  on(event: 'close', heard: (code: number) => void): void
  send(text: string): void
  close(): void
}

/** A message of LiveQuery; `op` names the fields that it has. */
interface Message {
  op: 'connected' | 'subscribed' | 'create' | 'error'
  requestId?: number
  object?: { body: string }
  error?: string
}

/** LiveQuery's protocol by hand: the Parse SDK would cost the load process more than the server. */
export const listen: Listen = async ({ url, token, places }, onComment) => {
  const { WebSocket } = createRequire(import.meta.url)('ws') as { WebSocket: new (url: string) => WebSocketLike }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/`)
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  const tell = (message: object) => socket.send(JSON.stringify(message))
  let missing = places.length
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('open', () => tell({ op: 'connect', applicationId: APP_ID, sessionToken: token }))
      socket.on('message', (data) => {
        const message = JSON.parse(String(data)) as Message
        if (message.op === 'create' && message.object) onComment(nOfBody(message.object.body), clock())
        else if (message.op === 'connected') {
          for (const [n, place] of places.entries())
            tell({ op: 'subscribe', requestId: n + 1, query: { className: 'Comment', where: { project: pointerTo(place) } } })
          if (missing === 0) resolve()
        } else if (message.op === 'subscribed' && --missing === 0) resolve()
        else if (message.op === 'error') reject(new Error(message.error))
      })
      socket.on('error', reject)
      socket.on('close', (code) => reject(new Error(`closed with ${code}`)))
    })
  } catch (error) {
    socket.close()
    throw error
  }
  return {
    async close() {
      socket.close()
      await closed
    },
  }
}
