import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { at, bo, ids, later } from './examples.ts'
import type { EventText } from './noun.ts'
import { id, Paging, Person, page, seq, time } from './values.ts'

export const NotificationKind = z
  .enum(['mention', 'reply', 'assignment', 'invitation', 'added', 'role-changed', 'upload', 'approval'])
  .meta({
    id: 'NotificationKind',
    description:
      '`mention`: a comment names you. `reply`: in a thread in which you wrote. `assignment`: a task is yours now. `invitation`: into a ' +
      'project. `added`: to a project. `role-changed`: yours in a project. `upload`: a take, for owners and editors. `approval`: of your ' +
      'cut or take',
  })
export type NotificationKind = z.output<typeof NotificationKind>

/** Notifications that are kept for one person: the newest. */
export const MAX_NOTIFICATIONS = 1_000
/** People that one comment notifies by mentions, in the order of its text. */
export const MAX_MENTIONED = 50
/** Owners and editors that one take notifies, those who were members first. */
export const MAX_UPLOAD_RECEIVERS = 100

const example = {
  id: ids.notification,
  kind: 'mention',
  projectId: ids.project,
  project: { id: ids.project, name: 'First album' },
  actor: bo,
  target: { type: 'comment', id: ids.comment, name: 'Louder here' },
  text: `@[Ann](${ids.ann}) louder here`,
  link: `/projects/${ids.project}/cuts/${ids.cut}?comment=${ids.comment}`,
  seenAt: null,
  createdAt: at,
} as const

export const Notification = z
  .object({
    id,
    kind: NotificationKind,
    projectId: id.nullable(),
    project: z.object({ id, name: z.string() }).nullable(),
    actor: Person.nullable().meta({ description: 'Who caused it; null where no person did' }),
    target: z.object({ type: z.string(), id, name: z.string().nullable() }).meta({ description: 'What it is about' }),
    text: z.string().nullable().meta({
      description: 'The beginning of what was written, 200 characters at most; of an assignment the title, of a role its name',
    }),
    link: z.string().meta({ description: 'Where to see it, a path by ids' }),
    seenAt: time.nullable(),
    createdAt: time,
  })
  .meta({ id: 'Notification', examples: [example] })
export type Notification = z.output<typeof Notification>

const Choice = z.enum(['on', 'off'])
type ByKind<T> = { [K in NotificationKind]: T }
const byKind = <T>(value: T) => Object.fromEntries(NotificationKind.options.map((kind) => [kind, value])) as ByKind<T>

/** Projects for which a person has settings of their own. */
export const MAX_PROJECT_PREFERENCES = 200

const projectShape = { projectId: id, muted: z.boolean().default(false) }
const someKinds = byKind(Choice.optional())
export const NotificationPreferences = z
  .object({
    kinds: z.object(byKind(Choice)),
    projects: z.array(z.object({ ...projectShape, muted: z.boolean(), kinds: z.object(someKinds) })).meta({
      description:
        'Projects with settings of their own. `kinds` goes before the general one; `muted` goes before both: nothing of that project',
    }),
  })
  .meta({
    id: 'NotificationPreferences',
    examples: [
      {
        kinds: { ...byKind('on' as const), upload: 'off' },
        projects: [{ projectId: ids.project, muted: false, kinds: { upload: 'on' } }],
      },
    ],
  })
export type NotificationPreferences = z.output<typeof NotificationPreferences>

const tags = ['notifications'] as const
const params = z.object({ notificationId: id })

