import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ann, fresh, ids, later } from './examples.ts'
import { collection, noun } from './noun.ts'
import { afterSibling, id, line, mediaMs, Paging, Person, page, patch, prose, reranked, stamps, time, version } from './values.ts'
import { vibeParams } from './vibes.ts'

export const CutState = z.enum(['draft', 'review', 'approved']).meta({ id: 'CutState' })
export type CutState = z.output<typeof CutState>

export const Cut = z
  .object({
    id,
    projectId: id,
    vibeId: id,
    name: z.string(),
    bpm: z.number().nullable(),
    timeSignature: z.string().nullable(),
    rank: z.string(),
    state: CutState,
    approvedFileId: id.nullable().meta({ description: 'While it is approved: the recording that was approved' }),
    approvedTake: z.int().min(1).nullable(),
    approvedAt: time.nullable(),
    approvedBy: Person.nullable(),
    author: Person,
    ...stamps,
  })
  .meta({
    id: 'Cut',
    examples: [
      {
        id: ids.cut,
        projectId: ids.project,
        vibeId: ids.vibe,
        name: 'Take 1',
        bpm: 120,
        timeSignature: '4/4',
        rank: 'a0',
        state: 'draft',
        approvedFileId: null,
        approvedTake: null,
        approvedAt: null,
        approvedBy: null,
        author: ann,
        ...fresh,
      },
    ],
  })
export type Cut = z.output<typeof Cut>

export const LyricsLine = z
  .object({ atMs: mediaMs.nullable(), text: z.string() })
  .meta({ id: 'LyricsLine', examples: [{ atMs: 12_500, text: 'Morning comes' }] })
/** Version 0 until the first line is written. */
export const Lyrics = z.object({ cutId: id, lyrics: z.array(LyricsLine), version: z.int().min(0), updatedAt: time }).meta({
  id: 'Lyrics',
  examples: [{ cutId: ids.cut, lyrics: [{ atMs: 12_500, text: 'Morning comes' }], version: 1, updatedAt: later }],
})
export type Lyrics = z.output<typeof Lyrics>

const fields = {
  name: line(200),
  bpm: z.number().min(1).max(999).nullable(),
  timeSignature: z
    .string()
    .regex(/^[1-9]\d?\/(1|2|4|8|16|32)$/, 'like 4/4 or 7/8')
    .nullable(),
}
export const cutParams = z.object({ cutId: id })
const params = cutParams

/** Lines of lyrics, and UTF-16 units in one. */
const LINES = 1_000
const LINE_LENGTH = 1_000
/** Bytes of JSON for one unit, where a client writes it as an escape, and around a line. */
const ESCAPED = 6
const FRAME = 64
const tags = ['cuts'] as const

