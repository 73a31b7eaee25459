import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'

/** Commands of the built program. `open` starts one, `run` waits for its end. */
export function useCommand() {
  /** A command in a process of its own, in a folder of its own. */
  async function open(args: string[], env: Record<string, string> = {}, input?: string) {
    const cwd = await mkdtemp(join(tmpdir(), 'cutroom-cli-'))
    const child = spawn(process.execPath, [join(inject('build'), 'server.js'), ...args], {
      cwd,
      env: { PATH: process.env.PATH, JWT_SECRET: 'a secret of the tests, thirty-two or more', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await rm(cwd, { recursive: true, force: true })
    })
    let [out, notes] = ['', '']
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      notes += chunk
    })
    child.stdin.end(input)
    const exited = once(child, 'close').then(([code]) => code as number | null)
    return { child, out: () => out, notes: () => notes, exited }
  }
  async function run(args: string[], env: Record<string, string> = {}, input?: string) {
    const { out, notes, exited } = await open(args, env, input)
    return { code: await exited, out: out(), notes: notes() }
  }
  return { open, run }
}
