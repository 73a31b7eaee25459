import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/support/spawn-server.ts'
import { builtServer } from '../support/build.ts'
import { SECRET } from '../support/cutroom-rows.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'
import type { Subject } from '../support/subject.ts'

const PATIENCE_MS = 30_000
const LOOK_MS = 2

/** The status of GET /readyz; null while the port is closed. */
const readiness = (port: number) =>
  new Promise<number | null>((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? null)
    })
    request.on('error', () => resolve(null))
  })

/** Ms from the start of the process until /readyz answers 200. What it prints is thrown away. */
async function startOf(databaseUrl: string): Promise<number> {
  const [entry, port] = [await builtServer(), await freePort()]
  const cwd = await mkdtemp(join(tmpdir(), 'cutroom-bench-start-'))
  const start = performance.now()
  const child = spawn(process.execPath, [entry], {
    cwd,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      JWT_SECRET: SECRET,
      LOG_LEVEL: 'warn',
    },
    stdio: 'ignore',
  })
  const exited = once(child, 'exit')
  try {
    while ((await readiness(port)) !== 200) {
      if (child.exitCode !== null) throw new Error(`the server ended (${child.exitCode})`)
      if (performance.now() > start + PATIENCE_MS) throw new Error('the server is not ready')
      await sleep(LOOK_MS)
    }
    return performance.now() - start
  } finally {
    child.kill('SIGKILL')
    await exited
    await rm(cwd, { recursive: true, force: true })
  }
}

/** Ms until another subject prints its address, on a database that it has migrated. */
async function startOfPeer(
  bench: Bench,
  subject: Subject,
  databaseUrl: string | undefined,
): Promise<{ ms: number; url: string }> {
  const start = performance.now()
  const running = await subject.start({ postgres: await bench.postgres(), ...(databaseUrl !== undefined && { databaseUrl }) })
  const ms = performance.now() - start
  await running.stop()
  return { ms, url: running.databaseUrl }
}

/** From the start of the process, while Postgres runs, until it takes requests. Subjects in turn; the first round does not count. */
async function run(bench: Bench): Promise<Result> {
  const rounds = bench.quick ? 3 : 9
  const postgres = await bench.postgres()
  const migrated = await postgres.migrated()
  await builtServer()
  const peers = bench.quick ? [] : await bench.subjects('limit', 'article', 'feathers', 'parse')
  const homes = new Map<Subject, string>()
  const found = { current: [] as number[], fresh: [] as number[] }
  const others = new Map<Subject, number[]>(peers.map((subject) => [subject, []]))
  for (let n = 0; n <= rounds; n++) {
    bench.progress(n / (rounds + 1))
    const [current, fresh] = [await startOf(migrated), await startOf(await postgres.empty())]
    if (n > 0) {
      found.current.push(current)
      found.fresh.push(fresh)
    }
    // They are shown, and not what is asked about.
    if (n > 3) continue
    for (const subject of peers) {
      const { ms, url } = await startOfPeer(bench, subject, homes.get(subject))
      homes.set(subject, url)
      if (n > 0) others.get(subject)?.push(ms)
    }
  }
  const atMost = (what: string, sample: number[]) => {
    const measured = round(median(sample), 0)
    return { what, asked: '≤ 1000', measured, ok: measured <= 1_000 }
  }
  const limit = [...others].find(([{ name }]) => name === 'limit')
  const middle = round(median(found.current), 0)
  return {
    rows: [
      { subject: 'Cutroom, nothing to migrate', ms: spread(found.current) },
      { subject: 'Cutroom, an empty database', ms: spread(found.fresh) },
      ...[...others].map(([{ title }, sample]) => ({ subject: title, ms: spread(sample) })),
    ],
    ours: middle,
    limit: limit ? round(median(limit[1]), 0) : null,
    ratio: limit ? round(middle / median(limit[1])) : null,
    peers: Object.fromEntries(
      [...others].flatMap(([{ name }, sample]) => (name === 'limit' ? [] : [[name, round(median(sample), 0)]])),
    ),
    asked: [atMost('start to ready, ms', found.current), atMost('with all migrations to run, ms', found.fresh)],
    figures: { ...found, ...Object.fromEntries([...others].map(([{ name }, sample]) => [name, sample])) },
    plot: bars(scenario.title, 'ms', [
      { label: 'Cutroom, nothing to migrate', values: found.current },
      { label: 'Cutroom, an empty database', values: found.fresh },
      ...[...others].map(([{ title }, values]) => ({ label: title.replace(/ \(.*/, ''), values })),
    ]),
  }
}

export const scenario: Scenario = {
  id: 'S9',
  title: 'From start to ready, beside a Postgres that runs (ms)',
  run,
}
