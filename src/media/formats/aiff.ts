import { MediaFailure } from '../failure.ts'
import type { Codec } from '../types.ts'
import { chunksOf, PCM_CHUNK_BYTES, readAt, type Sound, type SoundFile } from './sound.ts'

/** By the compression of an AIFF-C, in lower case. Those that compress need the whole file at once, and are not decoded. */
const codecs = new Map<string, { codec: Codec; bits: number[] }>([
  ['none', { codec: 'pcm', bits: [8, 16, 24, 32] }],
  ['twos', { codec: 'pcm', bits: [8, 16, 24, 32] }],
  ['sowt', { codec: 'pcm', bits: [8, 16, 24, 32] }],
  ['fl32', { codec: 'float', bits: [32] }],
  ['fl64', { codec: 'float', bits: [64] }],
  ['alaw', { codec: 'alaw', bits: [8, 16] }],
  ['ulaw', { codec: 'ulaw', bits: [8, 16] }],
])
const MAX_PARTS = 1000

interface Common {
  /** As it is in the file. */
  bytes: Buffer
  channels: number
  frames: number
  bits: number
  sampleRate: number
  compression: string
}

/** An 80-bit float of IEEE 754. */
function readExtended(bytes: Buffer, at: number): number {
  const exponent = bytes.readUInt16BE(at) & 0x7fff
  const mantissa = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
  return mantissa * 2 ** (exponent - 16_383 - 63)
}

function readCommon(bytes: Buffer, isCompressed: boolean): Common {
  if (bytes.length < (isCompressed ? 22 : 18)) throw new MediaFailure('damaged')
  return {
    bytes: bytes.subarray(0, isCompressed ? 22 : 18),
    channels: bytes.readUInt16BE(0),
    frames: bytes.readUInt32BE(2),
    bits: bytes.readUInt16BE(6),
    sampleRate: readExtended(bytes, 8),
    compression: isCompressed ? bytes.toString('latin1', 18, 22).toLowerCase() : 'none',
  }
}

/** The two parts that matter, in whatever order they stand. */
async function findParts(file: SoundFile): Promise<{ form: string; common: Common; start: number; end: number }> {
  const form = (await readAt(file, 8, 4)).toString('latin1')
  let common: Common | undefined
  let data: { start: number; end: number } | undefined
  let position = 12
  for (let parts = 0; parts < MAX_PARTS && !(common && data); parts++) {
    const header = await readAt(file, position, 8)
    if (header.length < 8) break
    const [id, bytes] = [header.toString('latin1', 0, 4), header.readUInt32BE(4)]
    if (id === 'COMM') common = readCommon(await readAt(file, position + 8, Math.min(bytes, 64)), form === 'AIFC')
    if (id === 'SSND') {
      const offset = await readAt(file, position + 8, 4)
      if (offset.length === 4) data = { start: position + 16 + offset.readUInt32BE(0), end: position + 8 + bytes }
    }
    position += 8 + bytes + (bytes % 2)
  }
  if (!common || !data) throw new MediaFailure('damaged')
  return { form, common, ...data }
}

function headerOf(form: string, { bytes }: Common): Buffer {
  const part = (id: string, length: number, ...content: Buffer[]) => {
    const header = Buffer.alloc(8)
    header.write(id, 'latin1')
    header.writeUInt32BE(length, 4)
    return Buffer.concat([header, ...content])
  }
  // The longest that there can be: decoders take the frames from COMM.
  const data = part('SSND', 0x7fffffff, Buffer.alloc(8))
  return Buffer.concat([part('FORM', 0x7fffffff, Buffer.from(form, 'latin1')), part('COMM', bytes.length, bytes), data])
}

export async function readAiff(file: SoundFile): Promise<Sound> {
  const { form, common, start, end } = await findParts(file)
  const known = codecs.get(common.compression)
  if (!known?.bits.includes(common.bits)) throw new MediaFailure('unsupported')
  if (common.channels === 0 || !(common.sampleRate > 0)) throw new MediaFailure('damaged')
  return {
    codec: known.codec,
    decoder: 'aiff',
    channels: common.channels,
    sampleRate: common.sampleRate,
    seconds: common.frames / common.sampleRate,
    async *chunks() {
      yield headerOf(form, common)
      for await (const chunk of chunksOf(file, start, Math.min(end, file.size), PCM_CHUNK_BYTES)) {
        // The decoder takes 8 bits for unsigned, as they are in a WAV; here they are signed.
        if (known.codec === 'pcm' && common.bits === 8)
          for (let i = 0; i < chunk.length; i++) chunk[i] = (chunk[i] as number) ^ 128
        yield chunk
      }
    },
  }
}