export const cuts = {
  list: endpoint({
    method: 'GET',
    url: '/api/vibes/:vibeId/cuts',
    access: 'project:read',
    target: 'vibeId',
    effect: 'read',
    schema: { summary: 'Cuts of a vibe by rank', tags, params: vibeParams, querystring: Paging, response: { 200: page(Cut) } },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/vibes/:vibeId/cuts',
    access: 'cut:create',
    target: 'vibeId',
    effect: 'create',
    location: '/api/cuts/:id',
    schema: {
      summary: 'Create a cut at the end of its vibe',
      tags,
      params: vibeParams,
      body: z.strictObject({
        name: fields.name,
        bpm: fields.bpm.default(null),
        timeSignature: fields.timeSignature.default(null),
      }),
      response: { 201: Cut },
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/cuts/:cutId',
    access: 'project:read',
    target: 'cutId',
    effect: 'read',
    schema: { summary: 'One cut', tags, params, response: { 200: Cut } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/cuts/:cutId',
    access: 'cut:update',
    target: 'cutId',
    effect: 'change',
    schema: { summary: 'Change a cut', tags, params, body: patch(fields), response: { 200: Cut } },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/cuts/:cutId',
    access: 'cut:delete',
    target: 'cutId',
    effect: 'change',
    schema: { summary: 'Delete a cut with its lyrics, files and comments', tags, params, response: { 204: z.undefined() } },
  }),
  move: endpoint({
    method: 'POST',
    url: '/api/cuts/:cutId/move',
    access: 'cut:move',
    target: 'cutId',
    effect: 'change',
    schema: {
      summary: 'Put a cut into a vibe of the same project, after a sibling',
      tags,
      params,
      body: z.strictObject({ vibeId: id, after: afterSibling }),
      response: { 200: Cut },
    },
  }),
  setState: endpoint({
    method: 'PUT',
    url: '/api/cuts/:cutId/state',
    access: 'cut:update',
    target: 'cutId',
    effect: 'change',
    schema: {
      summary: 'Put a cut back to draft, into review, or approve its current take',
      description:
        'You approve the take that you heard: if a newer one came, the answer is `conflict` with that one in `current`. An approval ends when a ' +
        'newer take is uploaded, or the approved one is deleted.',
      tags,
      params,
      body: z
        .strictObject({ state: CutState, fileId: id.optional().meta({ description: 'To approve: the current take of the cut' }) })
        .refine(({ state, fileId }) => (state === 'approved') === (fileId !== undefined), {
          path: ['fileId'],
          message: 'belongs to an approval, and an approval needs it',
        })
        .meta({ examples: [{ state: 'approved', fileId: ids.file }] }),
      response: { 200: Cut },
    },
  }),
  lyrics: endpoint({
    method: 'GET',
    url: '/api/cuts/:cutId/lyrics',
    access: 'project:read',
    target: 'cutId',
    effect: 'read',
    schema: { summary: 'Lyrics of a cut', tags, params, response: { 200: Lyrics } },
  }),
  writeLyrics: endpoint({
    method: 'PUT',
    url: '/api/cuts/:cutId/lyrics',
    access: 'lyrics:update',
    target: 'cutId',
    effect: 'change',
    bodyLimit: LINES * (LINE_LENGTH * ESCAPED + FRAME),
    schema: {
      summary: 'Replace the lyrics (use If-Match when several people write)',
      tags,
      params,
      body: z.strictObject({
        lyrics: z.array(z.strictObject({ atMs: mediaMs.nullable().default(null), text: prose(LINE_LENGTH) })).max(LINES),
      }),
      response: { 200: Lyrics },
    },
  }),
}

export const cutNoun = noun({
  actions: {
    'cut:create': { role: 'editor' },
    'cut:update': { role: 'editor' },
    'cut:move': { role: 'editor' },
    'cut:delete': { role: 'editor' },
    'lyrics:update': { role: 'editor' },
  },
  endpoints: cuts,
  events: {
    'cut:created': Cut,
    'cut:updated': Cut,
    'cut:moved': z.object({ cutId: id, fromVibeId: id, toVibeId: id, rank: z.string(), version, updatedAt: time }),
    'cut:reranked': reranked({ cutId: id }),
    'cut:drafted': Cut,
    'cut:submitted': Cut,
    'cut:approved': Cut,
    'cut:deleted': z.object({ cutId: id }),
    'lyrics:updated': Lyrics,
  },
  when: {
    'cut:created': 'A cut was created; its lyrics begin empty, with version 0',
    'cut:updated': 'Name, bpm or time signature of a cut was changed',
    'cut:moved': 'A cut was put at another place, perhaps in another vibe',
    'cut:reranked': 'Cuts got new ranks, because there was no text left between two of them; their order is the same',
    'cut:drafted': 'A cut is a draft again',
    'cut:submitted': 'A cut is in review; also when a newer take came to an approved cut, or the approved take was deleted',
    'cut:approved': 'The current take of a cut was approved',
    'cut:deleted': 'A cut was deleted, with its lyrics, files and comments',
    'lyrics:updated': 'The lyrics of a cut were replaced',
  },
  changes: {
    'cut:created': { kind: 'put', collection: 'cuts', begins: { collection: 'lyrics', row: { lyrics: [], version: 0 } } },
    'cut:updated': { kind: 'put', collection: 'cuts' },
    'cut:moved': { kind: 'patch', collection: 'cuts', id: 'cutId', fields: { vibeId: 'toVibeId', rank: 'rank' } },
    'cut:reranked': { kind: 'patch', collection: 'cuts', id: 'cutId', fields: { rank: 'rank' }, list: 'items' },
    'cut:drafted': { kind: 'put', collection: 'cuts' },
    'cut:submitted': { kind: 'put', collection: 'cuts' },
    'cut:approved': { kind: 'put', collection: 'cuts' },
    'cut:deleted': { kind: 'remove', collection: 'cuts', id: 'cutId' },
    'lyrics:updated': { kind: 'put', collection: 'lyrics' },
  },
  collections: {
    cuts: collection(Cut, {
      key: 'id',
      people: ['author', 'approvedBy'],
      within: { vibeId: 'vibes' },
      lists: { cutsOf: { by: ['vibeId'], order: 'rank' } },
    }),
    lyrics: collection(Lyrics, { key: 'cutId', people: [], within: { cutId: 'cuts' }, lists: {} }),
  },
})
