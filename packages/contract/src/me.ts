import * as z from 'zod'
import { newPassword, Session, TYPED, User } from './auth.ts'
import { endpoint } from './endpoint.ts'
import { bo, ids, later } from './examples.ts'
import { digits, id, line, Paging, Person, page, patch, seq, time, url } from './values.ts'

/** Entries in a page of the overview: the people in them may have long addresses of pictures. */
const ENTRIES = 50
/** How many of the last events of a project are looked at for unread activities. */
export const MAX_UNREAD_ACTIVITIES = 100

export const ProjectPulse = z
  .object({
    projectId: id,
    head: seq.meta({ description: 'Position of the last event of its log: events after the one you have seen are new to you' }),
    lastEventAt: time.nullable().meta({ description: 'Null where there is none, or it is not kept any more' }),
    present: z.array(Person).meta({ description: 'Those who are in its room now besides you, four at most' }),
    presentTotal: z.int().min(0).meta({ description: 'How many are there' }),
    unread: z
      .int()
      .min(0)
      .max(MAX_UNREAD_ACTIVITIES)
      .meta({ description: `Unread activities among its last ${MAX_UNREAD_ACTIVITIES} events` }),
  })
  .meta({
    id: 'ProjectPulse',
    examples: [{ projectId: ids.project, head: 42, lastEventAt: later, present: [bo], presentTotal: 1, unread: 3 }],
  })
export type ProjectPulse = z.output<typeof ProjectPulse>

export const me = {
  get: endpoint({
    method: 'GET',
    url: '/api/me',
    access: 'account',
    apiTokens: true,
    schema: { summary: 'Your account', tags: ['me'], response: { 200: User } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/me',
    access: 'account',
    schema: {
      summary: 'Change your name or picture',
      tags: ['me'],
      body: patch({ name: line(100), avatarUrl: url.nullable() }),
      response: { 200: User },
      problems: ['stale'],
    },
  }),
  overview: endpoint({
    method: 'GET',
    url: '/api/me/overview',
    access: 'account',
    schema: {
      summary: 'What goes on in your projects: how far each is, and who is there now',
      description:
        'For a page that shows all of them, without joining their rooms. Positions are of the history that `epoch` names.',
      tags: ['me'],
      querystring: Paging.extend({ limit: digits(1, ENTRIES).default(ENTRIES) }),
      response: { 200: page(ProjectPulse).extend({ epoch: z.string() }) },
    },
  }),
  online: endpoint({
    method: 'GET',
    url: '/api/me/online',
    access: 'account',
    schema: {
      summary: 'Who of the people you share a project with is online',
      description:
        'For a client that has just connected; `chat:presence` says from then on who comes and goes. A page looks at `limit` people and has those of them who are online: it may be empty, and others follow.',
      tags: ['me'],
      querystring: Paging,
      response: { 200: page(Person) },
    },
  }),
  changePassword: endpoint({
    method: 'PUT',
    url: '/api/me/password',
    access: 'account',
    schema: {
      summary: 'Change your password; every other session and API token ends',
      tags: ['me'],
      body: z.strictObject({ current: z.string().max(TYPED), next: newPassword }),
      response: { 204: z.undefined() },
      problems: ['bad-credentials'],
    },
  }),
  sessions: endpoint({
    method: 'GET',
    url: '/api/me/sessions',
    access: 'account',
    schema: {
      summary: 'Your open sessions, the newest 200',
      tags: ['me'],
      response: { 200: z.object({ data: z.array(Session) }) },
    },
  }),
  endSession: endpoint({
    method: 'DELETE',
    url: '/api/me/sessions/:sessionId',
    access: 'account',
    schema: {
      summary: 'Close one of your sessions',
      tags: ['me'],
      params: z.object({ sessionId: id }),
      response: { 204: z.undefined() },
    },
  }),
}
