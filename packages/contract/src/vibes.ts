import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ann, fresh, ids } from './examples.ts'
import { collection, noun } from './noun.ts'
import { projectParams } from './projects.ts'
import { afterSibling, id, line, Paging, Person, page, patch, prose, reranked, stamps, time, version } from './values.ts'

export const Vibe = z
  .object({
    id,
    projectId: id,
    name: z.string(),
    theme: z.string().nullable(),
    notes: z.string().nullable(),
    rank: z.string(),
    author: Person,
    ...stamps,
  })
  .meta({
    id: 'Vibe',
    examples: [
      {
        id: ids.vibe,
        projectId: ids.project,
        name: 'Verse ideas',
        theme: 'Night drive',
        notes: null,
        rank: 'a0',
        author: ann,
        ...fresh,
      },
    ],
  })
export type Vibe = z.output<typeof Vibe>

const fields = { name: line(200), theme: prose(500).nullable(), notes: prose(20_000).nullable() }
export const vibeParams = z.object({ vibeId: id })
const params = vibeParams
const tags = ['vibes'] as const

export const vibes = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/vibes',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    schema: { summary: 'Vibes by rank', tags, params: projectParams, querystring: Paging, response: { 200: page(Vibe) } },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/projects/:projectId/vibes',
    access: 'vibe:create',
    target: 'projectId',
    effect: 'create',
    location: '/api/vibes/:id',
    schema: {
      summary: 'Create a vibe at the end',
      tags,
      params: projectParams,
      body: z.strictObject({ name: fields.name, theme: fields.theme.default(null), notes: fields.notes.default(null) }),
      response: { 201: Vibe },
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/vibes/:vibeId',
    access: 'project:read',
    target: 'vibeId',
    effect: 'read',
    schema: { summary: 'One vibe', tags, params, response: { 200: Vibe } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/vibes/:vibeId',
    access: 'vibe:update',
    target: 'vibeId',
    effect: 'change',
    schema: { summary: 'Change a vibe', tags, params, body: patch(fields), response: { 200: Vibe } },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/vibes/:vibeId',
    access: 'vibe:delete',
    target: 'vibeId',
    effect: 'change',
    schema: { summary: 'Delete a vibe with its cuts', tags, params, response: { 204: z.undefined() } },
  }),
  move: endpoint({
    method: 'POST',
    url: '/api/vibes/:vibeId/move',
    access: 'vibe:move',
    target: 'vibeId',
    effect: 'change',
    schema: {
      summary: 'Put a vibe after a sibling',
      tags,
      params,
      body: z.strictObject({ after: afterSibling }),
      response: { 200: Vibe },
    },
  }),
}

export const vibeNoun = noun({
  actions: {
    'vibe:create': { role: 'editor' },
    'vibe:update': { role: 'editor' },
    'vibe:move': { role: 'editor' },
    'vibe:delete': { role: 'editor' },
  },
  endpoints: vibes,
  events: {
    'vibe:created': Vibe,
    'vibe:updated': Vibe,
    'vibe:moved': z.object({ vibeId: id, rank: z.string(), version, updatedAt: time }),
    'vibe:reranked': reranked({ vibeId: id }),
    'vibe:deleted': z.object({ vibeId: id }).meta({ description: 'Its cuts are gone, with their lyrics and comments' }),
  },
  when: {
    'vibe:created': 'A vibe was created',
    'vibe:updated': 'Name, theme or notes of a vibe was changed',
    'vibe:moved': 'A vibe was put at another place',
    'vibe:reranked': 'Vibes got new ranks, because there was no text left between two of them; their order is the same',
    'vibe:deleted': 'A vibe was deleted, with its cuts, their lyrics and comments',
  },
  changes: {
    'vibe:created': { kind: 'put', collection: 'vibes' },
    'vibe:updated': { kind: 'put', collection: 'vibes' },
    'vibe:moved': { kind: 'patch', collection: 'vibes', id: 'vibeId', fields: { rank: 'rank' } },
    'vibe:reranked': { kind: 'patch', collection: 'vibes', id: 'vibeId', fields: { rank: 'rank' }, list: 'items' },
    'vibe:deleted': { kind: 'remove', collection: 'vibes', id: 'vibeId' },
  },
  collections: {
    vibes: collection(Vibe, {
      key: 'id',
      people: ['author'],
      within: {},
      lists: { vibesByRank: { by: [], order: 'rank' } },
    }),
  },
})
