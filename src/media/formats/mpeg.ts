import { MediaFailure } from '../failure.ts'
import { afterId3, chunksOf, readAt, type Sound, type SoundFile } from './sound.ts'

/** Hz of MPEG 1; half of it of MPEG 2, a quarter of MPEG 2.5. */
const RATES = [44_100, 48_000, 32_000]
/** How far behind the tags the first frame may be: some programs leave room there. */
const SEARCH_BYTES = 65_536

interface Frame {
  at: number
  sampleRate: number
  channels: number
  samples: number
}

function findFrame(bytes: Buffer): Frame | null {
  for (let at = 0; at + 4 <= bytes.length; at++) {
    const [first = 0, second = 0, third = 0, fourth = 0] = bytes.subarray(at, at + 4)
    // eleven bits of sync, then version and layer; layer III is 1
    if (first !== 0xff || (second & 0xe6) !== 0xe2) continue
    const version = (second >> 3) & 3
    const rate = RATES[(third >> 2) & 3]
    if (version === 1 || rate === undefined || third >> 4 === 15) continue
    return {
      at,
      sampleRate: version === 3 ? rate : version === 2 ? rate / 2 : rate / 4,
      channels: fourth >> 6 === 3 ? 1 : 2,
      samples: version === 3 ? 1152 : 576,
    }
  }
  return null
}

/** The number of frames in the table that encoders put in the first one: Xing, Info or VBRI. */
function countFrames(first: Buffer): number | null {
  const table = Math.max(first.indexOf('Xing'), first.indexOf('Info'))
  if (table >= 0 && table + 12 <= first.length && first.readUInt32BE(table + 4) & 1) return first.readUInt32BE(table + 8)
  const old = first.indexOf('VBRI')
  return old >= 0 && old + 18 <= first.length ? first.readUInt32BE(old + 14) : null
}

export async function readMp3(file: SoundFile): Promise<Sound> {
  const start = await afterId3(file)
  const bytes = await readAt(file, start, SEARCH_BYTES)
  const frame = findFrame(bytes)
  if (!frame) throw new MediaFailure('damaged')
  const { at, channels, sampleRate, samples } = frame
  const counted = countFrames(bytes.subarray(at, at + 200))
  return {
    codec: 'mp3',
    decoder: 'mp3',
    channels,
    sampleRate,
    // Without a table there is but a guess from the first frames, which is far off where silence comes first.
    seconds: counted === null ? null : (counted * samples) / sampleRate,
    chunks: () => chunksOf(file, start),
  }
}

/** How many frames in a row, each where the one before ends, make sure that it is no chance. */
const SURE_FRAMES = 3

/** AAC in ADTS, which has no header: where random bytes begin like a frame, the next ones do not. */
export async function readAac(file: SoundFile): Promise<Sound> {
  const start = await afterId3(file)
  const bytes = await readAt(file, start, SEARCH_BYTES)
  for (let [at, frames] = [0, 0]; frames < SURE_FRAMES && start + at < file.size; frames++) {
    const [first, second = 0, , fourth = 0, fifth = 0, sixth = 0] = bytes.subarray(at, at + 6)
    const length = ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5)
    if (first !== 0xff || (second & 0xf6) !== 0xf0 || length < 7) throw new MediaFailure('damaged')
    at += length
  }
  return { codec: 'aac', decoder: 'aac', channels: null, sampleRate: null, seconds: null, chunks: () => chunksOf(file, start) }
}