/** What a person must not miss. */
export const notifications = {
  list: endpoint({
    method: 'GET',
    url: '/api/me/notifications',
    access: 'account',
    schema: {
      summary: 'Your notifications, newest first',
      description:
        `The newest ${MAX_NOTIFICATIONS} are kept. Those of a project are there while you are a member of it. The list and \`unseen\` are at least ` +
        'as new as position `seq` of your own room: apply the events behind it.',
      tags,
      querystring: Paging.extend({ unseen: z.enum(['true', 'false']).optional().meta({ description: '`true`: those only' }) }),
      response: {
        200: page(Notification).extend({
          unseen: z.int().min(0).meta({ description: 'How many you have not seen, at `seq` exactly' }),
          epoch: z.string(),
          seq,
        }),
      },
    },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/me/notifications/:notificationId',
    access: 'account',
    schema: {
      summary: 'Mark one as seen; what is seen stays so',
      tags,
      params,
      body: z.strictObject({ seen: z.literal(true) }),
      response: { 200: Notification },
    },
  }),
  seenAll: endpoint({
    method: 'POST',
    url: '/api/me/notifications/seen-all',
    access: 'account',
    schema: {
      summary: 'Mark all as seen, up to the newest that you show',
      tags,
      body: z
        .strictObject({ upTo: id.optional().meta({ description: 'Newer ones stay as they are. Without it you mark all' }) })
        .meta({ examples: [{ upTo: ids.notification }] }),
      response: { 200: z.object({ unseen: z.int().min(0).meta({ description: 'How many you have not seen now' }) }) },
    },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/me/notifications/:notificationId',
    access: 'account',
    schema: { summary: 'Delete one of your notifications', tags, params, response: { 204: z.undefined() } },
  }),
  preferences: endpoint({
    method: 'GET',
    url: '/api/me/notification-preferences',
    access: 'account',
    schema: {
      summary: 'What you are notified of',
      description: 'All is on to begin with. A change is for what happens after it.',
      tags,
      response: { 200: NotificationPreferences },
    },
  }),
  setPreferences: endpoint({
    method: 'PUT',
    url: '/api/me/notification-preferences',
    access: 'account',
    schema: {
      summary: 'Set what you are notified of, as a whole',
      description:
        'What you leave out is as to begin with. Projects that you are no member of are left out of the answer: there is nothing to set.',
      tags,
      body: z
        .strictObject({
          kinds: z.strictObject(byKind(Choice.default('on'))).prefault({}),
          projects: z
            .array(z.strictObject({ ...projectShape, kinds: z.strictObject(someKinds).default({}) }))
            .max(MAX_PROJECT_PREFERENCES)
            .refine((list) => new Set(list.map(({ projectId }) => projectId)).size === list.length, 'names a project twice')
            .default([]),
        })
        .meta({ examples: [{ kinds: { upload: 'off' }, projects: [{ projectId: ids.project, muted: true }] }] }),
      response: { 200: NotificationPreferences },
    },
  }),
}

const several = z.array(id).meta({ description: `${MAX_NOTIFICATIONS} at most` })
export const userEvents = {
  'notification:new': Notification,
  'notification:updated': Notification,
  'notification:seen': z
    .object({ ids: several, seenAt: time })
    .meta({ description: 'Those that were not seen before', examples: [{ ids: [ids.notification], seenAt: later }] }),
  'notification:deleted': z.object({
    ids: several,
    unseen: z.int().min(0).meta({ description: 'How many of them were not seen' }),
  }),
  'notification-preferences:updated': NotificationPreferences,
}

const to = 'The person whose they are, on each of their connections'
export const userEventTexts = {
  'notification:new': {
    when: 'Something happened that you must not miss, and that you have not turned off. Once for each cause, and never for what you did yourself',
    to,
  },
  'notification:updated': {
    when: 'A comment was edited, and with it the text or the name in a notification that you have. It is as seen as it was: counts stay',
    to,
  },
  'notification:seen': { when: 'You marked notifications as seen, on any device', to },
  'notification:deleted': {
    when: `You deleted a notification, the thing that it is about was deleted, or you have more than ${MAX_NOTIFICATIONS}; after \`project:left\` those of that project are gone without it`,
    to,
  },
  'notification-preferences:updated': { when: 'You changed what you are notified of, on any device', to },
} satisfies Record<keyof typeof userEvents, EventText>
