import { connect } from 'node:net'
import { hasRedis, startRedis } from '../../test/support/redis.ts'

/** A Redis for nodes to reach each other: one of our own, else the one on this machine. Null where there is neither. */
export async function findRedis(): Promise<{ url: string; close: () => Promise<void> } | null> {
  if (hasRedis()) {
    const { url, close } = await startRedis()
    return { url, close }
  }
  const url = 'redis://127.0.0.1:6379'
  return (await answers(6379)) ? { url, close: async () => {} } : null
}

function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise<boolean>((resolve) => {
    socket.on('connect', () => socket.write('PING\r\n'))
    socket.on('data', (data) => resolve(String(data).startsWith('+PONG')))
    socket.on('error', () => resolve(false))
    socket.setTimeout(1_000, () => resolve(false))
  }).finally(() => socket.destroy())
}
