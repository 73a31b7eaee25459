import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Program {
  /** http://127.0.0.1:port */
  url: string
  pid: number
  /** SIGTERM, then SIGKILL after 10 s. Resolves when it is gone. */
  stop(): Promise<void>
}

/** Those that are still running. */
const running = new Set<Program['stop']>()

let over = false

/** At the end of the run, or when it breaks off: no process stays behind, and none is started any more. */
export async function stopPrograms(): Promise<void> {
  over = true
  await Promise.all([...running].map((stop) => stop()))
}

const STARTED_MS = 60_000
const STOPPED_MS = 10_000

/** BENCH_PROFILE names a folder: every server then leaves a CPU profile there when it ends. Figures suffer a little. */
const profile = (): string[] =>
  process.env.BENCH_PROFILE === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(process.env.BENCH_PROFILE)}`]

/**
 * A subject's server in a process of its own. It takes PORT=0, and is up when it prints a line with its address:
 * `http://localhost:PORT`, with any text around it.
 * @param entry the program, plain JavaScript
 * @throws with what it printed, when it ends or takes a minute
 */
export async function startProgram(entry: URL | string, env: Record<string, string>): Promise<Program> {
  if (over) throw new Error('the run is over')
  // No .env of the working copy, and no data of its own.
  const cwd = await mkdtemp(join(tmpdir(), 'cutroom-bench-program-'))
  const child = spawn(process.execPath, [...profile(), entry instanceof URL ? fileURLToPath(entry) : entry], {
    cwd,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let output = ''
  const port = new Promise<number>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${entry} ${why}:\n${output}`))
    const late = setTimeout(fail, STARTED_MS, 'is not up after a minute')
    child.once('error', reject)
    child.once('exit', (code, signal) => fail(`ended (${signal ?? code})`))
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-10_000)
        const found = /http:\/\/localhost:(\d+)/.exec(output)?.[1]
        if (found === undefined) return
        clearTimeout(late)
        resolve(Number(found))
      })
  })
  async function stop(): Promise<void> {
    running.delete(stop)
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), STOPPED_MS)
    await exited
    clearTimeout(late)
    await rm(cwd, { recursive: true, force: true })
  }
  running.add(stop)
  try {
    return { url: `http://127.0.0.1:${await port}`, pid: child.pid ?? 0, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
