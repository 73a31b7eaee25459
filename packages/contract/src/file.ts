import * as z from 'zod'
import { ann, fresh, ids } from './examples.ts'
import { id, mediaMs, Person, stamps, version } from './values.ts'

export const FileKind = z
  .enum(['audio', 'stems', 'image', 'document'])
  .meta({ id: 'FileKind', description: 'By its content: `audio` is a take of the cut, `stems` a zip' })
export type FileKind = z.output<typeof FileKind>

export const FileStatus = z.enum(['processing', 'ready', 'failed']).meta({ id: 'FileStatus' })
export type FileStatus = z.output<typeof FileStatus>

/** Why a file could not be processed. */
export const FileFailure = z
  .enum(['damaged', 'too-long', 'too-large', 'unsupported', 'timed-out', 'out-of-memory'])
  .meta({ id: 'FileFailure' })
export type FileFailure = z.output<typeof FileFailure>

/** What is heard in a file. Tags are as the file has them, cut to 200 characters. */
export const AudioInfo = z
  .object({
    durationMs: mediaMs,
    codec: z.string(),
    channels: z.int().min(1),
    sampleRate: z.int().min(1).meta({ description: 'Hz' }),
    bitrate: z.int().min(0).nullable().meta({ description: 'Bits a second' }),
    tags: z.object({ title: z.string().nullable(), artist: z.string().nullable(), album: z.string().nullable() }),
  })
  .meta({ id: 'AudioInfo' })
export type AudioInfo = z.output<typeof AudioInfo>

export const File = z
  .object({
    id,
    projectId: id,
    cutId: id,
    kind: FileKind,
    take: z.int().min(1).nullable().meta({
      description:
        'The number of a recording on its cut, 1, 2, …, never given twice; the highest is current. Null for other kinds',
    }),
    name: z.string(),
    type: z.string().meta({ description: 'Media type by content' }),
    size: z.int().min(0).meta({ description: 'Bytes' }),
    sha256: z.string().meta({ description: 'Hexadecimal; in quotes the ETag of the content' }),
    status: FileStatus,
    failure: FileFailure.nullable(),
    audio: AudioInfo.nullable().meta({ description: 'Of a recording that was processed' }),
    image: z.object({ width: z.int(), height: z.int() }).nullable().meta({ description: 'Of a picture that was processed' }),
    author: Person,
    ...stamps,
  })
  .meta({
    id: 'File',
    examples: [
      {
        id: ids.file,
        projectId: ids.project,
        cutId: ids.cut,
        kind: 'audio',
        take: 2,
        name: 'Morning, rough mix.mp3',
        type: 'audio/mpeg',
        size: 4_812_345,
        sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        status: 'ready',
        failure: null,
        audio: {
          durationMs: 183_250,
          codec: 'MPEG 1 Layer 3',
          channels: 2,
          sampleRate: 44_100,
          bitrate: 210_000,
          tags: { title: 'Morning', artist: null, album: null },
        },
        image: null,
        author: ann,
        ...fresh,
        version: 2,
      },
    ],
  })
export type File = z.output<typeof File>

export const Peaks = z
  .object({
    fileId: id,
    points: z.int(),
    durationMs: mediaMs,
    min: z.array(z.int().min(-128).max(127)),
    max: z.array(z.int().min(-128).max(127)),
    version: version.meta({ description: 'The version of the file' }),
  })
  .meta({
    id: 'Peaks',
    description: 'The lowest and the highest sample of each point of a waveform, all channels together; 127 is full scale',
    examples: [{ fileId: ids.file, points: 4, durationMs: 183_250, min: [-12, -90, -101, -3], max: [11, 92, 99, 4], version: 2 }],
  })
export type Peaks = z.output<typeof Peaks>

export const Usage = z
  .object({
    bytes: z.int().meta({ description: 'Bytes of all files' }),
    files: z.int(),
    limit: z.int().nullable().meta({ description: 'Bytes at most; null: no limit' }),
  })
  .meta({ id: 'Usage', examples: [{ bytes: 48_123_450, files: 11, limit: 20_000_000_000 }] })
export type Usage = z.output<typeof Usage>
