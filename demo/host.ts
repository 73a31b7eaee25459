import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { pause } from './clock.ts'
import { makeDataDir, removeDataDir } from './data-dir.ts'
import { moduleFile, nodeFlags } from './runtime.ts'
import { shorten } from './screen.ts'

/** The server under test: a process of its own, on one port and one folder through all its lives. */
export interface Host {
  url: string
  /** Resolves when it answers. */
  start(): Promise<void>
  /** SIGKILL: no goodbye. */
  kill(): Promise<void>
  /** Ends it and removes its data. */
  close(): Promise<void>
}

const START_MS = 60_000
const STOP_MS = 15_000

/**
 * A port on which no program listens, below those that systems give to outgoing connections: while the server is dead, one of
 * them could take its place otherwise.
 */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(20_000, 30_000)
    const probe = createServer().listen(port, '127.0.0.1')
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    )
    probe.close()
    if (isFree) return port
  }
  throw new Error('there is no free port')
}

/** Chooses port and folder; nothing runs yet. `fail` hears of it when the server ends without being asked to. */
export async function createHost(fail: (error: Error) => void): Promise<Host> {
  const [port, dataDir] = await Promise.all([freePort(), makeDataDir()])
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  let said = ''

  const { PATH, HOME, TMPDIR, TMP, TEMP } = process.env
  // nothing of the user's settings: this is not their database. Nor their .env: the folder it starts in has none.
  const own = { DATA_DIR: dataDir, HOST: '127.0.0.1', PORT: String(port), RATE_LIMIT: 'off', LOG_LEVEL: 'warn' }
  const env = { PATH, HOME, TMPDIR, TMP, TEMP, ...own }

  function lastWords(): string {
    const lines = said.split('\n').filter((line) => line.trim() !== '')
    return ['; its last words:', ...lines.slice(-5).map((line) => `  ${shorten(line, 300)}`)].join('\n')
  }

  async function start(): Promise<void> {
    // a group of its own, so that Ctrl-C leaves it to us
    const made = spawn(process.execPath, [...nodeFlags, moduleFile('../src/server')], {
      cwd: dataDir,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = made
    for (const stream of [made.stdout, made.stderr]) {
      stream.on('data', (chunk) => {
        said = `${said}${chunk}`.slice(-20_000)
      })
    }
    made.once('error', fail)
    made.once('exit', (code, signal) => {
      if (child === made) fail(new Error(`the server ended by itself (${signal ?? code})${lastWords()}`))
    })
    for (const until = Date.now() + START_MS; ; await pause(20)) {
      const answer = await fetch(`${url}/readyz`).catch(() => undefined)
      if (answer?.ok) return
      if (child !== made) throw new Error('the server was stopped while it started')
      if (Date.now() > until) throw new Error(`the server does not start${lastWords()}`)
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = child
    child = undefined
    if (!ending?.pid || ending.exitCode !== null || ending.signalCode !== null) return
    const gone = once(ending, 'exit')
    ending.kill(signal)
    if ((await Promise.race([gone, pause(STOP_MS)])) === undefined) {
      ending.kill('SIGKILL')
      await gone
    }
  }

  // when this process dies of an error that was not caught
  process.once('exit', () => child?.kill('SIGTERM'))
  return {
    url,
    start,
    kill: () => end('SIGKILL'),
    async close() {
      await end('SIGTERM')
      await removeDataDir(dataDir)
    },
  }
}
