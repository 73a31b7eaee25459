import { createSemaphore } from '../lib/semaphore.ts'
import { runJob } from './run-job.ts'
import type { AudioAnalysis, Job, JobResult, Limits, Thumbnail } from './types.ts'

export { decodePeaks, encodePeaks, MAX_POINTS, MIN_POINTS, resample } from './peaks.ts'
export { acceptedTypes, type FileKind, type FileType, sniff } from './sniff.ts'
export type { AudioAnalysis, AudioFacts, Codec, FailureReason, Limits, Peaks, Tags, Thumbnail } from './types.ts'
export { type WaveformOptions, waveformSvg } from './waveform.ts'

export interface MediaOptions extends Partial<Limits> {
  /** Files at a time, each in a process of its own. */
  parallel?: number
  /** Files that may wait for their turn. */
  queue?: number
}

export interface Media {
  /**
   * @param type what `sniff` said of it
   * @throws the reason of `signal`, and errors that say nothing about the file: those may be tried again
   */
  analyseAudio(path: string, type: string, signal?: AbortSignal): Promise<AudioAnalysis>
  /** @throws as `analyseAudio` */
  thumbnail(path: string, signal?: AbortSignal): Promise<Thumbnail>
  /** Ends what runs and what waits, each with an error, and resolves when no process is left. */
  close(): Promise<void>
}

const defaults: Limits = {
  timeMs: 5 * 60_000,
  memoryBytes: 512 * 1024 * 1024,
  durationMs: 4 * 60 * 60_000,
  pixels: 64_000_000,
}

/** Reads sounds and pictures that people uploaded, outside of this process. What cannot be read is a value, with its reason. */
export function createMedia({ parallel = 1, queue = 100, ...limits }: MediaOptions = {}): Media {
  const semaphore = createSemaphore(parallel)
  const closing = new AbortController()
  const running = new Set<Promise<unknown>>()
  /** Running or waiting. */
  let pending = 0

  async function runAbortably(job: Job, signal: AbortSignal | undefined): Promise<JobResult> {
    // Not AbortSignal.any: each call of it would stay with the signal of close.
    const ended = new AbortController()
    const sources = signal ? [signal, closing.signal] : [closing.signal]
    const onAbort = () => ended.abort(sources.find(({ aborted }) => aborted)?.reason)
    for (const source of sources) source.addEventListener('abort', onAbort)
    if (sources.some(({ aborted }) => aborted)) onAbort()
    try {
      return await runJob(job, ended.signal)
    } finally {
      for (const source of sources) source.removeEventListener('abort', onAbort)
    }
  }

  async function run(job: Job, signal: AbortSignal | undefined): Promise<JobResult> {
    closing.signal.throwIfAborted()
    if (pending >= queue + parallel) throw new Error('media: too many files wait')
    pending++
    const work = semaphore.run(() => runAbortably(job, signal))
    running.add(work)
    try {
      return await work
    } finally {
      pending--
      running.delete(work)
    }
  }

  return {
    analyseAudio: async (path, type, signal) =>
      (await run({ kind: 'audio', path, type, limits: { ...defaults, ...limits } }, signal)) as AudioAnalysis,
    async thumbnail(path, signal) {
      const result = (await run({ kind: 'image', path, limits: { ...defaults, ...limits } }, signal)) as Thumbnail
      // of what crosses processes, bytes are plain ones
      return result.ok ? { ...result, data: Buffer.from(result.data) } : result
    },
    async close() {
      closing.abort(new Error('media: closed'))
      await Promise.allSettled(running)
    },
  }
}
