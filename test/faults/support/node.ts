import { request } from 'node:http'
import { freePort, type ServerProcess, spawnServer } from '../../support/spawn-server.ts'

/** One server of several: a real process on one port through all its lives. */
export interface Node {
  /** 0, 1, … */
  index: number
  url: string
  port: number
  pid(): number
  alive(): boolean
  /** SIGKILL, and gone. */
  kill(): Promise<void>
  /** SIGKILL in this very tick. */
  killNow(): void
  /** SIGTERM; resolves when it has ended. */
  terminate(): Promise<{ code: number | null; ms: number }>
  /** SIGSTOP. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
  /** Starts it again on its port; resolves when it is ready. */
  start(): Promise<void>
  /** All that it printed, in all its lives. */
  output(): string
  /** A metric's value, summed over its labels. */
  metric(name: string): Promise<number>
  /** Resident memory now, bytes. */
  rss(): Promise<number>
  close(): Promise<void>
}

export interface NodeOptions {
  entry: string
  databaseUrl: string
  redisUrl?: string | undefined
  env?: Record<string, string>
}

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** Starts node `index`. */
export async function startNode(index: number, { entry, databaseUrl, redisUrl, env }: NodeOptions): Promise<Node> {
  const port = await freePort()
  const settings = { ACCESS_TOKEN_TTL: '6h', ...(redisUrl !== undefined && { REDIS_URL: redisUrl }), ...env }
  let before = ''
  let server: (ServerProcess & { end: () => Promise<void> }) | undefined
  let closed = false

  async function start(): Promise<void> {
    if (server) {
      before += server.output()
      await server.end()
    }
    const made = await spawnServer(entry, { databaseUrl, port, env: settings })
    server = made
    // A scenario that failed in between leaves nothing behind.
    if (closed) await made.end()
  }
  async function metric(name: string): Promise<number> {
    const text = await get(`http://127.0.0.1:${port}/metrics`)
    const lines = text.split('\n')
    const values = lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    if (values.length === 0) throw new Error(`node ${index} has no metric ${name}: ${text.slice(0, 200)}`)
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
  }
  await start()
  return {
    index,
    url: `http://127.0.0.1:${port}`,
    port,
    pid: () => server?.pid ?? 0,
    alive: () => server?.alive() ?? false,
    async kill() {
      server?.signal('SIGKILL')
      await server?.exited
    },
    killNow: () => server?.signal('SIGKILL'),
    async terminate() {
      const from = performance.now()
      server?.signal('SIGTERM')
      const { code } = (await server?.exited) ?? { code: null }
      return { code, ms: performance.now() - from }
    },
    freeze: () => server?.signal('SIGSTOP'),
    thaw: () => server?.signal('SIGCONT'),
    start,
    output: () => before + (server?.output() ?? ''),
    metric,
    rss: () => metric('cutroom_process_resident_memory_bytes'),
    async close() {
      closed = true
      await server?.end()
    },
  }
}
