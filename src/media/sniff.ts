import { createReadStream } from 'node:fs'
import { hasSoundAlone } from './formats/mp4.ts'

export type FileKind = 'audio' | 'stems' | 'image' | 'document'

export interface FileType {
  /** Media type by content. */
  type: string
  kind: FileKind
  /** As a name of such a file would end, without the dot. */
  extension: string
}

const m4a: FileType = { type: 'audio/mp4', kind: 'audio', extension: 'm4a' }
/** What is accepted, by the extension that file-type finds. All else is refused: video, SVG, office files, programs. */
const accepted = new Map<string, FileType>([
  ['wav', { type: 'audio/wav', kind: 'audio', extension: 'wav' }],
  ['flac', { type: 'audio/flac', kind: 'audio', extension: 'flac' }],
  ['mp3', { type: 'audio/mpeg', kind: 'audio', extension: 'mp3' }],
  ['ogg', { type: 'audio/ogg', kind: 'audio', extension: 'ogg' }],
  ['oga', { type: 'audio/ogg', kind: 'audio', extension: 'ogg' }],
  ['opus', { type: 'audio/ogg', kind: 'audio', extension: 'opus' }],
  ['aac', { type: 'audio/aac', kind: 'audio', extension: 'aac' }],
  ['aif', { type: 'audio/aiff', kind: 'audio', extension: 'aiff' }],
  ['m4a', m4a],
  ['m4b', m4a],
  ['zip', { type: 'application/zip', kind: 'stems', extension: 'zip' }],
  ['png', { type: 'image/png', kind: 'image', extension: 'png' }],
  ['apng', { type: 'image/png', kind: 'image', extension: 'png' }],
  ['jpg', { type: 'image/jpeg', kind: 'image', extension: 'jpg' }],
  ['gif', { type: 'image/gif', kind: 'image', extension: 'gif' }],
  ['webp', { type: 'image/webp', kind: 'image', extension: 'webp' }],
  ['pdf', { type: 'application/pdf', kind: 'document', extension: 'pdf' }],
])
const text: FileType = { type: 'text/plain', kind: 'document', extension: 'txt' }

/** All media types that `sniff` answers. */
export const acceptedTypes: ReadonlySet<string> = new Set([...accepted.values(), text].map(({ type }) => type))

/** Characters at the start of a text in which markup is looked for, at least. */
const START_CHARACTERS = 4100

/** Control characters but tab and the ends of lines: text has none. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/
/** HTML, SVG and XML: pages that a browser would run, under whatever name. */
const MARKUP = /^\s*<[a-z!?/]/i

/** Reads text piece by piece. */
function createTextCheck() {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let start = ''
  const accepts = (piece: string): boolean => {
    if (start.length < START_CHARACTERS) start += piece.slice(0, START_CHARACTERS)
    return !CONTROL.test(piece)
  }
  return {
    /** @returns false once it is no text */
    add(bytes: Uint8Array): boolean {
      try {
        return accepts(decoder.decode(bytes, { stream: true }))
      } catch {
        // not UTF-8
        return false
      }
    },
    end(): boolean {
      try {
        return accepts(decoder.decode()) && start.trim() !== '' && !MARKUP.test(start)
      } catch {
        return false
      }
    },
  }
}

async function isTextFile(path: string): Promise<boolean> {
  const check = createTextCheck()
  for await (const bytes of createReadStream(path)) if (!check.add(bytes as Buffer)) return false
  return check.end()
}

/**
 * What a file is, by its content alone: no name and no header of a request has a say.
 * @returns null for what is not accepted
 */
export async function sniff(path: string): Promise<FileType | null> {
  const { fileTypeFromFile } = await import('file-type')
  const found = await fileTypeFromFile(path)
  const known = found && accepted.get(found.ext)
  if (known) return known
  // Many programs write sound alone under the mark of videos.
  if (found?.ext === 'mp4') return (await hasSoundAlone(path)) ? m4a : null
  // Letters alone are the mark of some formats ("BM", "MZ"), which a text may begin with, too.
  return (await isTextFile(path)) ? text : null
}
