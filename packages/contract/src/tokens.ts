import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { at, ids } from './examples.ts'
import { id, line, Role, time, timeInput } from './values.ts'

/** Projects in the scope of one token. */
const MAX_PROJECTS = 100

const made = { name: 'Mixing bot', role: 'commenter', projectIds: [ids.project], expiresAt: null } as const
const example = { id: ids.request, ...made, projectIds: [ids.project], createdAt: at, lastUsedAt: null }

export const ApiToken = z
  .object({
    id,
    name: z.string(),
    role: Role.meta({ description: 'It may do what you may, and no more than this role' }),
    projectIds: z.array(id).nullable().meta({ description: 'Null: all your projects' }),
    createdAt: time,
    lastUsedAt: time.nullable().meta({ description: 'To a few minutes' }),
    expiresAt: time.nullable().meta({ description: 'Null: never' }),
  })
  .meta({ id: 'ApiToken', examples: [example] })
export type ApiToken = z.output<typeof ApiToken>

const tags = ['tokens'] as const

/** API tokens: what bots use in place of a login. */
export const tokens = {
  list: endpoint({
    method: 'GET',
    url: '/api/me/tokens',
    access: 'account',
    schema: {
      summary: 'Your API tokens, the newest first',
      tags,
      response: { 200: z.object({ data: z.array(ApiToken) }) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/me/tokens',
    access: 'account',
    secret: true,
    location: '/api/me/tokens',
    schema: {
      summary: 'Create an API token for a bot, 50 at most',
      description:
        'Send it as a Bearer token, or in the handshake of a socket. It is shown in this answer only. It acts as you in the projects of its ' +
        'scope, with the lower of its role and yours; it reaches neither logins, password, sessions and tokens, nor your own room.',
      tags,
      body: z
        .strictObject({
          name: line(100),
          role: Role.default('editor'),
          projectIds: z
            .array(id)
            .min(1)
            .max(MAX_PROJECTS)
            .refine((ids) => new Set(ids).size === ids.length, 'names a project twice')
            .nullable()
            .default(null)
            .meta({ description: 'Projects that you are a member of; null: all, also those to come' }),
          expiresAt: timeInput
            .refine((value) => Date.parse(value) > Date.now(), 'must be in the future')
            .nullable()
            .default(null),
        })
        .meta({ examples: [made] }),
      response: {
        201: ApiToken.extend({ token: z.string() }).meta({
          id: 'NewApiToken',
          examples: [{ ...example, token: 'cutroom_0199f0c23a0a7b1e8c4d2f6a91d0e5b1_EXAMPLE' }],
        }),
      },
    },
  }),
  revoke: endpoint({
    method: 'DELETE',
    url: '/api/me/tokens/:tokenId',
    access: 'account',
    schema: {
      summary: 'End an API token; its sockets are closed at once',
      tags,
      params: z.object({ tokenId: id }),
      response: { 204: z.undefined() },
    },
  }),
}
