import { open } from 'node:fs/promises'
import { MediaFailure } from '../failure.ts'
import type { Codec } from '../types.ts'
import { chunksOf, readAt, type Sound, type SoundFile } from './sound.ts'

const codecs = new Map<string, Codec>([
  ['mp4a', 'aac'],
  ['alac', 'alac'],
  ['fLaC', 'flac'],
  ['Opus', 'opus'],
  ['.mp3', 'mp3'],
])
/** Boxes that hold the boxes which matter here. */
const containers = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl'])
/** Handlers of tracks that are seen. */
const pictures = new Set(['vide', 'pict', 'auxv'])
/** Tables of an hour are about 2 MiB, covers some more. */
const MAX_MOOV_BYTES = 32 * 1024 * 1024
const MAX_BOXES = 100_000
/** Of one moov, which is walked in one go: 32 tracks have 500. */
const MAX_MOOV_BOXES = 10_000
/** Of the boxes beside each other in a file: the tables, the sound, the tables of fragments. */
const needed = new Set(['moov', 'mdat', 'moof'])

interface Box {
  type: string
  /** With its header. */
  start: number
  body: number
  end: number
}

/**
 * @param bytes at least eight, at `at`
 * @param offset of `bytes` in the file
 * @param limit where what it stands in ends
 * @returns null for one that goes beyond its limit
 */
function boxAt(bytes: Buffer, at: number, offset: number, limit: number): Box | null {
  const [short, type] = [bytes.readUInt32BE(at), bytes.toString('latin1', at + 4, at + 8)]
  const isLong = short === 1
  if (isLong && at + 16 > bytes.length) return null
  const size = isLong ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? limit - (offset + at) : short
  const start = offset + at
  const box = { type, start, body: start + (isLong ? 16 : 8), end: start + size }
  return box.end < box.body || box.end > limit ? null : box
}

async function topLevel(file: SoundFile): Promise<Box[]> {
  const boxes: Box[] = []
  for (let at = 0; at + 8 <= file.size; ) {
    const bytes = await readAt(file, at, 16)
    const box = boxAt(bytes, 0, at, file.size)
    if (!box) {
      // Some programs put tags of other formats at the end; sound that goes beyond it was cut off.
      if (needed.has(bytes.toString('latin1', 4, 8))) throw new MediaFailure('damaged')
      break
    }
    if (boxes.push(box) > MAX_BOXES) throw new MediaFailure('damaged')
    at = box.end
  }
  return boxes
}

/** All boxes of a moov, one after the other; not what hangs below others than `containers`. */
function boxesOf(moov: Buffer): Box[] {
  const found: Box[] = []
  const open: [from: number, to: number][] = [[0, moov.length]]
  for (let next = open.pop(); next; next = open.pop()) {
    let [at, end] = next
    while (at + 8 <= end) {
      const box = boxAt(moov, at, 0, end)
      if (!box || found.push(box) > MAX_MOOV_BOXES) throw new MediaFailure('damaged')
      if (containers.has(box.type)) open.push([box.body, box.end])
      at = box.end
    }
  }
  return found
}

/** Tables say where in the file each piece of sound is: all of them by `shift` bytes further on. */
function moveOffsets(moov: Buffer, boxes: Box[], shift: number): void {
  for (const { type, body, end } of boxes) {
    if (type !== 'stco' && type !== 'co64') continue
    const width = type === 'stco' ? 4 : 8
    if (body + 8 > end) throw new MediaFailure('damaged')
    const count = moov.readUInt32BE(body + 4)
    if (body + 8 + count * width > end) throw new MediaFailure('damaged')
    for (let at = body + 8; at < body + 8 + count * width; at += width)
      if (width === 4) moov.writeUInt32BE((moov.readUInt32BE(at) + shift) % 2 ** 32, at)
      else moov.writeBigUInt64BE(BigInt.asUintN(64, moov.readBigUInt64BE(at) + BigInt(shift)), at)
  }
}

/** Seconds that the whole is to be played: what edits cut away is not in it. */
function durationOf(moov: Buffer, boxes: Box[]): number | null {
  const box = boxes.find(({ type }) => type === 'mvhd')
  if (!box || box.end - box.body < 32) return null
  const isLong = moov[box.body] === 1
  const at = box.body + (isLong ? 20 : 12)
  const scale = moov.readUInt32BE(at)
  const duration = isLong ? Number(moov.readBigUInt64BE(at + 4)) : moov.readUInt32BE(at + 4)
  // all bits set where it is not known
  return scale === 0 || duration === 0 || duration >= 0xffffffff ? null : duration / scale
}

function codecOf(moov: Buffer, boxes: Box[]): Codec {
  for (const { type, body, end } of boxes) {
    if (type !== 'stsd' || body + 16 > end) continue
    const codec = codecs.get(moov.toString('latin1', body + 12, body + 16))
    if (codec) return codec
  }
  throw new MediaFailure('unsupported')
}

/** @throws MediaFailure where it is longer than any that is read */
function readMoov(file: SoundFile, { start, end }: Box): Promise<Buffer> {
  if (end - start > MAX_MOOV_BYTES) throw new MediaFailure('too-large')
  return readAt(file, start, end - start)
}

/** What a track holds, as its `hdlr` says. */
const handlersOf = (moov: Buffer, boxes: Box[]): string[] =>
  boxes.flatMap(({ type, body, end }) =>
    type === 'hdlr' && body + 12 <= end ? moov.toString('latin1', body + 8, body + 12) : [],
  )

/**
 * Whether an MP4 has a track of sound, and none of pictures.
 * @throws errors of the system alone
 */
export async function hasSoundAlone(path: string): Promise<boolean> {
  const handle = await open(path)
  try {
    const file = { handle, size: (await handle.stat()).size }
    const place = (await topLevel(file)).find(({ type }) => type === 'moov')
    if (!place) return false
    const moov = await readMoov(file, place)
    const handlers = handlersOf(moov, boxesOf(moov))
    return handlers.includes('soun') && !handlers.some((handler) => pictures.has(handler))
  } catch (error) {
    if (error instanceof MediaFailure) return false
    throw error
  } finally {
    await handle.close()
  }
}

/**
 * An M4A has its tables in front of the sound, or, as most programs write it, behind. The decoder keeps all that it is given until
 * it has them, so here they always come first, and the sound streams: measured on 5 minutes, 283 MB of memory otherwise.
 */
export async function readM4a(file: SoundFile): Promise<Sound> {
  const boxes = await topLevel(file)
  const place = boxes.find(({ type }) => type === 'moov')
  const data = boxes.find(({ type }) => type === 'mdat' || type === 'moof')
  if (!place || !data) throw new MediaFailure('damaged')
  // what the decoder gets in one piece
  if (place.end - place.start + Math.min(place.start, data.start) > MAX_MOOV_BYTES) throw new MediaFailure('too-large')
  const moov = await readMoov(file, place)
  const inside = boxesOf(moov)
  const isBehind = place.start > data.start
  if (isBehind) moveOffsets(moov, inside, moov.length)
  return {
    codec: codecOf(moov, inside),
    decoder: 'm4a',
    channels: null,
    sampleRate: null,
    seconds: durationOf(moov, inside),
    async *chunks() {
      if (isBehind) {
        yield Buffer.concat([await readAt(file, 0, data.start), moov])
        yield* chunksOf(file, data.start, place.start)
      } else yield await readAt(file, 0, place.end)
      yield* chunksOf(file, place.end)
    },
  }
}
