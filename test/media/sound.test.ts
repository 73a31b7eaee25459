import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AudioAnalysis, createMedia, type Media, sniff } from '../../src/media/index.ts'
import { cleanTag } from '../../src/media/tags.ts'
import {
  aiff,
  fixture,
  flacBomb,
  mp4,
  riff,
  riffPart,
  type SoundOptions,
  storeLongWav,
  wav,
  wavFormat,
} from '../support/sound.ts'

let folder = ''
let media: Media
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutroom-sound-'))
  media = createMedia({ parallel: 2 })
})
afterAll(async () => {
  await media.close()
  await rm(folder, { recursive: true, force: true })
})

let files = 0
async function store(content: Buffer, name = 'upload.part'): Promise<string> {
  const path = join(folder, `${files++}-${name}`)
  await writeFile(path, content)
  return path
}
/** As the server does it: analysed as what it is. */
async function analyse(content: Buffer, by = media): Promise<AudioAnalysis> {
  const path = await store(content)
  return by.analyseAudio(path, (await sniff(path))?.type ?? 'application/octet-stream')
}
const failed = (reason: string) => ({ ok: false, reason })
function good(analysis: AudioAnalysis) {
  if (!analysis.ok) throw new Error(`failed: ${analysis.reason}`)
  return analysis
}

/** The left half of a second is loud, the other silent; the right channel is quieter. */
const loudness: SoundOptions['loudness'] = (channel, second) => (second < 0.5 ? (channel === 0 ? 0.5 : 0.25) : 0)
const tags = { title: 'Night drive', artist: 'The Band' }

