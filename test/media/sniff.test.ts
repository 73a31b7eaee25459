import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptedTypes, sniff } from '../../src/media/index.ts'
import { blackPng, zip, zipBomb } from '../support/pictures.ts'
import { aiff, fixture, mp4, wav } from '../support/sound.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutroom-sniff-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let files = 0
/** What a file of this content is. */
async function sniffed(content: Buffer, name = 'upload.part') {
  const path = join(folder, `${files++}-${name}`)
  await writeFile(path, content)
  return sniff(path)
}

const pdf = Buffer.from('%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n')
const word = Buffer.from(
  '<Types><Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
)
const picture = sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
const withId3 = Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 1, 0, 0]), Buffer.alloc(16_384), fixture('tone.mp3')])

describe('what a file is', () => {
  it.each([
    ['wav', wav(), 'audio/wav', 'audio', 'wav'],
    ['WAVE_EXTENSIBLE', wav({ extensible: true, bits: 24 }), 'audio/wav', 'audio', 'wav'],
    ['aiff', aiff(), 'audio/aiff', 'audio', 'aiff'],
    ['aiff-c', aiff({ compression: 'sowt' }), 'audio/aiff', 'audio', 'aiff'],
    ['mp3', fixture('tone.mp3'), 'audio/mpeg', 'audio', 'mp3'],
    ['mp3 behind a tag that is longer than the first bytes', withId3, 'audio/mpeg', 'audio', 'mp3'],
    ['flac', fixture('tone.flac'), 'audio/flac', 'audio', 'flac'],
    ['ogg', fixture('tone.ogg'), 'audio/ogg', 'audio', 'ogg'],
    ['opus', fixture('tone.opus'), 'audio/ogg', 'audio', 'opus'],
    ['aac', fixture('tone.aac'), 'audio/aac', 'audio', 'aac'],
    ['m4a', fixture('tone.m4a'), 'audio/mp4', 'audio', 'm4a'],
    ['an MP4 of sound alone', mp4(), 'audio/mp4', 'audio', 'm4a'],
    ['alac', fixture('tone-alac.m4a'), 'audio/mp4', 'audio', 'm4a'],
    ['zip', zip('drums.wav', wav()), 'application/zip', 'stems', 'zip'],
    ['png', blackPng(8, 8), 'image/png', 'image', 'png'],
    ['pdf', pdf, 'application/pdf', 'document', 'pdf'],
    ['text', Buffer.from('Bar 12: the bass is late — žluťoučký\r\n\ttwice\n'), 'text/plain', 'document', 'txt'],
    ['text that begins like a bitmap', Buffer.from('BMW sounds in the second verse\n'), 'text/plain', 'document', 'txt'],
    ['text with a mark of byte order', Buffer.from('\ufeff# Notes\n'), 'text/plain', 'document', 'txt'],
  ])('M3 %s is what it is, under the name of something else', async (_, content, type, kind, extension) => {
    expect(await sniffed(content, 'cover.svg.exe')).toEqual({ type, kind, extension })
    expect(acceptedTypes).toContain(type)
  })

  it('M3 jpeg, gif and webp are pictures', async () => {
    for (const format of ['jpeg', 'gif', 'webp'] as const) {
      const found = await sniffed(await picture.clone().toFormat(format).toBuffer(), 'a.mp3')
      expect(found).toMatchObject({ type: `image/${format}`, kind: 'image' })
    }
  })

  it.each([
    ['HTML', Buffer.from('<!DOCTYPE html><script>alert(1)</script>')],
    ['HTML behind white space and a mark of byte order', Buffer.from('\ufeff \n\t<HTML><body onload=alert(1)>')],
    ['HTML with a PNG behind it', Buffer.concat([Buffer.from('<html><script>alert(1)</script>'), blackPng(8, 8)])],
    ['HTML with a ZIP behind it', Buffer.concat([Buffer.from('<html>'), zip('a', Buffer.from('a'))])],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
    ['SVG with a declaration', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['SVG behind a comment', Buffer.from('<!-- a picture --><svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['an MP4 with a picture', mp4({ handler: 'vide' })],
    ['an MP4 that ends within its tables', mp4().subarray(0, mp4().indexOf('hdlr'))],
    ['WebM', fixture('tone.webm')],
    ['a program of Windows', Buffer.concat([Buffer.from('MZ\x90\0\x03\0\0\0'), Buffer.alloc(200)])],
    ['a program of Java', zip('META-INF/MANIFEST.MF', Buffer.from('Manifest-Version: 1.0\n'))],
    ['a document of Word', zip('[Content_Types].xml', word)],
    ['a program in ELF', Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(200)])],
    ['text with a NUL', Buffer.from('lyrics\0more')],
    ['text with an escape of a terminal', Buffer.from('\x1b]0;title\x07')],
    ['text that is not UTF-8', Buffer.from('caf\xe9 au lait', 'latin1')],
    ['text that ends within a character', Buffer.from('ž').subarray(0, 1)],
    ['nothing', Buffer.alloc(0)],
    ['white space', Buffer.from(' \n\n')],
    // multiplied so that no two are alike, and that none begins like a format
    ['random bytes', Buffer.from(Array.from({ length: 9000 }, (_, n) => (n * n * 31 + n * 7 + 5) % 256))],
  ])('M3 %s is refused, under the name and type of a sound', async (_, content) => {
    expect(await sniffed(content, 'song.mp3')).toBeNull()
  })

  it('M3 a polyglot is what its begin says, so that it is served as that', async () => {
    const gif = Buffer.concat([await picture.clone().gif().toBuffer(), Buffer.from('<script>alert(1)</script>')])
    expect((await sniffed(gif))?.type).toBe('image/gif')
    const archive = Buffer.concat([fixture('tone.flac'), zip('a.class', Buffer.from('a'))])
    expect((await sniffed(archive))?.type).toBe('audio/flac')
  })

  it('M3 text is read to its end: control characters far behind are found, a piece of it may end within a character', async () => {
    const long = Buffer.concat([Buffer.from(`a${'ž'.repeat(100_000)}`), Buffer.from('end')])
    expect((await sniffed(long))?.type).toBe('text/plain')
    for (const end of [0, 0xff]) expect(await sniffed(Buffer.concat([long, Buffer.from([end])]))).toBeNull()
  })

  it('M3 tables of an MP4 have 10,000 boxes at most: they are walked in one go, while all else waits', async () => {
    const withBoxes = (count: number) => {
      const bytes = mp4()
      const at = bytes.indexOf('moov') - 4
      const end = at + bytes.readUInt32BE(at)
      bytes.writeUInt32BE(end - at + 8 * count, at)
      const box = Buffer.concat([Buffer.from([0, 0, 0, 8]), Buffer.from('free')])
      return Buffer.concat([bytes.subarray(0, end), Buffer.alloc(8 * count, box), bytes.subarray(end)])
    }
    expect((await sniffed(withBoxes(9_000)))?.type).toBe('audio/mp4')
    expect(await sniffed(withBoxes(10_000))).toBeNull()
  })

  it('M3 a ZIP is never unpacked: a gibibyte in a megabyte costs no memory', async () => {
    const bomb = zipBomb('[Content_Types].xml', 1024)
    // it is one
    expect(() => inflateRawSync(bomb.subarray(30 + 19), { maxOutputLength: 64 * 1024 ** 2 })).toThrow('larger than')
    const before = process.memoryUsage.rss()
    let most = before
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss())
    }, 1)
    const found = await sniffed(bomb)
    clearInterval(watch)
    expect([null, 'stems']).toContain(found?.kind ?? null)
    expect(Math.max(most, process.memoryUsage.rss()) - before).toBeLessThan(200 * 1024 ** 2)
  })
})
