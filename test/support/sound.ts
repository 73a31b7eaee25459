import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

/** One second of 440 Hz or less, half as loud as can be: tone.mp3, .flac, .ogg, .opus, .aac, .m4a, tone-alac.m4a, .webm. */
export const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../fixtures/sound', name))
export const fixturePath = (name: string): string => join(import.meta.dirname, '../fixtures/sound', name)

/** An M4A with the mark of videos, as many programs write it. */
export function mp4({ handler = 'soun' } = {}): Buffer {
  const bytes = fixture('tone.m4a')
  bytes.write('isom', bytes.indexOf('ftyp') + 4, 'latin1')
  bytes.write(handler, bytes.indexOf('soun', bytes.indexOf('hdlr')), 'latin1')
  return bytes
}

export interface SoundOptions {
  seconds?: number
  channels?: number
  /** Hz */
  rate?: number
  bits?: 8 | 16 | 24 | 32
  /** 0 … 1 of a channel at a second. */
  loudness?: (channel: number, second: number) => number
}

const defaults = { seconds: 1, channels: 2, rate: 8000, bits: 16, loudness: () => 0.5 } as const

/** A sine of 440 Hz, interleaved. Eight bits are unsigned in a WAV and signed in an AIFF. */
function samples(options: SoundOptions, endian: 'LE' | 'BE'): Buffer {
  const { seconds, channels, rate, bits, loudness } = { ...defaults, ...options }
  const [frames, width] = [Math.round(seconds * rate), bits / 8]
  const bytes = Buffer.alloc(frames * channels * width)
  const top = 2 ** (bits - 1) - 1
  for (let frame = 0, at = 0; frame < frames; frame++) {
    const wave = Math.sin((2 * Math.PI * 440 * frame) / rate)
    for (let channel = 0; channel < channels; channel++, at += width) {
      const value = Math.round(wave * top * loudness(channel, frame / rate))
      if (bits === 8) bytes.writeUInt8((value + (endian === 'LE' ? 128 : 256)) % 256, at)
      else if (endian === 'LE') bytes.writeIntLE(value, at, width)
      else bytes.writeIntBE(value, at, width)
    }
  }
  return bytes
}

/** A part of a RIFF file. */
export function riffPart(id: string, content: Buffer, length = content.length): Buffer {
  const header = Buffer.alloc(8)
  header.write(id, 'latin1')
  header.writeUInt32LE(length, 4)
  return Buffer.concat([header, content, Buffer.alloc(content.length % 2)])
}

export interface WavFormat extends Pick<SoundOptions, 'channels' | 'rate' | 'bits'> {
  extensible?: boolean
  /** Bytes of one sample of all channels; those that it has, where it is not named. */
  blockBytes?: number
}

/** The `fmt ` part of a WAV. */
export function wavFormat({ extensible = false, blockBytes, ...options }: WavFormat): Buffer {
  const { channels, rate, bits } = { ...defaults, ...options }
  const block = blockBytes ?? (channels * bits) / 8
  const format = Buffer.alloc(extensible ? 40 : 16)
  format.writeUInt16LE(extensible ? 0xfffe : 1, 0)
  format.writeUInt16LE(channels, 2)
  format.writeUInt32LE(rate, 4)
  format.writeUInt32LE((rate * block) % 2 ** 32, 8)
  format.writeUInt16LE(block % 65_536, 12)
  format.writeUInt16LE(bits, 14)
  if (extensible) {
    format.writeUInt16LE(22, 16)
    format.writeUInt16LE(bits, 18)
    // the SubFormat is PCM
    Buffer.from('0100000000001000800000aa00389b71', 'hex').copy(format, 24)
  }
  return riffPart('fmt ', format)
}

export function riff(...parts: Buffer[]): Buffer {
  return riffPart('RIFF', Buffer.concat([Buffer.from('WAVE'), ...parts]))
}