describe('a sound that is whole', () => {
  it.each([
    ['mp3', fixture('tone.mp3'), { codec: 'mp3', durationMs: 1000, sampleRate: 16_000, channels: 1, tags }],
    ['flac', fixture('tone.flac'), { codec: 'flac', durationMs: 500, sampleRate: 8000, channels: 1, tags }],
    // music-metadata has no duration of these two
    ['ogg', fixture('tone.ogg'), { codec: 'vorbis', durationMs: 1000, sampleRate: 16_000, channels: 1, tags }],
    ['opus', fixture('tone.opus'), { codec: 'opus', durationMs: 1000, sampleRate: 48_000, channels: 1, tags }],
    // its encoder fills up the last frame; the decoder doubles low rates
    ['aac', fixture('tone.aac'), { codec: 'aac', durationMs: 1024, sampleRate: 32_000, channels: 1, tags: {} }],
    [
      'm4a, whose tables come last',
      fixture('tone.m4a'),
      { codec: 'aac', durationMs: 1000, sampleRate: 16_000, channels: 1, tags },
    ],
    ['mp4 of sound alone', mp4(), { codec: 'aac', durationMs: 1000, sampleRate: 16_000, channels: 1, tags }],
    [
      'alac, whose tables come first',
      fixture('tone-alac.m4a'),
      { codec: 'alac', durationMs: 300, sampleRate: 8000, channels: 1, tags },
    ],
  ])('M3 %s has its length by what was decoded, its tags, and peaks of half the full scale', async (_, content, facts) => {
    const { audio, peaks } = good(await analyse(content))
    expect(audio).toMatchObject(facts)
    expect(audio.bitrate).toBe(Math.round((content.length * 8000) / audio.durationMs))
    expect(peaks.points).toBeGreaterThan(2000)
    expect(Math.abs(Math.max(...peaks.max) - 64)).toBeLessThan(12)
    expect(Math.abs(Math.min(...peaks.min) + 64)).toBeLessThan(12)
  })

  it.each([
    ['wav, 8 bits', wav({ loudness, bits: 8 })],
    ['wav, 16 bits', wav({ loudness })],
    ['wav, 24 bits, which music-metadata calls "non-PCM (65534)"', wav({ loudness, bits: 24, extensible: true })],
    ['wav, 32 bits', wav({ loudness, bits: 32 })],
    ['wav with a part of odd length before the samples', wav({ loudness, before: [riffPart('LIST', Buffer.from('INFOo'))] })],
    [
      'wav with a part of odd length that nothing follows',
      wav({ loudness, before: [riffPart('junk', Buffer.alloc(7, 1)).subarray(0, 15)] }),
    ],
    ['aiff, 8 bits', aiff({ loudness, bits: 8 })],
    ['aiff, 16 bits', aiff({ loudness })],
    ['aiff, 24 bits', aiff({ loudness, bits: 24 })],
    ['aiff-c', aiff({ loudness, compression: 'sowt' })],
  ])('M3 %s has the peaks of its louder channel where they are', async (_, content) => {
    const { audio, peaks } = good(await analyse(content))
    expect(audio).toMatchObject({ codec: 'pcm', durationMs: 1000, sampleRate: 8000, channels: 2, tags: {} })
    const half = peaks.points / 2
    expect(half).toBe(4000)
    expect(Math.max(...peaks.max.subarray(0, half))).toBe(64)
    // eight bits are that coarse
    expect([-64, -63]).toContain(Math.min(...peaks.min.subarray(0, half)))
    expect([Math.max(...peaks.max.subarray(half)), Math.min(...peaks.min.subarray(half))]).toEqual([0, 0])
  })

  it('M3 a wav that was written to a pipe, of unknown length, goes to its end', async () => {
    const whole = wav()
    whole.writeUInt32LE(0xffffffff, 40)
    expect(good(await analyse(whole)).audio.durationMs).toBe(1000)
  })

  it('M3 tags are one line each, without control characters and marks of direction, and bounded', async () => {
    const text = (id: string, value: string) => riffPart(id, Buffer.from(`${value}\0`))
    const info = Buffer.concat([Buffer.from('INFO'), text('INAM', `song\n\x1b[31m${'x'.repeat(5000)}`), text('IART', ' \t ')])
    const found = good(await analyse(wav({ before: [riffPart('LIST', info)] }))).audio.tags
    expect(found.title).toMatch(/^song \[31mx{180,}$/)
    expect(found.title).toHaveLength(200)
    expect(found).not.toHaveProperty('artist')
    expect(cleanTag('gpj.\u202egnos \ud800\u200b\u2028e\u0301')).toBe('gpj.gnos \ufffd \u00e9')
    expect([cleanTag('\u202e\0'), cleanTag(7), cleanTag(undefined)]).toEqual([undefined, undefined, undefined])
  })
})

describe('a sound that is damaged', () => {
  const cut = (name: string, share: number) => {
    const whole = fixture(name)
    return whole.subarray(0, Math.round(whole.length * share))
  }
  /** Zeros in the place of what is between these shares of it. */
  const hole = (name: string, from: number, to: number) => {
    const whole = Buffer.from(fixture(name))
    return whole.fill(0, Math.round(whole.length * from), Math.round(whole.length * to))
  }
  it.each([
    ['a flac without its second half', cut('tone.flac', 0.4)],
    ['a flac with a hole', hole('tone.flac', 0.2, 0.9)],
    ['an ogg without its end', cut('tone.ogg', 0.9)],
    ['an opus without its end', cut('tone.opus', 0.9)],
    ['an m4a without its end, where its tables are', cut('tone.m4a', 0.5)],
    ['an m4a with a hole', hole('tone.m4a', 0.1, 0.6)],
    ['an alac without its end', cut('tone-alac.m4a', 0.6)],
    ['an mp3 without its second half', cut('tone.mp3', 0.5)],
    ['a wav without its second half', wav().subarray(0, 16_000)],
    ['an aiff without its second half', aiff().subarray(0, 16_000)],
    ['a wav without samples', riff(wavFormat({}), riffPart('data', Buffer.alloc(0)))],
    ['a wav without a format', riff(riffPart('data', Buffer.alloc(8000)))],
    ['a wav whose samples have no size', riff(wavFormat({ blockBytes: 0 }), riffPart('data', Buffer.alloc(8000)))],
    ['a header alone', Buffer.from('fLaC')],
    ['random bytes behind the begin of a frame of AAC', Buffer.concat([Buffer.from([0xff, 0xf1, 0x50, 0x80]), noise(50_000)])],
  ])('M3 %s fails as damaged, though decoders are content with it', async (_, content) => {
    expect(await analyse(content)).toEqual(failed('damaged'))
  })

  function noise(length: number): Buffer {
    return Buffer.from(Array.from({ length }, (_, n) => (n * n * 31 + n * 7 + 5) % 256))
  }

  it('M3 nothing is decoded that the sniffer does not know or that was called something else: random bytes, WebM, a lie', async () => {
    const random = await store(noise(50_000), 'song.mp3')
    expect(await media.analyseAudio(random, 'audio/mpeg')).toEqual(failed('unsupported'))
    // which the decoder would never end with
    const webm = await store(fixture('tone.webm'), 'song.webm')
    expect(await media.analyseAudio(webm, 'audio/webm')).toEqual(failed('unsupported'))
    const flac = await store(fixture('tone.flac'), 'song.mp3')
    expect(await media.analyseAudio(flac, 'audio/mpeg')).toEqual(failed('unsupported'))
    const text = await store(Buffer.from('a song'))
    expect(await media.analyseAudio(text, 'text/plain')).toEqual(failed('unsupported'))
  })
})

describe('a sound that asks for too much', () => {
  it('M3 a wav of 65,535 channels is refused by its header', async () => {
    const format = wavFormat({ channels: 65_535, bits: 8 })
    expect(await analyse(riff(format, riffPart('data', Buffer.alloc(655_350))))).toEqual(failed('unsupported'))
    expect(await analyse(wav({ channels: 33, bits: 8 }))).toEqual(failed('unsupported'))
    expect(good(await analyse(wav({ channels: 32, bits: 8 }))).audio.channels).toBe(32)
  })

  it('M3 one that is too long is refused by its header, and without one while it is decoded', async () => {
    const strict = createMedia({ durationMs: 250 })
    try {
      for (const content of [wav(), fixture('tone.flac'), fixture('tone.m4a'), fixture('tone.aac'), fixture('tone.opus')])
        expect(await analyse(content, strict)).toEqual(failed('too-long'))
      // 700 KB of silence, six hours of eight channels
      const bomb = await analyse(flacBomb(16_000))
      expect(['too-long', 'out-of-memory']).toContain(bomb.ok ? 'read' : bomb.reason)
    } finally {
      await strict.close()
    }
  })

  it('M3 one that takes too long is ended in the middle of its work', async () => {
    const path = join(folder, 'long.wav')
    await storeLongWav(path)
    const hasty = createMedia({ timeMs: 4000, durationMs: 24 * 3_600_000 })
    try {
      expect(await hasty.analyseAudio(path, 'audio/wav')).toEqual(failed('timed-out'))
    } finally {
      await hasty.close()
    }
  })

  it('M3 one that takes too much memory is ended, and takes nothing else with it: what V8 would abort for, and what it does not see', async () => {
    // A list of four thousand million edits, in four bytes.
    const tables = Buffer.from(fixture('tone.m4a'))
    tables.writeUInt32BE(0xffffffff, tables.indexOf('elst') + 8)
    const narrow = createMedia({ memoryBytes: 40 * 1024 ** 2, parallel: 2 })
    try {
      const results = await Promise.all([analyse(tables), analyse(wav(), narrow)])
      expect(results).toEqual([failed('out-of-memory'), failed('out-of-memory')])
    } finally {
      await narrow.close()
    }
    expect(good(await analyse(wav())).audio.durationMs).toBe(1000)
  })
})
