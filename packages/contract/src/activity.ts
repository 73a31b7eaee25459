import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ids, later } from './examples.ts'
import type { EventText } from './noun.ts'
import { projectEvents } from './nouns.ts'
import { projectParams } from './projects.ts'
import { id, Paging, page, seq, time } from './values.ts'

/** A reading of one log entry, for feeds. */
export const Activity = z
  .object({
    id,
    action: z.string(),
    actor: z.object({ id, name: z.string() }).nullable(),
    target: z.object({ type: z.string(), id, name: z.string().nullable() }),
    projectId: id,
    at: time,
    link: z.string(),
    seq,
  })
  .meta({
    id: 'Activity',
    examples: [
      {
        id: ids.event,
        action: 'comment:created',
        actor: { id: ids.bo, name: 'Bo' },
        target: { type: 'comment', id: ids.comment, name: 'Louder here' },
        projectId: ids.project,
        at: later,
        link: `/projects/${ids.project}/cuts/${ids.cut}?comment=${ids.comment}`,
        seq: 42,
      },
    ],
  })
export type Activity = z.output<typeof Activity>

/** Up to which position of a project's log a person has read its activities. */
export const ActivityRead = z
  .object({ projectId: id, seq })
  .meta({ id: 'ActivityRead', examples: [{ projectId: ids.project, seq: 42 }] })
export type ActivityRead = z.output<typeof ActivityRead>

export const ActivityPage = page(Activity)
  .extend({
    searchedTo: time.nullable().meta({
      description:
        'A page looks at a limited number of events, so that it may have few activities, or none, with a `nextCursor`: it has all that ' +
        'fit and happened since then. Null: it has all that are kept.',
    }),
    endsAt: time
      .nullable()
      .meta({ description: 'Since then all activities are kept, older ones may be gone. Null: all are kept' }),
    read: z.record(z.string(), seq).meta({
      description:
        'Your read position in each project of the page, by its id. An activity is read where its `seq` is not above it, or you did it',
    }),
  })
  .meta({ id: 'ActivityPage' })
export type ActivityPage = z.output<typeof ActivityPage>

/** Names of project events with commas between them. */
const actions = z
  .string()
  .max(1_000)
  .transform((names) => names.split(','))
  .pipe(z.array(z.enum(Object.keys(projectEvents) as [keyof typeof projectEvents])).max(50))
const filters = {
  action: actions.optional().meta({ description: 'Names of events, with commas between them: `comment:created,comment:reply`' }),
  actorId: id.optional().meta({ description: 'What this person did' }),
  unread: z.enum(['true']).optional().meta({ description: 'What others did after your read position' }),
  dismissed: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: '`true`: what you dismissed, `false`: what you did not' }),
}
const eventParams = z.object({ eventId: id })
const tags = ['activity'] as const

export const activity = {
  project: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/activity',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    personal: true,
    largePages: true,
    schema: {
      summary: 'What happened in a project, the newest first',
      tags,
      params: projectParams,
      querystring: Paging.extend(filters),
      response: { 200: ActivityPage },
    },
  }),
  list: endpoint({
    method: 'GET',
    url: '/api/me/activity',
    access: 'account',
    largePages: true,
    schema: {
      summary: 'What happened in your projects, the newest first',
      tags,
      querystring: Paging.extend({ ...filters, projectId: id.optional() }),
      response: { 200: ActivityPage },
    },
  }),
  read: endpoint({
    method: 'PUT',
    url: '/api/me/activity/read',
    access: 'account',
    schema: {
      summary: 'Mark the activities of a project as read, up to a position',
      description:
        'A position below the one you had, and what is beyond the end of the log, changes nothing: you get the position that holds.',
      tags,
      body: z.strictObject({ projectId: id, seq }).meta({ examples: [{ projectId: ids.project, seq: 42 }] }),
      response: { 200: ActivityRead },
    },
  }),
  dismiss: endpoint({
    method: 'PUT',
    url: '/api/me/activity/:eventId/dismissed',
    access: 'account',
    schema: {
      summary: 'Leave an activity out of your lists; the lists of others keep it',
      tags,
      params: eventParams,
      response: { 204: z.undefined() },
    },
  }),
  restore: endpoint({
    method: 'DELETE',
    url: '/api/me/activity/:eventId/dismissed',
    access: 'account',
    schema: {
      summary: 'Bring a dismissed activity back, read or unread as it was',
      tags,
      params: eventParams,
      response: { 204: z.undefined() },
    },
  }),
}

const dismissal = z.object({ projectId: id, eventId: id })
export const userEvents = {
  'activity:read': ActivityRead,
  'activity:dismissed': dismissal,
  'activity:restored': dismissal,
}

const TO_YOU = 'The person who did it, on each of their connections'
export const userEventTexts = {
  'activity:read': { when: 'You marked the activities of a project as read, up to a position', to: TO_YOU },
  'activity:dismissed': { when: 'You dismissed an activity', to: TO_YOU },
  'activity:restored': { when: 'You brought a dismissed activity back', to: TO_YOU },
} satisfies Record<keyof typeof userEvents, EventText>
