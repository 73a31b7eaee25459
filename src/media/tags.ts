import { openAsBlob } from 'node:fs'
import { parseBlob } from 'music-metadata'
import type { Tags } from './types.ts'

/** Characters that are kept of a tag. */
export const MAX_TAG_LENGTH = 200

/** Text of a file as people may see it: one line, without control characters and marks of direction; undefined where nothing is left. */
export function cleanTag(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  // what is looked at is bounded first: a tag may have megabytes
  const text = value
    .slice(0, 4 * MAX_TAG_LENGTH)
    .toWellFormed()
    .normalize('NFC')
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Cf}/gu, '')
    .trim()
  return Array.from(line).slice(0, MAX_TAG_LENGTH).join('').trim() || undefined
}

/** What music-metadata says of a file: its tags, and the figures that headers of some formats have. */
export interface Description {
  tags: Tags
  channels: number | null
}

/** @param type the media type by content: it chooses the parser, the name of the file does not */
export async function describe(path: string, type: string): Promise<Description> {
  const { common, format } = await parseBlob(await openAsBlob(path, { type }), { duration: false, skipCovers: true })
  const tags: Tags = {}
  for (const name of ['title', 'artist', 'album'] as const) {
    const text = cleanTag(common[name])
    if (text !== undefined) tags[name] = text
  }
  const { numberOfChannels: channels } = format
  return { tags, channels: channels !== undefined && channels > 0 ? channels : null }
}
