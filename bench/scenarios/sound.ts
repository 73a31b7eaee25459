import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createRandom } from '../../src/lib/random.ts'
import { aiff, wav } from '../../test/support/sound.ts'
import { builtServer } from '../support/build.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Asked, Bench, Result, Scenario } from '../support/scenario.ts'

const SECONDS = 300
const MIB = 1024 * 1024

interface Format {
  name: string
  /** Of ffmpeg; null where the bench writes it itself. */
  encoder: string[] | null
  /** ms, as asked; null where it is but to be said. */
  atMost: number | null
}
const formats: Format[] = [
  { name: 'wav', encoder: null, atMost: 1000 },
  { name: 'aiff', encoder: null, atMost: null },
  { name: 'mp3', encoder: ['-b:a', '192k'], atMost: 4000 },
  { name: 'flac', encoder: [], atMost: 6000 },
  { name: 'ogg', encoder: ['-c:a', 'libvorbis', '-q:a', '5'], atMost: null },
  { name: 'opus', encoder: ['-c:a', 'libopus', '-b:a', '128k'], atMost: null },
  { name: 'aac', encoder: ['-c:a', 'aac', '-b:a', '192k'], atMost: null },
  { name: 'm4a', encoder: ['-c:a', 'aac', '-b:a', '192k'], atMost: null },
  { name: 'alac.m4a', encoder: ['-c:a', 'alac'], atMost: null },
]

interface Cost {
  ms: number
  ownBytes: number
  workerBytes: number
  blockedMs: number
  ok: boolean
  durationMs: number | null
}

const random = createRandom(1)
/** A note in noise, other noise in each channel: harder to pack, and so to unpack, than music. */
const loudness = () => 0.2 + 0.3 * random.next()

/** The same five minutes in each format, where there is an encoder. */
async function encode(folder: string, note: (text: string) => void): Promise<Map<Format, string>> {
  const found = new Map<Format, string>()
  const source = join(folder, 'source.wav')
  const options = { seconds: SECONDS, rate: 44_100, loudness }
  await writeFile(source, wav(options))
  await writeFile(join(folder, 'sound.aiff'), aiff(options))
  let hasEncoder = true
  for (const format of formats) {
    const path = format.name === 'wav' ? source : join(folder, `sound.${format.name}`)
    if (format.encoder !== null && hasEncoder)
      hasEncoder = await promisify(execFile)('ffmpeg', ['-loglevel', 'error', '-y', '-i', source, ...format.encoder, path]).then(
        () => true,
        () => false,
      )
    if (format.encoder === null || hasEncoder) found.set(format, path)
  }
  if (!hasEncoder) note('there is no ffmpeg: only formats that the bench writes itself were measured')
  return found
}

async function measure(path: string): Promise<Cost> {
  const program = await builtServer('bench/support/media-program.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [program, path])
  const cost = JSON.parse(stdout) as Cost
  if (!cost.ok || Math.abs((cost.durationMs ?? 0) - SECONDS * 1000) > 200) throw new Error(`${path} was read as ${stdout}`)
  return cost
}

/** Each sound in a process of its own, as the server reads it: from the call to the answer, with the start of the process. */
async function run(bench: Bench): Promise<Result> {
  const rounds = bench.quick ? 1 : 5
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-bench-sound-'))
  const costs = new Map<Format, Cost[]>()
  try {
    const paths = await encode(folder, bench.note)
    for (let n = 0; n < rounds; n++)
      for (const [format, path] of paths) {
        bench.progress(n / rounds, format.name)
        const list = costs.get(format) ?? []
        costs.set(format, list)
        list.push(await measure(path))
      }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const times = (list: Cost[]) => list.map(({ ms }) => ms)
  const memory = (list: Cost[]) => list.map(({ ownBytes, workerBytes }) => (ownBytes + workerBytes) / MIB)
  const all = [...costs.values()].flat()
  const asked: Asked[] = [...costs].flatMap(([{ name, atMost }, list]) => {
    const measured = round(median(times(list)), 0)
    return atMost === null ? [] : [{ what: `${name}, ms`, asked: `≤ ${atMost}`, measured, ok: measured <= atMost }]
  })
  const most = round(Math.max(...[...costs.values()].map((list) => median(memory(list)))), 0)
  const blocked = round(Math.max(...all.map(({ blockedMs }) => blockedMs)), 1)
  const wavList = [...costs].find(([{ name }]) => name === 'wav')?.[1] ?? []
  return {
    rows: [...costs].map(([{ name }, list]) => ({
      subject: name,
      ms: spread(times(list)),
      'memory, MiB': spread(memory(list)),
      'event loop blocked, ms': spread(list.map(({ blockedMs }) => blockedMs)),
    })),
    ours: round(median(times(wavList)), 0),
    limit: null,
    ratio: null,
    peers: {},
    asked: [
      ...asked,
      { what: 'memory of a format, its process included, MiB', asked: '≤ 130', measured: most, ok: most <= 130 },
      { what: 'event loop of the server blocked, ms', asked: '≤ 50', measured: blocked, ok: blocked <= 50 },
    ],
    figures: Object.fromEntries([...costs].map(([{ name }, list]) => [name, list])),
    plot: bars(
      scenario.title,
      'ms',
      [...costs].map(([{ name }, list]) => ({ label: name, values: times(list) })),
    ),
  }
}

export const scenario: Scenario = {
  id: 'S12',
  title: 'Length, tags and peaks of five minutes of stereo (ms)',
  run,
}
