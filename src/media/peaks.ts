import type { Peaks } from './types.ts'

/** Points that are kept of a sound, whatever its length. */
export const MAX_POINTS = 8000
/** The fewest that may be asked for. */
export const MIN_POINTS = 100

/** Collects peaks of a sound of any length in fixed memory. */
export class PeakCollector {
  readonly #min = new Float32Array(MAX_POINTS)
  readonly #max = new Float32Array(MAX_POINTS)
  #framesPerPoint: number
  /** Points so far, with the one that is being filled. */
  #points = 0
  /** Frames that the last point has room for. */
  #room = 0
  /** Of all that was added. */
  frames = 0

  /** @param expectedFrames null where it is not known: then points are merged two by two each time all are full */
  constructor(expectedFrames: number | null) {
    this.#framesPerPoint = Math.max(1, Math.ceil((expectedFrames ?? 0) / MAX_POINTS))
  }

  /** @param channels samples -1 … 1 of the same span of time */
  add(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0
    for (let at = 0; at < length; ) {
      if (this.#room === 0) this.#nextPoint()
      const end = Math.min(at + this.#room, length)
      const point = this.#points - 1
      let min = this.#min[point] ?? 0
      let max = this.#max[point] ?? 0
      for (const samples of channels)
        for (let i = at; i < end; i++) {
          const sample = samples[i] as number
          // a NaN is neither
          if (sample < min) min = sample
          if (sample > max) max = sample
        }
      this.#min[point] = min
      this.#max[point] = max
      this.#room -= end - at
      at = end
    }
    this.frames += length
  }

  #nextPoint(): void {
    if (this.#points === MAX_POINTS) this.#merge()
    this.#min[this.#points] = Number.POSITIVE_INFINITY
    this.#max[this.#points] = Number.NEGATIVE_INFINITY
    this.#points++
    this.#room = this.#framesPerPoint
  }

  #merge(): void {
    for (let i = 0; i < MAX_POINTS / 2; i++) {
      this.#min[i] = Math.min(this.#min[2 * i] as number, this.#min[2 * i + 1] as number)
      this.#max[i] = Math.max(this.#max[2 * i] as number, this.#max[2 * i + 1] as number)
    }
    this.#points = MAX_POINTS / 2
    this.#framesPerPoint *= 2
  }

  finish(): Peaks {
    const points = this.#points
    const [min, max] = [new Int8Array(points), new Int8Array(points)]
    for (let i = 0; i < points; i++) {
      const [low, high] = [this.#min[i] as number, this.#max[i] as number]
      // a point without any number, where all of its samples were NaN, is silent
      if (low > high) continue
      min[i] = Math.max(-128, Math.min(127, Math.floor(low * 128)))
      max[i] = Math.max(-128, Math.min(127, Math.ceil(high * 127)))
    }
    return { points, min, max }
  }
}

/** As many points as are asked for: fewer hold the extremes of those they stand for, more repeat them. */
export function resample({ points, min, max }: Peaks, wanted: number): Peaks {
  const count = Math.max(MIN_POINTS, Math.min(MAX_POINTS, Math.trunc(wanted)))
  const result: Peaks = { points: count, min: new Int8Array(count), max: new Int8Array(count) }
  for (let i = 0; i < count && points > 0; i++) {
    const from = Math.floor((i * points) / count)
    const to = Math.max(from + 1, Math.ceil(((i + 1) * points) / count))
    let [low, high] = [127, -128]
    for (let k = from; k < to; k++) {
      low = Math.min(low, min[k] as number)
      high = Math.max(high, max[k] as number)
    }
    result.min[i] = low
    result.max[i] = high
  }
  return result
}

const VERSION = 1
/** The version (1 byte), the number of points (2 bytes, little-endian). */
const HEADER_BYTES = 3

/** How peaks are stored: a header, all minima, all maxima, a byte each; 16,003 bytes at most. */
export function encodePeaks({ points, min, max }: Peaks): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + 2 * points)
  bytes.writeUInt8(VERSION, 0)
  bytes.writeUInt16LE(points, 1)
  bytes.set(new Uint8Array(min.buffer, min.byteOffset, points), HEADER_BYTES)
  bytes.set(new Uint8Array(max.buffer, max.byteOffset, points), HEADER_BYTES + points)
  return bytes
}

/** @throws for bytes that `encodePeaks` did not write */
export function decodePeaks(bytes: Uint8Array): Peaks {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEADER_BYTES || view.getUint8(0) !== VERSION) throw new Error('peaks of an unknown version')
  const points = view.getUint16(1, true)
  if (points > MAX_POINTS || bytes.length !== HEADER_BYTES + 2 * points) throw new Error('peaks of a wrong length')
  const data = new Int8Array(bytes.subarray(HEADER_BYTES))
  return { points, min: data.subarray(0, points), max: data.subarray(points) }
}
