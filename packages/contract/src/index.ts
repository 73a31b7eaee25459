// Everything a client sees, as values. Types, validation, serialisation, OpenAPI and the socket maps derive from here.
import type * as z from 'zod'
import * as authContract from './auth.ts'
import type { Endpoint } from './endpoint.ts'
import type { EventText } from './noun.ts'
import { type Action, nounEndpoints, projectEvents, projectEventTexts } from './nouns.ts'
import * as projectContract from './projects.ts'
import { type Meta, passing, passingTexts, requests, rooms } from './rooms.ts'
import { tokens } from './tokens.ts'

export { auth, me, Session, SessionState, User } from './auth.ts'
export * from './endpoint.ts'
export type { Collection, EventText, Noun, Permission, StateChange } from './noun.ts'
export * from './nouns.ts'
export * from './problems.ts'
export { Activity, LogEvent, Meta, Presence, PresenceState, Snapshot } from './rooms.ts'
export { ApiToken } from './tokens.ts'
export { isBounded, MAX_LEVELS, MAX_VALUES, Paging, Person, prose, Role, timeInput } from './values.ts'
export { passing, requests, rooms, tokens }

/**
 * The version of all this. Raise it with the wire; a test pins the hash of the contract beside it.
 * 1: the first contract.
 * 2: snapshots in pages; cascades are rules of the reducer: `member:left` names a time, `vibe:deleted` and `project:deleted` list no ids;
 *    `task:reranked`, `vibe:reranked`, `cut:reranked`; `GET /api/session`; API tokens.
 */
export const PROTOCOL_VERSION = 2

/** Every endpoint, by noun. */
export const endpoints = {
  auth: authContract.auth,
  me: authContract.me,
  tokens,
  ...nounEndpoints,
  rooms,
} satisfies Record<string, Record<string, Endpoint<Action>>>

/** What the endpoints of each noun are about, for people. */
export const tags: Record<keyof typeof endpoints, string> = {
  auth: 'Accounts, logins and their tokens',
  me: 'Your own account',
  tokens: 'API tokens of your account, for bots and other programs',
  projects: 'A project has members, and is a room: its members see all that changes in it',
  members: 'Who is in a project, and what they may do',
  tasks: 'What is to be done, by columns',
  vibes: 'Ideas that collect cuts',
  cuts: 'Takes: recordings, edits, versions; with their lyrics',
  comments: 'What people say about a cut, at a moment or a range of it, or about a task',
  rooms: 'The state of a project and its log, for clients that resume',
}

/** Durable events of a person's own room. */
export const userEvents = { ...projectContract.userEvents, ...authContract.userEvents }

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
