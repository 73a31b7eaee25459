import * as z from 'zod'
import { cutParams } from './cuts.ts'
import { endpoint } from './endpoint.ts'
import { File, FileKind, Peaks, Usage } from './file.ts'
import { collection, noun } from './noun.ts'
import { projectParams } from './projects.ts'
import { bytes, digits, id, line, Paging, page, patch } from './values.ts'

export { AudioInfo, File, FileFailure, FileKind, FileStatus, Peaks, Usage } from './file.ts'

const name = line(255)
export const fileParams = z.object({ fileId: id })
const params = fileParams
const tags = ['files'] as const

/** Points of a waveform. */
const POINTS = { least: 100, most: 8_000, usual: 800 }

/** Where uploads that can be resumed begin: tus 1.0, https://tus.io/protocols/resumable-upload. */
export const UPLOADS_URL = '/api/uploads'

/** What `Upload-Metadata` of such an upload says, by key. */
export const UploadMetadata = z.strictObject({
  cutId: id,
  filename: z.string().min(1).max(10_000),
  /** What people see; without it the filename. */
  name: name.optional(),
  kind: FileKind.optional(),
  /** Sent by some clients, and not heeded: what a file is, its content says. */
  filetype: z.string().max(1_000).optional(),
})
export type UploadMetadata = z.input<typeof UploadMetadata>

export const files = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/files',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    schema: {
      summary: 'Files of a project, or of one of its cuts, oldest first',
      tags,
      params: projectParams,
      querystring: Paging.extend({ cutId: id.optional(), kind: FileKind.optional() }),
      response: { 200: page(File) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/cuts/:cutId/files',
    access: 'file:create',
    target: 'cutId',
    effect: 'create',
    location: '/api/files/:id',
    form: true,
    schema: {
      summary: 'Upload a file in one request',
      description:
        'You send a form (multipart/form-data) with the field `file`; `kind` and `name` come before it. What kind a file is, its content says: ' +
        `a \`kind\` that it is not is refused. Large files are better sent in parts that can be resumed (tus 1.0 at \`${UPLOADS_URL}\`).`,
      tags,
      params: cutParams,
      body: z.strictObject({ kind: FileKind.optional(), name: name.optional(), file: bytes }),
      response: { 201: File },
      problems: ['quota-exceeded', 'storage-full'],
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/files/:fileId',
    access: 'project:read',
    target: 'fileId',
    effect: 'read',
    schema: { summary: 'One file, without its content', tags, params, response: { 200: File } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/files/:fileId',
    access: 'file:update',
    target: 'fileId',
    effect: 'change',
    schema: { summary: 'Change the name of a file', tags, params, body: patch({ name }), response: { 200: File } },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/files/:fileId',
    access: 'file:delete',
    target: 'fileId',
    effect: 'change',
    schema: {
      summary: 'Delete a file with its content; comments on it stay',
      tags,
      params,
      response: { 204: z.undefined() },
    },
  }),
  content: endpoint({
    method: 'GET',
    url: '/api/files/:fileId/content',
    access: 'project:read',
    target: 'fileId',
    effect: 'read',
    media: ['application/octet-stream'],
    schema: {
      summary: 'The content of a file, or a range of it',
      description:
        'You may ask for one `Range`, with `If-Range` if you have a part. The type is that of the file. It ends within a second when you may no longer read it.',
      tags,
      params,
      querystring: z.strictObject({
        download: z.enum(['true', 'false']).optional().meta({ description: 'true: for a browser to save, not to show' }),
      }),
      response: { 200: bytes },
    },
  }),
  peaks: endpoint({
    method: 'GET',
    url: '/api/files/:fileId/peaks',
    access: 'project:read',
    target: 'fileId',
    effect: 'read',
    schema: {
      summary: 'The waveform of a recording; 404 until it was processed',
      tags,
      params,
      querystring: z.strictObject({ points: digits(POINTS.least, POINTS.most).default(POINTS.usual) }),
      response: { 200: Peaks },
    },
  }),
  waveform: endpoint({
    method: 'GET',
    url: '/api/files/:fileId/waveform.svg',
    access: 'project:read',
    target: 'fileId',
    effect: 'read',
    media: ['image/svg+xml'],
    schema: { summary: 'The waveform of a recording as a picture', tags, params, response: { 200: bytes } },
  }),
  thumbnail: endpoint({
    method: 'GET',
    url: '/api/files/:fileId/thumbnail',
    access: 'project:read',
    target: 'fileId',
    effect: 'read',
    media: ['image/webp'],
    schema: { summary: 'A small version of a picture; 404 until it was processed', tags, params, response: { 200: bytes } },
  }),
  usage: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/usage',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    schema: { summary: 'How much the files of a project take up', tags, params: projectParams, response: { 200: Usage } },
  }),
  ownUsage: endpoint({
    method: 'GET',
    url: '/api/me/usage',
    access: 'account',
    schema: { summary: 'How much your files take up, in all projects', tags, response: { 200: Usage } },
  }),
}

export const fileNoun = noun({
  actions: {
    'file:create': { role: 'editor' },
    'file:update': { role: 'editor' },
    'file:delete': { role: 'owner', own: 'editor' },
  },
  endpoints: files,
  events: {
    'file:uploaded': File,
    'file:updated': File,
    'file:processed': File,
    'file:failed': File,
    'file:deleted': z.object({ fileId: id }),
  },
  when: {
    'file:uploaded': 'A file was uploaded, whole; sound and pictures are `processing` then',
    'file:updated': 'The name of a file was changed',
    'file:processed': 'A recording or a picture was processed: it is `ready`, with what was found in it',
    'file:failed': 'A recording or a picture could not be processed; `failure` says why. Its content stays',
    'file:deleted': 'A file was deleted, with its content; comments that name it stay',
  },
  changes: {
    'file:uploaded': { kind: 'put', collection: 'files' },
    'file:updated': { kind: 'put', collection: 'files' },
    'file:processed': { kind: 'put', collection: 'files' },
    'file:failed': { kind: 'put', collection: 'files' },
    'file:deleted': { kind: 'remove', collection: 'files', id: 'fileId' },
  },
  collections: {
    files: collection(File, {
      key: 'id',
      people: ['author'],
      within: { cutId: 'cuts' },
      lists: { filesOf: { by: ['cutId'], order: 'id' } },
    }),
  },
})
