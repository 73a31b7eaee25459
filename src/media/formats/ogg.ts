import { MediaFailure } from '../failure.ts'
import { readStreamInfo } from './flac.ts'
import { chunksOf, readAt, type Sound, type SoundFile } from './sound.ts'

/** Two of the longest pages. */
const EDGE_BYTES = 2 * 65_307

interface Page {
  serial: number
  /** Position of its last whole packet, frames; null where none ends in it. */
  position: number | null
  /** Where its content begins and ends in the bytes that were searched. */
  body: number
  end: number
}

function* pagesIn(bytes: Buffer): Generator<Page> {
  for (let at = bytes.indexOf('OggS'); at >= 0 && at + 27 <= bytes.length; ) {
    const segments = bytes.readUInt8(at + 26)
    const body = at + 27 + segments
    let end = body
    for (let i = at + 27; i < Math.min(body, bytes.length); i++) end += bytes[i] as number
    const position = bytes.readBigInt64LE(at + 6)
    yield { serial: bytes.readUInt32LE(at + 14), position: position < 0n ? null : Number(position), body, end }
    at = bytes.indexOf('OggS', Math.min(end, bytes.length))
  }
}

type Header = Pick<Sound, 'codec' | 'decoder' | 'channels'> & {
  sampleRate: number
  /** Frames that are decoded and not played. */
  skipped: number
}

function readCodec(packet: Buffer): Header {
  if (packet.length >= 19 && packet.toString('latin1', 0, 8) === 'OpusHead')
    return { codec: 'opus', decoder: 'opus', channels: packet.readUInt8(9), sampleRate: 48_000, skipped: packet.readUInt16LE(10) }
  if (packet.length >= 16 && packet.toString('latin1', 0, 7) === '\x01vorbis')
    return { codec: 'vorbis', decoder: 'oga', channels: packet.readUInt8(11), sampleRate: packet.readUInt32LE(12), skipped: 0 }
  // 0x7F "FLAC", version, number of headers, "fLaC", then the block STREAMINFO with its header
  if (packet.toString('latin1', 0, 5) === '\x7fFLAC') {
    const { channels, sampleRate } = readStreamInfo(packet.subarray(17))
    return { codec: 'flac', decoder: 'flac', channels, sampleRate, skipped: 0 }
  }
  throw new MediaFailure('unsupported')
}

/**
 * music-metadata has no duration of Ogg: positions of the last pages say it. A stream that was recorded in the middle begins at a
 * high position, which the first page with sound in it shows; up to ten seconds are taken for the sound of that page itself.
 */
function secondsOf(first: Page, head: Buffer, tail: Buffer, { sampleRate, skipped }: Header): number | null {
  const positions = (bytes: Buffer) =>
    [...pagesIn(bytes)].flatMap(({ serial, position }) => (serial === first.serial && position ? [position] : []))
  const last = positions(tail).at(-1)
  if (last === undefined || sampleRate === 0) return null
  const begin = positions(head)[0] ?? 0
  return (last - skipped - (begin > 10 * sampleRate ? begin : 0)) / sampleRate
}

export async function readOgg(file: SoundFile): Promise<Sound> {
  const head = await readAt(file, 0, EDGE_BYTES)
  const tail = await readAt(file, Math.max(0, file.size - EDGE_BYTES), EDGE_BYTES)
  const [first] = pagesIn(head)
  if (!first) throw new MediaFailure('damaged')
  const header = readCodec(head.subarray(first.body, first.end))
  // a page that is longer than the file: the rest of it was lost
  const last = [...pagesIn(tail)].at(-1)
  if (!last || last.end > tail.length) throw new MediaFailure('damaged')
  const { skipped: _, ...sound } = header
  return { ...sound, seconds: secondsOf(first, head, tail, header), chunks: () => chunksOf(file, 0) }
}
