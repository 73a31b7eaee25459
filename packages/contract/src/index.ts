// Everything a client sees, as values. Types, validation, serialisation, OpenAPI and the socket maps derive from here.
import type * as z from 'zod'
import * as activityContract from './activity.ts'
import * as authContract from './auth.ts'
import * as conversationContract from './conversations.ts'
import type { Endpoint } from './endpoint.ts'
import * as extensionContract from './extensions.ts'
import * as mailContract from './mail.ts'
import { me } from './me.ts'
import * as messageContract from './messages.ts'
import * as notificationContract from './notifications.ts'
import type { EventText } from './noun.ts'
import { type Action, nounEndpoints, projectEvents, projectEventTexts } from './nouns.ts'
import { passwordReset } from './password-reset.ts'
import * as projectContract from './projects.ts'
import { type Meta, passing, passingTexts, requests, rooms } from './rooms.ts'
import { search } from './search.ts'
import { shared } from './shared.ts'
import { tokens } from './tokens.ts'

export { Activity, ActivityPage, ActivityRead, activity } from './activity.ts'
export { auth, Session, SessionState, User } from './auth.ts'
export { ChatRead, Conversation, conversations, MAX_GROUPS, MAX_PARTICIPANTS, MAX_UNREAD } from './conversations.ts'
export * from './endpoint.ts'
export { customRoom, ExtensionEvent, ExtensionMessage, MAX_EXTENSION_DATA } from './extensions.ts'
export { DigestFrequency, MailPreferences, Unsubscription } from './mail.ts'
export { MAX_UNREAD_ACTIVITIES, ProjectPulse } from './me.ts'
export { MAX_MESSAGE, MESSAGES_PER_MINUTE, Message, messages } from './messages.ts'
export {
  MAX_MENTIONED,
  MAX_NOTIFICATIONS,
  MAX_PROJECT_PREFERENCES,
  MAX_UPLOAD_RECEIVERS,
  Notification,
  NotificationKind,
  NotificationPreferences,
  notifications,
} from './notifications.ts'
export type { Collection, EventText, Noun, Permission, StateChange } from './noun.ts'
export * from './nouns.ts'
export { Presence, PresenceState } from './presence.ts'
export * from './problems.ts'
export { LogEvent, Meta, Snapshot } from './rooms.ts'
export * from './search.ts'
export { ApiToken } from './tokens.ts'
export { isBounded, isVisible, MAX_LEVELS, MAX_VALUES, Paging, Person, prose, Role, timeInput } from './values.ts'
export { me, passing, passwordReset, requests, rooms, tokens }
export const { mail } = mailContract

/**
 * The version of all this. Raise it with the wire; a test pins the hash of the contract beside it.
 * 1: the first contract.
 * 2: snapshots in pages; cascades are rules of the reducer: `member:left` names a time, `vibe:deleted` and `project:deleted` list no ids;
 *    `task:reranked`, `vibe:reranked`, `cut:reranked`; `GET /api/session`; API tokens; `GET /api/me/overview`.
 * 3: files, and uploads by tus; cuts have a state and an approval, comments name the file they are on; share links.
 * 4: activity, notifications, invitations, password reset, conversations, search, webhooks, extensions; `GET /api/me/online`.
 */
export const PROTOCOL_VERSION = 4

/** Every endpoint, by noun. */
export const endpoints = {
  auth: { ...authContract.auth, ...passwordReset },
  me,
  tokens,
  mail: mailContract.mail,
  notifications: notificationContract.notifications,
  ...nounEndpoints,
  shared,
  activity: activityContract.activity,
  conversations: conversationContract.conversations,
  messages: messageContract.messages,
  search,
  rooms,
} satisfies Record<string, Record<string, Endpoint<Action>>>

/** What the endpoints of each noun are about, for people. */
export const tags: Record<keyof typeof endpoints, string> = {
  auth: 'Accounts, logins and their tokens',
  me: 'Your own account',
  tokens: 'API tokens of your account, for bots and other programs',
  mail: 'Which mails you get, and the links that end them',
  notifications: 'What happened that you must not miss, and what of it you want to be told',
  projects: 'A project has members, and is a room: its members see all that changes in it',
  members: 'Who is in a project, and what they may do',
  invitations: 'People who were asked into a project, by e-mail or by a link',
  tasks: 'What is to be done, by columns',
  vibes: 'Ideas that collect cuts',
  cuts: 'What is recorded, edited and approved, take by take; with its lyrics',
  files: 'Recordings of a cut in numbered takes; stems, pictures and documents beside them',
  shares: 'Links to a file or a cut for people without an account',
  comments: 'What people say about a cut, at a moment or a range of it, or about a task',
  markers: 'Comments at moments of a take, for other programs and from them',
  webhooks: 'What another server is sent of a project, signed by the rules of Standard Webhooks; for owners',
  shared: 'What people without an account hear and see, by a link',
  activity: 'What happened in your projects, as people read it',
  conversations: 'Conversations of two people, or of a group, who share projects',
  messages: 'What people write to each other in conversations',
  search: 'Full text over all that you may read',
  rooms: 'The state of a project and its log, for clients that resume',
}

/** Durable events of a person's own room. */
export const userEvents = {
  ...projectContract.userEvents,
  ...authContract.userEvents,
  ...activityContract.userEvents,
  ...conversationContract.userEvents,
  ...messageContract.userEvents,
  ...notificationContract.userEvents,
  ...mailContract.userEvents,
  ...extensionContract.userEvents,
}

/** Every durable event: name → schema of its payload. */
export const events = { ...projectEvents, ...userEvents }
export type EventName = keyof typeof events
export type ProjectEventName = keyof typeof projectEvents
export type UserEventName = keyof typeof userEvents
export type Payload<N extends EventName> = z.output<(typeof events)[N]>

/** When each event is sent, and who receives it, for people. */
export const eventTexts: Record<EventName | keyof typeof passing, EventText> = {
  ...projectEventTexts,
  ...projectContract.userEventTexts,
  ...authContract.userEventTexts,
  ...mailContract.userEventTexts,
  ...activityContract.userEventTexts,
  ...conversationContract.userEventTexts,
  ...messageContract.userEventTexts,
  ...notificationContract.userEventTexts,
  'extension:event': extensionContract.extensionEventText,
  ...passingTexts,
}

/** One durable event with its payload's type. */
export type RoomEvent<N extends EventName = EventName> = { [K in N]: { name: K; payload: Payload<K>; meta: Meta } }[N]

/** A room: the project's or the person's own. */
export type RoomId = `project:${string}` | `user:${string}`
export const projectRoom = (projectId: string): RoomId => `project:${projectId}`
export const userRoom = (userId: string): RoomId => `user:${userId}`

/** Socket maps for socket.io and socket.io-client. */
export type ServerToClient = {
  [N in EventName]: (payload: Payload<N>, meta: Meta) => void
} & {
  [N in keyof typeof passing]: (payload: z.output<(typeof passing)[N]>) => void
}
export type Requests = typeof requests
export type ClientToServer = {
  [N in keyof Requests]: (payload: z.input<Requests[N]['payload']>, ack?: (answer: z.output<Requests[N]['ack']>) => void) => void
}
