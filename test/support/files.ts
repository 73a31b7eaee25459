import { createHash, randomBytes } from 'node:crypto'
import type { AudioInfo, File, FileKind, Project } from '@cutroom/contract'
import { encodePeaks } from '../../src/media/peaks.ts'
import type { TestApp } from './app.ts'
import { type Answer, createCut, type Person } from './people.ts'
import { until } from './until.ts'

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A plain text of so many bytes, different each time: a document. */
export function textOf(size: number): Buffer {
  const text = Buffer.alloc(size, randomBytes(Math.min(Math.ceil(size / 2), 30_000)).toString('hex'))
  text.write('text\n')
  return text
}

/** Bytes that begin as a zip and are noise from there on: stems of any size. */
export const zipOf = (size: number): Buffer =>
  Buffer.concat([Buffer.from('504b0304140000000800', 'hex'), randomBytes(Math.max(size - 10, 0))])

/** A sound in stereo, 16 bits, 8 kHz: a sine of so many seconds. */
export function wavOf(seconds = 1): Buffer {
  const frames = Math.round(seconds * 8000)
  const wav = Buffer.alloc(44 + frames * 4)
  wav.write('RIFF')
  wav.writeUInt32LE(wav.length - 8, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(2, 22)
  wav.writeUInt32LE(8000, 24)
  wav.writeUInt32LE(32_000, 28)
  wav.writeUInt16LE(4, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(frames * 4, 40)
  // A pitch of its own: no two of them are the same.
  const pitch = 200 + Math.random() * 400
  for (let n = 0; n < frames; n++) {
    const sample = Math.round(Math.sin((2 * Math.PI * pitch * n) / 8000) * 20_000)
    wav.writeInt16LE(sample, 44 + n * 4)
    wav.writeInt16LE(-sample, 46 + n * 4)
  }
  return wav
}

export interface UploadOptions {
  filename?: string
  kind?: FileKind | string
  name?: string
  headers?: Record<string, string>
}

/** Sends a file in one form; never throws for a status. */
export async function sendFile(
  { url }: Pick<TestApp, 'url'>,
  person: Pick<Person, 'token'>,
  cutId: string,
  bytes: Uint8Array,
  { filename = 'file.bin', kind, name, headers = {} }: UploadOptions = {},
): Promise<Answer<File>> {
  const form = new FormData()
  if (kind !== undefined) form.set('kind', kind)
  if (name !== undefined) form.set('name', name)
  form.set('file', new Blob([new Uint8Array(bytes)]), filename)
  const response = await fetch(`${url}/api/cuts/${cutId}/files`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person.token}`, ...headers },
    body: form,
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: (text === '' ? undefined : JSON.parse(text)) as File }
}

/** As `sendFile`, and fails unless the file is there. */
export async function uploadFile(...args: Parameters<typeof sendFile>): Promise<File> {
  const answer = await sendFile(...args)
  if (answer.status !== 201) throw new Error(`upload: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body
}

/** The bytes of a file as this person gets them. */
export const download = (
  { url }: Pick<TestApp, 'url'>,
  person: Pick<Person, 'token'>,
  fileId: string,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/api/files/${fileId}/content`, { headers: { authorization: `Bearer ${person.token}`, ...headers } })

export const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

/** A file once it was processed. */
export async function processed(person: Person, fileId: string): Promise<File> {
  let file = await person.must<File>('GET', `/api/files/${fileId}`)
  await until(
    'the file is processed',
    async () => {
      file = await person.must<File>('GET', `/api/files/${fileId}`)
      return file.status !== 'processing'
      // It has a low priority, and starves while the machine is busy.
    },
    120_000,
  )
  return file
}

/** A file that has all that can be read of one, without being processed: nothing happens to it by itself. */
export async function completeFile(
  app: Pick<TestApp, 'url' | 'db'>,
  person: Pick<Person, 'token'>,
  cutId: string,
): Promise<File> {
  const file = await uploadFile(app, person, cutId, textOf(100), { filename: 'notes.txt' })
  const silence = { points: 100, min: new Int8Array(100), max: new Int8Array(100) }
  await app.db.query(
    `INSERT INTO "Rendition" ("fileId", name, type, data)
     VALUES ($1, 'thumbnail', 'image/webp', '\\x00'), ($1, 'peaks', 'application/octet-stream', $2)`,
    [file.id, encodePeaks(silence)],
  )
  return file
}

/** The same as a take of its cut. */
export async function completeTake(
  ...[app, person, cutId, take, { name = 'notes.txt', durationMs = 1000 } = {}]: [
    ...Parameters<typeof completeFile>,
    take: number,
    shown?: { name?: string; durationMs?: number },
  ]
): Promise<File> {
  const file = await completeFile(app, person, cutId)
  const tags = { title: null, artist: null, album: null }
  const audio: AudioInfo = { durationMs, codec: 'PCM', channels: 2, sampleRate: 8000, bitrate: 256_000, tags }
  await app.db.query(`UPDATE "File" SET kind = 'audio', take = $2, audio = $3, name = $4 WHERE id = $1`, [
    file.id,
    take,
    audio,
    name,
  ])
  await app.db.query('UPDATE "Cut" SET "lastTake" = greatest("lastTake", $2) WHERE id = $1', [cutId, take])
  return { ...file, kind: 'audio', take, audio, name }
}

/** What stands in `Upload-Metadata`. */
export const metadataOf = (values: Record<string, string>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')

/** One request of tus; `Tus-Resumable` is there. */
export const tus = (
  { url }: Pick<TestApp, 'url'>,
  person: Pick<Person, 'token'>,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Uint8Array,
): Promise<Response> =>
  fetch(url + path, {
    method,
    headers: {
      'tus-resumable': '1.0.0',
      authorization: `Bearer ${person.token}`,
      ...(body && { 'content-type': 'application/offset+octet-stream' }),
      ...headers,
    },
    ...(body && { body: new Uint8Array(body) }),
  })

/** Begins an upload in parts. @returns its path */
export async function beginUpload(
  app: Pick<TestApp, 'url'>,
  person: Pick<Person, 'token'>,
  length: number,
  values: Record<string, string>,
): Promise<string> {
  const answer = await tus(app, person, 'POST', '/api/uploads', {
    'upload-length': `${length}`,
    'upload-metadata': metadataOf(values),
  })
  if (answer.status !== 201) throw new Error(`begin: ${answer.status} ${await answer.text()}`)
  return answer.headers.get('location') ?? ''
}

/** A cut in a project. */
export const cutIn = async (person: Person, project: Project): Promise<string> => (await createCut(person, project.id)).cut.id
