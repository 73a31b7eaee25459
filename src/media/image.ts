import { failureOf } from './failure.ts'
import { sniff } from './sniff.ts'
import type { Limits, Thumbnail } from './types.ts'

/** The longer side of a thumbnail, px. */
export const THUMBNAIL_PIXELS = 640

async function loadSharp() {
  const { default: sharp } = await import('sharp')
  // This process draws one picture and ends.
  sharp.cache(false)
  sharp.concurrency(1)
  // Only the readers of formats that are accepted: libvips also reads SVG, PDF, TIFF and more, and looks at the content again.
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: ['VipsForeignLoadJpegFile', 'VipsForeignLoadPngFile', 'VipsForeignLoadWebpFile', 'VipsForeignLoadNsgifFile'],
  })
  return sharp
}

/**
 * A picture made small, upright as its EXIF says, without any metadata; of a moving one the first frame.
 * @throws errors of the system, and where sharp cannot be loaded
 */
export async function makeThumbnail(path: string, { pixels }: Limits): Promise<Thumbnail> {
  const found = await sniff(path)
  if (found?.kind !== 'image') return { ok: false, reason: 'unsupported' }
  const sharp = await loadSharp()
  try {
    const image = sharp(path, { limitInputPixels: pixels, failOn: 'error' })
    const { width, height, orientation = 1 } = await image.metadata()
    const data = await image
      .autoOrient()
      .resize({ width: THUMBNAIL_PIXELS, height: THUMBNAIL_PIXELS, fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80 })
      .toBuffer()
    // from 5 on, width and height change places
    return orientation >= 5 ? { ok: true, data, width: height, height: width } : { ok: true, data, width, height }
  } catch (error) {
    if (error instanceof Error && error.message.includes('exceeds pixel limit')) return { ok: false, reason: 'too-large' }
    return failureOf(error)
  }
}
