import type { FileHandle } from 'node:fs/promises'
import type { Codec } from '../types.ts'

/** The decoders of audio-decode that are used. */
export type DecoderName = 'wav' | 'aiff' | 'flac' | 'mp3' | 'oga' | 'opus' | 'aac' | 'm4a'

/** What the header of a sound says, read before anything is decoded. */
export interface Sound {
  codec: Codec
  decoder: DecoderName
  /** Null where the header has none that could be trusted. */
  channels: number | null
  /** Hz */
  sampleRate: number | null
  /** Null where the header does not say, or cannot be trusted. */
  seconds: number | null
  /** What the decoder is fed. */
  chunks: () => AsyncIterable<Uint8Array>
}

/** An open file and its size, bytes. */
export interface SoundFile {
  handle: FileHandle
  size: number
}

/**
 * Bytes that decoders are given at a time. Few, since what they answer at once is in memory at once: a frame of 14 bytes of FLAC may
 * stand for 65,535 samples of each channel.
 */
const CHUNK_BYTES = 4096
/** The same for samples that are stored as they are. */
export const PCM_CHUNK_BYTES = 65_536

/** Up to `length` bytes from `position` on; fewer at the end of the file. */
export async function readAt({ handle }: SoundFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await handle.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}

/** The file from `start` up to `end`, not with it. */
export async function* chunksOf(file: SoundFile, start: number, end = file.size, bytes = CHUNK_BYTES) {
  if (end <= start) return
  const stream = file.handle.createReadStream({ start, end: end - 1, autoClose: false, highWaterMark: 65_536 })
  for await (const chunk of stream as AsyncIterable<Buffer>)
    for (let at = 0; at < chunk.length; at += bytes) yield chunk.subarray(at, at + bytes)
}

/** Where the content begins, behind ID3v2 tags that programs put in front of it. */
export async function afterId3(file: SoundFile): Promise<number> {
  let position = 0
  for (let tags = 0; tags < 16; tags++) {
    const header = await readAt(file, position, 10)
    if (header.length < 10 || header.toString('latin1', 0, 3) !== 'ID3') break
    // seven bits of each byte; a footer where its flag is set
    const size = [6, 7, 8, 9].reduce((sum, at) => sum * 128 + ((header[at] as number) & 127), 0)
    position += 10 + size + ((header[5] as number) & 16 ? 10 : 0)
  }
  return position
}
