import { type AudioInfo, type File, type FileFailure, projectRoom } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import { type AudioFacts, encodePeaks, type Media } from '../../media/index.ts'
import type { Write } from '../../rooms/log/commit.ts'
import type { Consumer, FinalWrite } from '../../rooms/log/consumers/consumer.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion, withAuthor } from '../shared/serialize.ts'
import type { RenditionName } from './content.ts'
import { presentFile } from './serialize.ts'
import { type FileServices, PARALLEL } from './services.ts'

/** Longer than the longest that one file may take, ms. */
const TIMEOUT_MS = 6 * 60_000
/** Of a file that no attempt could read, though it may be sound: the store was away, or the machine too slow. */
const GIVEN_UP: FileFailure = 'timed-out'

/** What processing has found. */
export type Outcome =
  | { ok: true; audio: AudioInfo; rendition: Rendition }
  | { ok: true; image: NonNullable<File['image']>; rendition: Rendition }
  | { ok: false; reason: FileFailure }
interface Rendition {
  name: RenditionName
  type: string
  data: Buffer<ArrayBuffer>
}

const audioInfo = ({ durationMs, codec, channels, sampleRate, bitrate, tags }: AudioFacts): AudioInfo => ({
  durationMs: Math.round(durationMs),
  codec,
  channels,
  sampleRate: Math.round(sampleRate),
  bitrate: Math.round(bitrate),
  tags: { title: tags.title ?? null, artist: tags.artist ?? null, album: tags.album ?? null },
})

/** A file that waits to be processed, or was given up and is tried again by an operator; none of a deleted project. */
const wanted = (id: string) => Prisma.sql`"File" f JOIN "Project" p ON p.id = f."projectId" AND p."deletedAt" IS NULL
  WHERE f.id = ${id}::uuid AND (f.status = 'processing' OR f.failure = ${GIVEN_UP})`

/**
 * Notes what was found with the event that says so, unless the file is gone or was processed. The project cannot be deleted before the
 * commit: no event comes after that of its end.
 */
async function writeOutcome(write: Write, { id, projectId }: File, outcome: Outcome): Promise<void> {
  const { tx, query, insert, emit } = write
  const [waiting] = await query(Prisma.sql`SELECT 1 FROM ${wanted(id)} FOR NO KEY UPDATE OF f FOR KEY SHARE OF p`)
  if (!waiting) return
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "File" WHERE id = ${id}::uuid`)
  const room = projectRoom(projectId)
  const change = (data: Prisma.FileUpdateInput) =>
    tx.file.update({ where: { id }, data: { ...data, version: nextVersion }, include: withAuthor })
  if (!outcome.ok) {
    emit(room, 'file:failed', presentFile(await change({ status: 'failed', failure: outcome.reason })))
    return
  }
  insert('Rendition', { fileId: id, ...outcome.rendition })
  const found = 'audio' in outcome ? { audio: outcome.audio } : { image: outcome.image }
  emit(room, 'file:processed', presentFile(await change({ status: 'ready', failure: null, ...found })))
}

/**
 * Reads the content of a recording or a picture.
 * @throws as `Media`, for what says nothing about the file
 */
export const createAnalysis =
  (media: Pick<Media, 'analyseAudio' | 'thumbnail'>) =>
  async ({ kind, type }: Pick<File, 'kind' | 'type'>, path: string, signal: AbortSignal): Promise<Outcome> => {
    if (kind === 'audio') {
      const found = await media.analyseAudio(path, type, signal)
      if (!found.ok) return found
      const rendition: Rendition = {
        name: 'peaks',
        type: 'application/octet-stream',
        data: Buffer.from(encodePeaks(found.peaks)),
      }
      return { ok: true, audio: audioInfo(found.audio), rendition }
    }
    const found = await media.thumbnail(path, signal)
    if (!found.ok) return found
    const { width, height } = found
    const data = Buffer.from(found.data)
    return { ok: true, image: { width, height }, rendition: { name: 'thumbnail', type: 'image/webp', data } }
  }

/** The consumer that reads recordings and pictures: length, waveform, thumbnail. */
export function mediaConsumer(
  { storage, staging, media }: Pick<FileServices, 'storage' | 'staging' | 'media'>,
  { query }: { query: Query },
): Consumer {
  const analyse = createAnalysis(media)
  return {
    name: 'media',
    events: ['file:uploaded'],
    parallel: PARALLEL,
    retries: 'beside',
    timeoutMs: TIMEOUT_MS,
    // Nothing waits for it for ever.
    giveUp:
      ({ payload }) =>
      (write) =>
        writeOutcome(write, payload as unknown as File, { ok: false, reason: GIVEN_UP }),
    async handle({ event, signal }): Promise<FinalWrite | undefined> {
      const file = event.payload as unknown as File
      const [row] = await query<{ objectKey: string; size: string; type: string }>(
        Prisma.sql`SELECT f."objectKey", f.size, f.type FROM ${wanted(file.id)}`,
      )
      if (!row) return undefined
      const own = storage.pathOf(row.objectKey)
      // Of another machine's store it takes a copy.
      const copy =
        own === null
          ? await staging.write(await storage.open(row.objectKey, undefined, signal), { limit: Number(row.size), signal })
          : null
      try {
        const outcome = await analyse({ kind: file.kind, type: row.type }, copy?.path ?? own ?? '', signal)
        return (write) => writeOutcome(write, file, outcome)
      } finally {
        if (copy) await staging.remove(copy.path)
      }
    },
  }
}
