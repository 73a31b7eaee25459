import * as z from 'zod'
import { TYPED } from './auth.ts'
import { endpoint } from './endpoint.ts'
import { ann } from './examples.ts'
import { FileKind, files, Peaks } from './files.ts'
import { exampleEnd, ShareAllows } from './shares.ts'
import { bytes, linkToken, mediaMs, time } from './values.ts'

/** What a link shows to those who have it, and nothing else of the project. */
export const SharedFile = z
  .object({
    name: z.string().meta({ description: 'Of the cut where the link is of a cut, else of the file' }),
    kind: FileKind,
    take: z.int().nullable(),
    type: z.string().meta({ description: 'Media type by content' }),
    size: z.int().min(0).meta({ description: 'Bytes' }),
    durationMs: mediaMs.nullable().meta({ description: 'Null until the recording was processed, and for what is no recording' }),
    allows: ShareAllows,
    sharedBy: z.string().meta({ description: 'The name of the person who made the link' }),
    expiresAt: time.nullable(),
  })
  .meta({
    id: 'SharedFile',
    examples: [
      {
        name: 'Morning',
        kind: 'audio',
        take: 2,
        type: 'audio/mpeg',
        size: 4_812_345,
        durationMs: 183_250,
        allows: 'listen',
        sharedBy: ann.name,
        expiresAt: exampleEnd,
      },
    ],
  })
export type SharedFile = z.output<typeof SharedFile>

const params = z.object({ token: linkToken })
const publicTags = ['shared'] as const
const opened = 'A link with a password is opened first.'
/** What the endpoints of a link have alike. */
const visit = { access: 'public', apiTokens: true } as const
const problems = ['not-found', 'gone', 'password-required'] as const

/** What people without an account ask, by a link. */
export const shared = {
  get: endpoint({
    ...visit,
    method: 'GET',
    url: '/api/shared/:token',
    schema: {
      summary: 'What a link shows',
      description: `404 for one that was never made or was revoked, \`gone\` for one that has expired. ${opened}`,
      tags: publicTags,
      params,
      response: { 200: SharedFile },
      problems,
    },
  }),
  open: endpoint({
    ...visit,
    method: 'POST',
    url: '/api/shared/:token/open',
    schema: {
      summary: 'Open a link by its password',
      description: 'Sets a cookie that is sent to this link only, and opens it for six hours.',
      tags: publicTags,
      params,
      body: z.strictObject({ password: z.string().max(TYPED) }).meta({ examples: [{ password: 'strings attached' }] }),
      response: { 200: SharedFile },
      problems: ['not-found', 'gone', 'wrong-password'],
    },
  }),
  content: endpoint({
    ...visit,
    method: 'GET',
    url: '/api/shared/:token/content',
    media: files.content.media,
    schema: {
      summary: 'The content of what a link shows, or a range of it',
      description: `As of a file. It ends within a second of the link. ${opened}`,
      tags: publicTags,
      params,
      querystring: z.strictObject({
        download: z.enum(['true', 'false']).optional().meta({
          description: 'true: for a browser to save, where the link allows it',
        }),
      }),
      response: { 200: bytes },
      problems: [...problems, 'forbidden'],
    },
  }),
  peaks: endpoint({
    ...visit,
    method: 'GET',
    url: '/api/shared/:token/peaks',
    schema: {
      summary: 'The waveform of the recording; 404 until it was processed',
      description: opened,
      tags: publicTags,
      params,
      querystring: files.peaks.schema.querystring,
      response: { 200: Peaks.omit({ fileId: true, version: true }).meta({ id: 'SharedPeaks' }) },
      problems,
    },
  }),
  waveform: endpoint({
    ...visit,
    method: 'GET',
    url: '/api/shared/:token/waveform.svg',
    media: files.waveform.media,
    schema: {
      summary: 'The waveform of the recording as a picture',
      description: opened,
      tags: publicTags,
      params,
      response: { 200: bytes },
      problems,
    },
  }),
}
