import { MediaFailure } from '../failure.ts'
import { afterId3, chunksOf, readAt, type Sound, type SoundFile } from './sound.ts'

const STREAMINFO_BYTES = 34

/** What a STREAMINFO says; the length is null where the encoder did not know it. */
export function readStreamInfo(bytes: Buffer): { sampleRate: number; channels: number; seconds: number | null } {
  if (bytes.length < STREAMINFO_BYTES) throw new MediaFailure('damaged')
  const packed = bytes.readBigUInt64BE(10)
  const frames = Number(packed & 0xfffffffffn)
  const sampleRate = Number(packed >> 44n)
  if (sampleRate === 0) throw new MediaFailure('damaged')
  return { sampleRate, channels: Number((packed >> 41n) & 7n) + 1, seconds: frames === 0 ? null : frames / sampleRate }
}

export async function readFlac(file: SoundFile): Promise<Sound> {
  const start = await afterId3(file)
  const header = await readAt(file, start, 8 + STREAMINFO_BYTES)
  // the first block of metadata is STREAMINFO, type 0
  if (header.toString('latin1', 0, 4) !== 'fLaC' || ((header[4] ?? 1) & 127) !== 0) throw new MediaFailure('damaged')
  return { codec: 'flac', decoder: 'flac', ...readStreamInfo(header.subarray(8)), chunks: () => chunksOf(file, start) }
}
