import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMedia, type Media, type Thumbnail } from '../../src/media/index.ts'
import { blackPng } from '../support/pictures.ts'
import { fixture } from '../support/sound.ts'

let folder = ''
let media: Media
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutroom-picture-'))
  media = createMedia({ parallel: 2 })
})
afterAll(async () => {
  await media.close()
  await rm(folder, { recursive: true, force: true })
})

let files = 0
async function thumbnail(content: Buffer, name = 'upload.part'): Promise<Thumbnail> {
  const path = join(folder, `${files++}-${name}`)
  await writeFile(path, content)
  return media.thumbnail(path)
}
const failed = (reason: string) => ({ ok: false, reason })

/** Red on the left, blue on the right. */
const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'red' } }).composite([
    { input: { create: { width: width / 2, height, channels: 3, background: 'blue' } }, left: width / 2, top: 0 },
  ])

describe('a picture', () => {
  it.each(['jpeg', 'png', 'gif', 'webp'] as const)(
    'M3 %s becomes a WebP of at most 640 pixels, and its own size is told',
    async (format) => {
      const found = await thumbnail(await picture(1600, 800).toFormat(format).toBuffer())
      if (!found.ok) throw new Error(found.reason)
      expect({ width: found.width, height: found.height }).toEqual({ width: 1600, height: 800 })
      expect(await sharp(found.data).metadata()).toMatchObject({ format: 'webp', width: 640, height: 320 })
      expect(found.data.length).toBeLessThan(1024 ** 2)
    },
  )

  it('M3 a small one is not enlarged', async () => {
    const found = await thumbnail(await picture(20, 10).png().toBuffer())
    if (!found.ok) throw new Error(found.reason)
    expect(await sharp(found.data).metadata()).toMatchObject({ width: 20, height: 10 })
  })

  it('M3 it stands upright as its EXIF says, and place, camera and comments do not come along', async () => {
    const exif = { IFD0: { Copyright: 'SECRET' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' } }
    // 6: to be turned by a quarter, clockwise
    const turned = await picture(1600, 800).withExif(exif).withMetadata({ orientation: 6 }).jpeg().toBuffer()
    const original = await sharp(turned).metadata()
    expect(original).toMatchObject({ orientation: 6, width: 1600 })
    expect(original.exif).toBeDefined()
    const found = await thumbnail(turned)
    if (!found.ok) throw new Error(found.reason)
    expect({ width: found.width, height: found.height }).toEqual({ width: 800, height: 1600 })
    const small = await sharp(found.data).metadata()
    expect(small).toMatchObject({ width: 320, height: 640 })
    expect([small.exif, small.xmp, small.iptc, small.icc, small.orientation]).toEqual(Array(5).fill(undefined))
    // what was left is above
    const [red = 0, , blue = 0] = await sharp(found.data).extract({ left: 100, top: 50, width: 1, height: 1 }).raw().toBuffer()
    expect(red).toBeGreaterThan(blue)
  })

  it.each([
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>')],
    ['SVG with white space before it', Buffer.from('\n <svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    ['a sound', fixture('tone.flac')],
    ['text', Buffer.from('a picture')],
    ['nothing', Buffer.alloc(0)],
  ])('M3 %s never reaches libvips, under the name of a picture', async (_, content) => {
    expect(await thumbnail(content, 'cover.png')).toEqual(failed('unsupported'))
  })

  it('M3 other formats of libvips are refused, too: TIFF', async () => {
    expect(await thumbnail(await picture(20, 10).tiff().toBuffer(), 'cover.png')).toEqual(failed('unsupported'))
  })

  it('M3 a PNG of 900 million pixels in 110 KB is refused by its header', async () => {
    const bomb = blackPng(30_000, 30_000)
    expect(bomb.length).toBeLessThan(200_000)
    expect(await thumbnail(bomb)).toEqual(failed('too-large'))
  })

  it('M3 one that was cut off is damaged', async () => {
    for (const format of ['jpeg', 'png', 'gif'] as const) {
      const whole = await picture(1600, 800).toFormat(format).toBuffer()
      expect(await thumbnail(whole.subarray(0, whole.length / 2))).toEqual(failed('damaged'))
    }
    expect(await thumbnail(blackPng(8, 8).subarray(0, 20))).toEqual(failed('damaged'))
  })
})
