import { MediaFailure } from '../failure.ts'
import type { Codec } from '../types.ts'
import { chunksOf, PCM_CHUNK_BYTES, readAt, type Sound, type SoundFile } from './sound.ts'

/** Samples that are stored as they are, or by G.711. Compressed ones in a WAV are rare, and not decoded. */
const codecs = new Map<number, { codec: Codec; bits: number[] }>([
  [1, { codec: 'pcm', bits: [8, 16, 24, 32] }],
  [3, { codec: 'float', bits: [32, 64] }],
  [6, { codec: 'alaw', bits: [8] }],
  [7, { codec: 'ulaw', bits: [8] }],
])
/** The real codec is the begin of its SubFormat. */
const EXTENSIBLE = 0xfffe
/** A length that a program wrote which did not know it yet. */
const UNKNOWN_SIZE = 0xffffffff
const MAX_RIFF_PARTS = 1000

interface Format {
  tag: number
  channels: number
  sampleRate: number
  /** Bytes of one sample of all channels. */
  blockBytes: number
  bits: number
}

function readFormat(bytes: Buffer): Format {
  if (bytes.length < 16) throw new MediaFailure('damaged')
  const tag = bytes.readUInt16LE(0)
  if (tag === EXTENSIBLE && bytes.length < 26) throw new MediaFailure('damaged')
  return {
    tag: tag === EXTENSIBLE ? bytes.readUInt16LE(24) : tag,
    channels: bytes.readUInt16LE(2),
    sampleRate: bytes.readUInt32LE(4),
    blockBytes: bytes.readUInt16LE(12),
    bits: bytes.readUInt16LE(14),
  }
}

/** Where the samples are. Parts before them are passed over, not read: they may be long. */
async function findData(file: SoundFile): Promise<{ format: Format; start: number; bytes: number }> {
  let format: Format | undefined
  let position = 12
  for (let parts = 0; parts < MAX_RIFF_PARTS; parts++) {
    const header = await readAt(file, position, 8)
    if (header.length < 8) break
    const [id, bytes] = [header.toString('latin1', 0, 4), header.readUInt32LE(4)]
    if (id === 'fmt ') format = readFormat(await readAt(file, position + 8, Math.min(bytes, 40)))
    if (id === 'data' && format) return { format, start: position + 8, bytes }
    position += 8 + bytes
    // A part of odd length is followed by a byte of its own, which some programs forget.
    if (bytes % 2 === 1 && (await readAt(file, position, 1))[0] === 0) position++
  }
  throw new MediaFailure('damaged')
}

/** The shortest header that has the same samples behind it: decoders scan a long one again with each chunk. */
function headerOf({ tag, channels, sampleRate, blockBytes, bits }: Format): Buffer {
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(UNKNOWN_SIZE, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(tag, 20)
  header.writeUInt16LE(channels, 22)
  header.writeUInt32LE(sampleRate, 24)
  header.writeUInt32LE((sampleRate * blockBytes) % 2 ** 32, 28)
  header.writeUInt16LE(blockBytes, 32)
  header.writeUInt16LE(bits, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(UNKNOWN_SIZE, 40)
  return header
}

export async function readWav(file: SoundFile): Promise<Sound> {
  const { format, start, bytes } = await findData(file)
  const { channels, sampleRate, blockBytes, bits } = format
  const known = codecs.get(format.tag)
  if (!known?.bits.includes(bits)) throw new MediaFailure('unsupported')
  if (channels === 0 || sampleRate === 0 || blockBytes !== (channels * bits) / 8) throw new MediaFailure('damaged')
  const end = bytes === 0 || bytes === UNKNOWN_SIZE ? file.size : start + bytes
  return {
    codec: known.codec,
    decoder: 'wav',
    channels,
    sampleRate,
    seconds: (end - start) / blockBytes / sampleRate,
    async *chunks() {
      yield headerOf(format)
      yield* chunksOf(file, start, Math.min(end, file.size), PCM_CHUNK_BYTES)
    },
  }
}
