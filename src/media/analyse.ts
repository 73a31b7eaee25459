import { type FileHandle, open } from 'node:fs/promises'
import decoders from 'audio-decode'
import { failureOf, MediaFailure } from './failure.ts'
import { readAiff } from './formats/aiff.ts'
import { readFlac } from './formats/flac.ts'
import { readM4a } from './formats/mp4.ts'
import { readAac, readMp3 } from './formats/mpeg.ts'
import { readOgg } from './formats/ogg.ts'
import type { Sound, SoundFile } from './formats/sound.ts'
import { readWav } from './formats/wav.ts'
import { PeakCollector } from './peaks.ts'
import { sniff } from './sniff.ts'
import { type Description, describe } from './tags.ts'
import type { AudioAnalysis, AudioFacts, Limits, Peaks } from './types.ts'

const MAX_CHANNELS = 32
/** Hz */
const MAX_SAMPLE_RATE = 768_000
/**
 * Of the length that a header says, this much may be missing: encoders put silence in front and behind, which decoders take away
 * or not.
 */
const MISSING_SECONDS = 0.25
const MISSING_SHARE = 0.005

const readers: Record<string, (file: SoundFile) => Promise<Sound>> = {
  wav: readWav,
  aiff: readAiff,
  flac: readFlac,
  mp3: readMp3,
  aac: readAac,
  ogg: readOgg,
  opus: readOgg,
  m4a: readM4a,
}

interface Decoded {
  peaks: Peaks
  seconds: number
  sampleRate: number
  channels: number
}

async function decode({ decoder, seconds, sampleRate, chunks }: Sound, { durationMs }: Limits): Promise<Decoded> {
  const decoding = await decoders[decoder]()
  const expected = seconds === null || sampleRate === null ? null : Math.round(seconds * sampleRate)
  const collector = new PeakCollector(expected)
  const found = { rate: 0, channels: 0 }
  const take = ({ channelData, sampleRate: rate }: { channelData: Float32Array[]; sampleRate: number }) => {
    if (channelData.length === 0) return
    if (channelData.length > MAX_CHANNELS || !(rate > 0 && rate <= MAX_SAMPLE_RATE)) throw new MediaFailure('unsupported')
    // A stream of several parts, each with a rate of its own, has no length by which one could go.
    if (found.rate !== 0 && found.rate !== rate) throw new MediaFailure('unsupported')
    found.rate = rate
    found.channels = Math.max(found.channels, channelData.length)
    collector.add(channelData)
    if (collector.frames / rate > durationMs / 1000) throw new MediaFailure('too-long')
  }
  try {
    for await (const chunk of chunks()) take(await decoding(chunk))
    take(await decoding())
  } finally {
    decoding.free()
  }
  if (collector.frames === 0) throw new MediaFailure('damaged')
  return {
    peaks: collector.finish(),
    seconds: collector.frames / found.rate,
    sampleRate: found.rate,
    channels: found.channels,
  }
}

/** Before anything is decoded: a header alone may ask for too much. */
function assertBounds({ channels, sampleRate, seconds }: Sound, { durationMs }: Limits): void {
  if (channels !== null && channels > MAX_CHANNELS) throw new MediaFailure('unsupported')
  if (sampleRate !== null && sampleRate > MAX_SAMPLE_RATE) throw new MediaFailure('unsupported')
  if (seconds !== null && seconds > durationMs / 1000) throw new MediaFailure('too-long')
}

/** Tags that cannot be read are left out: the sound may be good. */
function withoutTags(error: unknown): Description {
  // of the system: thrown
  failureOf(error)
  return { tags: {}, channels: null }
}

async function analyseSound(
  path: string,
  type: string,
  extension: string,
  handle: FileHandle,
  limits: Limits,
): Promise<AudioAnalysis> {
  const { size } = await handle.stat()
  const reader = readers[extension]
  if (!reader) throw new MediaFailure('unsupported')
  const sound = await reader({ handle, size })
  assertBounds(sound, limits)
  const description = await describe(path, type).catch(withoutTags)
  if ((description.channels ?? 0) > MAX_CHANNELS) throw new MediaFailure('unsupported')
  const { peaks, seconds, sampleRate, channels } = await decode(sound, limits)
  // Decoders are content with what they can read of a damaged file.
  const least = sound.seconds === null ? 0 : sound.seconds * (1 - MISSING_SHARE) - MISSING_SECONDS
  if (seconds < least) throw new MediaFailure('damaged')
  const audio: AudioFacts = {
    durationMs: Math.round(seconds * 1000),
    codec: sound.codec,
    // M4A says 2 of mono, too
    channels: sound.channels ?? channels,
    sampleRate,
    bitrate: Math.round((size * 8) / seconds),
    tags: description.tags,
  }
  return { ok: true, audio, peaks }
}

/**
 * Length, channels, tags and peaks of a sound. Of the decoders' many formats only those are reached that the sniffer accepts.
 * @param type what the sniffer said when the file was stored
 * @throws errors of the system alone
 */
export async function analyseAudio(path: string, type: string, limits: Limits): Promise<AudioAnalysis> {
  const handle = await open(path)
  try {
    const found = await sniff(path)
    if (found?.kind !== 'audio' || found.type !== type) return { ok: false, reason: 'unsupported' }
    return await analyseSound(path, type, found.extension, handle, limits)
  } catch (error) {
    return failureOf(error)
  } finally {
    await handle.close()
  }
}
