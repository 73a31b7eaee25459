// media-program PATH: what one sound costs, as one line of JSON on stdout. Built as the server is, so that its worker is the one that ships.
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createMedia, sniff } from '../../src/media/index.ts'

const WATCH_MS = 5
const status = (pid: number | string, name: string): number => {
  try {
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    // it has ended
    return 0
  }
}

const [path = ''] = process.argv.slice(2)
const media = createMedia()
const type = (await sniff(path))?.type ?? ''
const own = process.memoryUsage.rss()
let [grown, worker] = [own, 0]
const watch = setInterval(() => {
  grown = Math.max(grown, process.memoryUsage.rss())
  const [child] = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ')
  if (child) worker = Math.max(worker, status(child, 'VmHWM'))
}, WATCH_MS)
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const start = performance.now()
const analysis = await media.analyseAudio(path, type)
const ms = performance.now() - start
delay.disable()
clearInterval(watch)
await media.close()
console.log(
  JSON.stringify({
    ms,
    /** Resident memory: what this process grew by, and all of the worker's. */
    ownBytes: grown - own,
    workerBytes: worker,
    /** The longest time that the event loop of this process stood still. */
    blockedMs: delay.max / 1e6,
    ok: analysis.ok,
    durationMs: analysis.ok ? analysis.audio.durationMs : null,
  }),
)
