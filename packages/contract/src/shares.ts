import * as z from 'zod'
import { newPassword } from './auth.ts'
import { cutParams } from './cuts.ts'
import { endpoint } from './endpoint.ts'
import { ann, exampleToken, fresh, ids } from './examples.ts'
import { fileParams } from './files.ts'
import { collection, noun } from './noun.ts'
import { projectParams } from './projects.ts'
import { id, Paging, Person, page, stamps, time, timeInput } from './values.ts'

export const ShareAllows = z.enum(['listen', 'download']).meta({
  id: 'ShareAllows',
  description: '`listen`: to hear or see it in the browser; `download`: to save it, too',
})
export type ShareAllows = z.output<typeof ShareAllows>

/** Of the examples; a link cannot be made with an end in the past. */
export const exampleEnd = '2096-03-01T10:00:00.000Z'
const example = {
  id: ids.share,
  projectId: ids.project,
  fileId: null,
  cutId: ids.cut,
  allows: 'listen',
  hasPassword: false,
  expiresAt: exampleEnd,
  plays: 3,
  author: ann,
  ...fresh,
} as const

export const Share = z
  .object({
    id,
    projectId: id,
    fileId: id.nullable().meta({ description: 'The file that it shows; null where it is of a cut' }),
    cutId: id.nullable().meta({ description: 'The cut whose current take it shows; null where it is of a file' }),
    allows: ShareAllows,
    hasPassword: z.boolean(),
    expiresAt: time.nullable().meta({ description: 'null: it has no end' }),
    plays: z.int().min(0).meta({
      description:
        'How often its content was asked for from the start. It is brought up to date every few seconds; a crash may lose those',
    }),
    author: Person,
    ...stamps,
  })
  .meta({ id: 'Share', description: 'A link by which people without an account hear one file', examples: [example] })
export type Share = z.output<typeof Share>

export const NewShare = Share.extend({
  token: z.string().meta({ description: 'Names it for all who have it. The database keeps a hash only' }),
  url: z.string().meta({ description: 'The page to send. Without PUBLIC_URL a path on this server' }),
}).meta({
  id: 'NewShare',
  examples: [
    {
      ...example,
      plays: 0,
      token: exampleToken,
      url: `https://band.example/shared/${exampleToken}`,
    },
  ],
})
export type NewShare = z.output<typeof NewShare>

/** Links of one file or cut, those included that have expired. */
export const MAX_SHARES = 100

const shareParams = z.object({ shareId: id })
const create = z.strictObject({
  allows: ShareAllows.default('listen'),
  password: newPassword.nullable().default(null).meta({ description: 'What visitors have to type; null: nothing' }),
  expiresAt: timeInput
    .refine((value) => Date.parse(value) > Date.now(), 'must be in the future')
    .nullable()
    .default(null),
})
const creation =
  'Who has the link needs no account. Its token is shown in this answer only. It ends when an editor revokes it, when it expires, and with what it ' +
  'shows; it stays when the person who made it leaves the project, to which it belongs. `listen` takes sound and pictures: what a browser can play, ' +
  'a visitor can also record.'
const tags = ['shares'] as const

export const shares = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/shares',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    schema: {
      summary: 'Links of a project, oldest first',
      tags,
      params: projectParams,
      querystring: Paging,
      response: { 200: page(Share) },
    },
  }),
  createOnFile: endpoint({
    method: 'POST',
    url: '/api/files/:fileId/shares',
    access: 'share:create',
    target: 'fileId',
    effect: 'create',
    location: '/api/shares/:id',
    secret: true,
    schema: {
      summary: `Make a link to a file, ${MAX_SHARES} at most`,
      description: creation,
      tags,
      params: fileParams,
      body: create,
      response: { 201: NewShare },
      problems: ['too-many'],
    },
  }),
  createOnCut: endpoint({
    method: 'POST',
    url: '/api/cuts/:cutId/shares',
    access: 'share:create',
    target: 'cutId',
    effect: 'create',
    location: '/api/shares/:id',
    secret: true,
    schema: {
      summary: `Make a link to the current take of a cut, ${MAX_SHARES} at most`,
      description: `It follows the cut: a newer take takes the place of the one before. ${creation}`,
      tags,
      params: cutParams,
      body: create,
      response: { 201: NewShare },
      problems: ['too-many'],
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/shares/:shareId',
    access: 'project:read',
    target: 'shareId',
    effect: 'read',
    schema: { summary: 'One link, without its token', tags, params: shareParams, response: { 200: Share } },
  }),
  revoke: endpoint({
    method: 'DELETE',
    url: '/api/shares/:shareId',
    access: 'share:revoke',
    target: 'shareId',
    effect: 'change',
    schema: {
      summary: 'Revoke a link: downloads by it end within a second',
      tags,
      params: shareParams,
      response: { 204: z.undefined() },
    },
  }),
}

export const shareNoun = noun({
  actions: { 'share:create': { role: 'editor' }, 'share:revoke': { role: 'editor' } },
  endpoints: shares,
  events: {
    'share:created': Share,
    'share:updated': Share,
    'share:revoked': z.object({ shareId: id }),
  },
  when: {
    'share:created': 'A link to a file or a cut was made; its token is in no event',
    'share:updated': 'A link was played: `plays` is brought up to date, every few seconds at most',
    'share:revoked': 'A link was revoked; one that expires or whose file is deleted is not',
  },
  changes: {
    'share:created': { kind: 'put', collection: 'shares' },
    'share:updated': { kind: 'put', collection: 'shares' },
    'share:revoked': { kind: 'remove', collection: 'shares', id: 'shareId' },
  },
  collections: {
    shares: collection(Share, {
      key: 'id',
      people: ['author'],
      within: { fileId: 'files', cutId: 'cuts' },
      lists: { sharesOf: { by: ['fileId', 'cutId'], order: 'id' } },
    }),
  },
})
