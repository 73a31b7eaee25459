import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../test/support/spawn-server.ts'
import { memoryOf } from './cpu.ts'
import { startLoad } from './load.ts'
import { percentile } from './numbers.ts'
import type { Bench } from './scenario.ts'
import { N_MARK, type Running, type World } from './subject.ts'
import { formOf, NO_QUOTA, ownerIn, TUS, tusHeaders } from './upload-sites.ts'
import { hashOf, type SendPlan, type Uploader } from './uploads.ts'

export const MB = 1_000_000
export const FILE = 20 * MB
export const CUTS = 10
/** Cuts after which the server is killed, too. */
const KILLS: readonly number[] = [3, 7]
/** Other requests meanwhile, a second: half of them read a list, half write. */
const PER_SECOND = 40

/** Follows the memory of a process. `stop` says by how much it grew at most, MB. */
function watchMemory(pid: number): { stop(): number } {
  const before = memoryOf([pid])
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf([pid]))
  }, 50)
  return {
    stop() {
      clearInterval(timer)
      return (most - before) / MB
    },
  }
}

/** @returns how long they took, ms; throws where one was refused */
export async function sendAll(uploader: Uploader, title: string, plan: SendPlan): Promise<number> {
  const { ms, complaint } = await uploader.send(plan)
  if (complaint !== null) throw new Error(`${title}: ${complaint}`)
  return ms
}

export interface Crowd {
  grownMb: number
  idleP99: number
  p99: number
  seconds: number
}

/** Many uploads at a time, and what they do to all other requests. */
export async function measureCrowd(bench: Bench, uploader: Uploader, uploads: number): Promise<Crowd> {
  const [subject] = await bench.subjects('cutroom')
  const running = await subject?.start({ postgres: await bench.postgres(), env: NO_QUOTA })
  if (!running) throw new Error('no server')
  const load = startLoad()
  try {
    const world = await running.seed({ people: 4, projects: 2, members: 2 })
    const { person, place } = ownerIn(world)
    const requests = [running.list(person, place), running.write(person, place, N_MARK)]
    const pace = async (ms: number) => {
      const { answers, failed, complaint } = await load.pace({ requests, listeners: 0, perSecond: PER_SECOND, warmMs: 0, ms })
      if (failed > 0) throw new Error(`${failed} requests failed, the first with ${complaint}`)
      return answers
    }
    const form = formOf(running.urls[0] ?? '', person, place, FILE)
    await Promise.all([pace(2_000), sendAll(uploader, 'warm-up', { sendings: [form, form], parallel: 2 })])
    const idle = await pace(bench.quick ? 2_000 : 8_000)
    const memory = watchMemory(running.pids[0] ?? 0)
    let done = false
    const sendings = Array.from({ length: uploads }, () => form)
    const sent = sendAll(uploader, 'many at a time', { sendings, parallel: uploads }).finally(() => {
      done = true
    })
    const asked = async () => {
      const answers: number[] = []
      while (!done) answers.push(...(await pace(500)))
      return answers
    }
    const [ms, answers] = await Promise.all([sent, asked()])
    return { grownMb: memory.stop(), idleP99: percentile(idle, 0.99), p99: percentile(answers, 0.99), seconds: ms / 1000 }
  } finally {
    await load.close()
    await running.stop()
  }
}

/** One server of several lives, at one port and in one folder. */
interface Lives {
  running: Running
  world: World
  kill(): Promise<void>
  close(): Promise<void>
}

async function startLives(bench: Bench): Promise<Lives> {
  const [subject] = await bench.subjects('cutroom')
  const dataDir = await mkdtemp(join(tmpdir(), 'cutroom-bench-lives-'))
  const env = { ...NO_QUOTA, PORT: String(await freePort()), DATA_DIR: dataDir }
  const start = async (databaseUrl?: string) => {
    const running = await subject?.start({ postgres: await bench.postgres(), env, ...(databaseUrl && { databaseUrl }) })
    if (!running) throw new Error('no server')
    return running
  }
  const running = await start()
  const lives: Lives = {
    running,
    world: await running.seed({ people: 2, projects: 1, members: 2 }),
    async kill() {
      process.kill(lives.running.pids[0] ?? 0, 'SIGKILL')
      await lives.running.stop()
      lives.running = await start(running.databaseUrl)
    },
    async close() {
      await lives.running.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  return lives
}

/** One large upload by tus that is cut again and again, the server killed in between. @returns by how much the memory of a server grew, MB */
export async function measureCuts(bench: Bench, uploader: Uploader, size: number): Promise<{ grownMb: number; equal: boolean }> {
  const lives = await startLives(bench)
  const { person, place } = ownerIn(lives.world)
  const url = lives.running.urls[0] ?? ''
  const headers = { ...TUS, authorization: `Bearer ${person.token}` }
  /** One that is not counted: a server that has just begun has not loaded all that it needs. */
  async function warmUp(): Promise<void> {
    const begun = tusHeaders(person, place, FILE)
    const whole = { ...formOf(url, person, place, FILE), url: `${url}/api/uploads`, headers: begun, before: '', after: '' }
    await sendAll(uploader, 'warm-up', { sendings: [whole, whole, whole], parallel: 1 })
  }
  try {
    const { 'content-type': _, ...begin } = tusHeaders(person, place, size)
    const made = await fetch(`${url}/api/uploads`, { method: 'POST', headers: begin })
    const path = new URL(made.headers.get('location') ?? '', url).href
    const offset = async () => Number((await fetch(path, { method: 'HEAD', headers })).headers.get('upload-offset'))
    await warmUp()
    let memory = watchMemory(lives.running.pids[0] ?? 0)
    let grownMb = 0
    for (let cut = 1; cut <= CUTS + 1; cut++) {
      bench.progress(0.9 + (cut / CUTS) * 0.1, `cut ${cut}`)
      const from = await offset()
      const part = { method: 'PATCH', url: path, before: '', after: '', from, to: size } as const
      const cutAt = cut <= CUTS ? Math.round((size * cut) / (CUTS + 1)) : null
      const plan = { sendings: [{ ...part, headers: { ...headers, 'upload-offset': String(from) }, cutAt }], parallel: 1 }
      await sendAll(uploader, 'the last part', plan)
      if (!KILLS.includes(cut)) continue
      grownMb = Math.max(grownMb, memory.stop())
      await lives.kill()
      await warmUp()
      memory = watchMemory(lives.running.pids[0] ?? 0)
    }
    grownMb = Math.max(grownMb, memory.stop())
    const head = await fetch(path, { method: 'HEAD', headers })
    const file = await fetch(`${url}/api/files/${head.headers.get('cutroom-file')}/content`, { headers })
    const hash = createHash('sha256')
    for await (const chunk of file.body ?? []) hash.update(chunk)
    return { grownMb, equal: hash.digest('hex') === hashOf(size) }
  } finally {
    await lives.close()
  }
}
