import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { freePort } from './spawn-server.ts'
import { until } from './until.ts'

/** A real Redis of the harness's own: memory only, one port through all its lives. */
export interface Redis {
  url: string
  port: number
  /** Starts it, empty. Resolves when it answers. */
  start(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** One inline command; resolves with the first line of the answer. */
  command(line: string): Promise<string>
  close(): Promise<void>
}

/** Whether there is a `redis-server` on this machine. */
export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0

/** Warns that tests are skipped for want of Redis. @throws where nothing may be skipped */
export function refuseWithoutRedis(what: string): void {
  if (process.env.CUTROOM_TEST_REFUSE_SKIP === '1') throw new Error(`${what} needs the redis-server binary, and there is none`)
  console.warn(`\n*** SKIPPED: ${what} needs the redis-server binary, and there is none on this machine ***\n`)
}

/** Starts a redis-server that keeps nothing. */
export async function startRedis(): Promise<Redis> {
  const port = await freePort()
  let child: ReturnType<typeof spawn> | undefined

  async function command(line: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      socket.write(`${line}\r\n`)
      let said = ''
      while (!said.includes('\r\n')) said += String((await once(socket, 'data'))[0])
      return said.slice(0, said.indexOf('\r\n'))
    } finally {
      socket.destroy()
    }
  }
  async function start(): Promise<void> {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    child = spawn('redis-server', args, { stdio: 'ignore', cwd: '/' })
    await once(child, 'spawn')
    await until('Redis answers', () =>
      command('PING').then(
        (answer) => answer === '+PONG',
        () => false,
      ),
    )
  }
  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  await start()
  return { url: `redis://127.0.0.1:${port}`, port, start, kill, command, close: kill }
}