export function wav(options: SoundOptions & { extensible?: boolean; before?: Buffer[] } = {}): Buffer {
  return riff(wavFormat(options), ...(options.before ?? []), riffPart('data', samples(options, 'LE')))
}

/** A WAV of seven hours of silence, of 5 GB, which take next to nothing of a disk. */
export async function storeLongWav(path: string): Promise<void> {
  const begin = wav({ channels: 1, rate: 96_000, seconds: 0.01 })
  // it goes to its end
  begin.writeUInt32LE(0xffffffff, 40)
  const file = await open(path, 'w')
  await file.write(begin)
  await file.truncate(5_000_000_000)
  await file.close()
}

/** @param compression of an AIFF-C; without it a plain AIFF */
export function aiff(options: SoundOptions & { compression?: 'NONE' | 'sowt' } = {}): Buffer {
  const { channels, rate, bits, compression } = { ...defaults, compression: undefined, ...options }
  const data = samples(options, compression === 'sowt' ? 'LE' : 'BE')
  const part = (id: string, ...content: Buffer[]) => {
    const body = Buffer.concat(content)
    const header = Buffer.alloc(8)
    header.write(id, 'latin1')
    header.writeUInt32BE(body.length, 4)
    return Buffer.concat([header, body, Buffer.alloc(body.length % 2)])
  }
  const common = Buffer.alloc(18)
  common.writeUInt16BE(channels, 0)
  common.writeUInt32BE(data.length / channels / (bits / 8), 2)
  common.writeUInt16BE(bits, 6)
  // the rate as an 80-bit float
  const exponent = Math.floor(Math.log2(rate))
  common.writeUInt16BE(16_383 + exponent, 8)
  common.writeBigUInt64BE(BigInt(rate) << BigInt(63 - exponent), 10)
  const kind = compression === undefined ? [] : [Buffer.from(`${compression}\0\0`, 'latin1')]
  return part(
    'FORM',
    Buffer.from(compression === undefined ? 'AIFF' : 'AIFC'),
    part('COMM', common, ...kind),
    part('SSND', Buffer.alloc(8), data),
  )
}

function crc(bytes: Buffer, polynomial: number, width: 8 | 16): number {
  const [top, mask] = [1 << (width - 1), 2 ** width - 1]
  let value = 0
  for (const byte of bytes) {
    value ^= byte << (width - 8)
    for (let bit = 0; bit < 8; bit++) value = value & top ? ((value << 1) ^ polynomial) & mask : (value << 1) & mask
  }
  return value
}

/** FLAC of silence, as small as can be: 43 bytes stand for 65,535 samples of eight channels, 1.5 seconds. */
export function flacBomb(frames: number): Buffer {
  const info = Buffer.alloc(34)
  info.writeUInt16BE(65_535, 0)
  info.writeUInt16BE(65_535, 2)
  // 44,100 Hz, eight channels, 16 bits, of unknown length
  info.writeBigUInt64BE((44_100n << 44n) | (7n << 41n) | (15n << 36n), 10)
  const parts = [Buffer.from('fLaC'), Buffer.from([0x80, 0, 0, 34]), info]
  for (let n = 0; n < frames; n++) {
    // the number of the frame, written as UTF-8 writes a character of up to 16 bits
    const number =
      n < 128 ? [n] : n < 2048 ? [192 | (n >> 6), 128 | (n & 63)] : [224 | (n >> 12), 128 | ((n >> 6) & 63), 128 | (n & 63)]
    const header = Buffer.from([0xff, 0xf8, 0x79, 0x78, ...number, 0xff, 0xfe])
    const silence = Buffer.alloc(8 * 3)
    const frame = Buffer.concat([header, Buffer.from([crc(header, 0x07, 8)]), silence])
    const sum = crc(frame, 0x8005, 16)
    parts.push(frame, Buffer.from([sum >> 8, sum & 255]))
  }
  return Buffer.concat(parts)
}
