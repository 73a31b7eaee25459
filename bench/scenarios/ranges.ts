import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { openDiskStorage } from '../../src/ports/storage/disk.ts'
import { alternate } from '../support/alternate.ts'
import { builtServer } from '../support/build.ts'
import { cpuOf } from '../support/cpu.ts'
import { median, round, spread } from '../support/numbers.ts'
import { type Program, startProgram } from '../support/program.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'

const SIZE = 64 * 1024 * 1024
const CONNECTIONS = 16
/** Lengths that a player asks for: the probe, a piece, the rest of a song. */
const LENGTHS = [2, 64 * 1024, 4 * 1024 * 1024]

interface Reader {
  title: string
  program: Program
  path: string
  length: number
}

interface Round {
  perSecond: number
  /** µs of the server's CPU for a request. */
  cpu: number
}

/** One range, its bytes counted. @throws where they are not those that were asked for */
function ask({ program, path, length }: Reader, agent: Agent, start: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { range: `bytes=${start}-${start + length - 1}` }
    get(`${program.url}/${path}`, { agent, headers }, (answer) => {
      let found = 0
      answer.on('data', (chunk: Buffer) => {
        found += chunk.length
      })
      answer.on('error', reject)
      answer.on('end', () => {
        if (answer.statusCode === 206 && found === length) resolve()
        else reject(new Error(`${program.url}: ${answer.statusCode} with ${found} bytes, not ${length}`))
      })
    }).on('error', reject)
  })
}

async function read(reader: Reader, ms: number): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const pids = [reader.program.pid]
  const before = cpuOf(pids)
  const from = performance.now()
  let done = 0
  try {
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, n) => {
        for (let at = n; performance.now() - from < ms; at += CONNECTIONS) {
          await ask(reader, agent, (at * 7_919_000) % (SIZE - reader.length))
          done++
        }
      }),
    )
    const seconds = (performance.now() - from) / 1000
    return { perSecond: done / seconds, cpu: ((cpuOf(pids) - before) * 1000) / done }
  } finally {
    agent.destroy()
  }
}

async function run({ quick, progress, note }: Bench): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-bench-ranges-'))
  const programs: Program[] = []
  try {
    const [key, path] = [randomUUID(), join(folder, 'song.part')]
    await writeFile(path, randomBytes(SIZE))
    const storage = openDiskStorage(join(folder, 'files'))
    await storage.put(key, { path, size: SIZE, type: 'audio/wav', sha256: '' })
    const entry = await builtServer('bench/subjects/ranges/server.ts')
    const env = { FOLDER: join(folder, 'files'), SIZE: String(SIZE), KEY: key }
    for (const kind of ['content', 'static']) programs.push(await startProgram(entry, { ...env, WITH: kind }))
    const place = relative(env.FOLDER, storage.pathOf(key) ?? '')
    const readers: Reader[] = LENGTHS.flatMap((length) =>
      ['Cutroom', '@fastify/static'].map((name, n) => ({
        title: `${name}, ranges of ${length} bytes`,
        program: programs[n] as Program,
        path: place,
        length,
      })),
    )
    const ms = quick ? 1_000 : 4_000
    const measured = await alternate(readers, {
      rounds: quick ? 3 : 7,
      warmUp: (reader) => read(reader, ms / 2),
      measure: (reader) => read(reader, ms),
      progress: (share, { title }) => progress(share, title),
    })
    const each = (reader: Reader, figure: keyof Round) => (measured.get(reader) ?? []).map((found) => found[figure])
    const rate = (n: number) => median(each(readers[n] as Reader, 'perSecond'))
    for (const [n, length] of LENGTHS.entries())
      note(`ranges of ${length} bytes: ${round(rate(2 * n) / rate(2 * n + 1))} × @fastify/static`)
    return {
      rows: readers.map((reader) => ({
        subject: reader.title,
        'ranges/s': spread(each(reader, 'perSecond')),
        'CPU µs': spread(each(reader, 'cpu')),
      })),
      ours: round(rate(2)),
      limit: round(rate(3)),
      ratio: round(rate(2) / rate(3)),
      peers: { static: round(rate(3)) },
      asked: [],
      figures: Object.fromEntries([...measured].map(([{ title }, found]) => [title, found])),
    }
  } finally {
    await Promise.all(programs.map((program) => program.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}

export const scenario: Scenario = { id: 'S13', title: 'Range reads of one file, beside @fastify/static (per second)', run }
