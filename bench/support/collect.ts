import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { freePort } from '../../test/support/spawn-server.ts'

/** The environment of a process whose garbage can be collected from outside, and what does it. */
export async function collectable(): Promise<{ env: Record<string, string>; collect: () => Promise<void> }> {
  const port = await freePort()
  return { env: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` }, collect: () => collect(port) }
}

/** Asks a process for a full collection over its inspector, and gives it a moment to return pages. */
async function collect(port: number): Promise<void> {
  const listed = await fetch(`http://127.0.0.1:${port}/json/list`)
  const [target] = (await listed.json()) as { webSocketDebuggerUrl: string }[]
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('the inspector hung up')))
      socket.on('open', () => socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' })))
      socket.on('message', () => resolve())
    })
  } finally {
    socket.terminate()
  }
  await sleep(500)
}
