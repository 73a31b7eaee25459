import * as z from 'zod'
import { Activity } from './activity.ts'
import { endpoint } from './endpoint.ts'
import { ids, later } from './examples.ts'
import { customRoom, ExtensionMessage } from './extensions.ts'
import type { EventText } from './noun.ts'
import { snapshotLists } from './nouns.ts'
import { Presence, PresenceState } from './presence.ts'
import { Problem } from './problems.ts'
import { Project, projectParams } from './projects.ts'
import { digits, id, Role, seq, time } from './values.ts'

/** What stands beside every durable event. `epoch` names one history of the log; positions of another mean nothing. */
export const Meta = z
  .object({
    room: z.string().meta({ description: '`project:<projectId>` or `user:<userId>`' }),
    seq: seq.meta({ description: 'Position in the log of the room: the one before, plus one' }),
    epoch: z.string().meta({ description: 'The history of the log that the position is of' }),
    id,
    at: time,
    actor: z.object({ id, name: z.string() }).nullable().meta({ description: 'Who did it; null: the server' }),
    mutationId: z.string().optional().meta({ description: 'The Idempotency-Key of the write' }),
    replayed: z.literal(true).optional().meta({ description: 'It came before the ack of a join' }),
  })
  .meta({
    id: 'Meta',
    examples: [
      {
        room: `project:${ids.project}`,
        seq: 42,
        epoch: '7f3k2x',
        id: ids.event,
        at: later,
        actor: { id: ids.bo, name: 'Bo' },
        mutationId: 'c0ffee',
      },
    ],
  })
export type Meta = z.output<typeof Meta>

/** A durable event as the log tells it; `payload` fits the schema of `name`. */
export const LogEvent = z
  .object({ name: z.string(), payload: z.record(z.string(), z.unknown()), meta: Meta })
  .meta({ id: 'LogEvent' })

/** One page of a project. Of the lists a page holds what comes next, and nothing of the others. */
export const Snapshot = z
  .object({
    epoch: z.string(),
    seq: seq.meta({ description: 'Position of the first page: apply the events after it once you have all pages' }),
    head: seq.meta({ description: 'Position of the rows of this page; on the first page the same as `seq`' }),
    project: Project,
    ...snapshotLists,
    nextCursor: z.string().nullable().meta({ description: 'Null on the last page' }),
  })
  .meta({ id: 'Snapshot' })
export type Snapshot = z.output<typeof Snapshot>

/** How long a list of events waits at most, seconds: less than this server, and most proxies, keep a silent connection. */
const MAX_WAIT_S = 25

export const rooms = {
  snapshot: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/snapshot',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    largePages: true,
    schema: {
      summary: 'A whole project, or a part of it, at an exact position of its log',
      description:
        'You get pages of at most 1 MiB, each list by id. Rows of later pages may be newer than `seq`: apply the events after `seq` to rows ' +
        'with a lower version, and deletions always. 410 when the log was cut or replaced between two pages: begin again.',
      tags: ['rooms'],
      params: projectParams,
      querystring: z.strictObject({
        cursor: z
          .string()
          .max(1_000)
          .optional()
          .meta({ description: '`nextCursor` of the page before; it includes the choice of comments' }),
        comments: z
          .union([z.enum(['all', 'none']), id])
          .optional()
          .meta({ description: 'Which comments you want: all (the default), none, or those on the cut or task with this id' }),
      }),
      response: { 200: Snapshot },
      problems: ['gone'],
    },
  }),
  events: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/events',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    largePages: true,
    eventStream:
      'Each event has the id `EPOCH.SEQ`, its name, and as data the item that the list has. `ready` says that you have all up to `head`, and ' +
      '`reset` that your position is none of this log: load a snapshot, events go on from `head`. `session:expiring`, `session:expired`, ' +
      '`access:revoked` and `server:draining` are as on the socket.',
    schema: {
      summary: 'The events after a position, oldest first; 410 below the floor',
      description:
        'You get at most `limit` events and 1 MiB of payloads, and one event at least: fewer than `limit` do not mean the end. Ask again with ' +
        'the last `meta.seq` as `after` until that is `head`; with `wait` the answer comes when there is something. With ' +
        '`Accept: text/event-stream` you get all events, those to come, too, behind `Last-Event-ID`, else `after`, else from now on.',
      tags: ['rooms'],
      params: projectParams,
      querystring: z.strictObject({
        after: digits(0, Number.MAX_SAFE_INTEGER)
          .optional()
          .meta({ description: 'The position that you have; 0 in a list without it' }),
        epoch: z
          .string()
          .min(1)
          .max(100)
          .optional()
          .meta({ description: 'The history that `after` is of; in another one it is gone' }),
        limit: digits(1, 500).default(200),
        wait: digits(0, MAX_WAIT_S)
          .default(0)
          .meta({ description: 'Seconds to wait for an event where there is none behind `after`; not for a stream' }),
      }),
      response: { 200: z.object({ data: z.array(LogEvent), epoch: z.string(), head: seq, floor: seq }) },
      problems: ['gone', 'bad-request', 'origin-refused'],
    },
  }),
}

const failed = z.object({ ok: z.literal(false), error: Problem })
const ack = <T extends z.ZodRawShape>(shape: T) =>
  z.discriminatedUnion('ok', [z.object({ ok: z.literal(true), ...shape }), failed])
const joined = { room: z.string(), epoch: z.string(), head: seq, mode: z.enum(['live', 'resumed', 'reset']) }
const position = { after: seq.optional(), epoch: z.string().max(100).optional() }

/** Client → server: payload and ack, and when a client sends it. An ack is sent when one is asked for. */
export const requests = {
  'join:project': {
    when: 'In every `connect`, for each project you show: with your position you get what you missed, then what happens now',
    payload: z.strictObject({ projectId: id, ...position, activity: z.boolean().default(true) }),
    ack: ack({
      ...joined,
      role: Role,
      presence: z
        .array(Presence)
        .meta({ description: 'At most 500 people and 64 KiB: in a crowd states are left out (null), then people' }),
      presenceTotal: z.int().meta({ description: 'People in the room, listed or not' }),
    }),
  },
  'leave:project': {
    when: 'When you show the project no longer',
    payload: z.strictObject({ projectId: id }),
    ack: ack({}),
  },
  'join:user': {
    when: 'In `connect`, to get what you missed in your own room; you stand in it without being asked, live',
    payload: z.strictObject(position),
    ack: ack(joined),
  },
  'session:refresh': {
    when: 'After `session:expiring`, with a new access token of the same session: the connection stays',
    payload: z.strictObject({ token: z.string().max(4096) }),
    ack: ack({ expiresAt: time }),
  },
  'presence:set': {
    when: 'When what you show of yourself to the others in a project changes: where you look, what you have selected',
    payload: z.strictObject({ projectId: id, state: PresenceState }),
    ack: ack({}),
  },
  typing: {
    when: 'While you type on `targetId` (a cut, a task, a comment), every few seconds, and once when you stop; not for viewers',
    payload: z.strictObject({ projectId: id, targetId: id, isTyping: z.boolean() }),
    ack: ack({}),
  },
  'chat:typing': {
    when: 'While you type in a conversation, every few seconds, and once when you stop; not where `canWrite` is false',
    payload: z.strictObject({ conversationId: id, isTyping: z.boolean() }),
    ack: ack({}),
  },
  join: {
    when: 'In every `connect`, for each room of an extension that you show. `not-found`: there is none, or it is not for you',
    payload: z.strictObject({ room: customRoom }),
    ack: ack({}),
  },
  leave: {
    when: 'When you show a room of an extension no longer',
    payload: z.strictObject({ room: customRoom }),
    ack: ack({}),
  },
} satisfies Record<string, { when: string; payload: z.ZodType; ack: z.ZodType }>

/** Server → client, derived or passing: never in the log. */
export const passing = {
  connected: z.object({ userId: id, sessionId: id, epoch: z.string(), head: seq }),
  'activity:new': Activity,
  'presence:changed': z.object({ projectId: id, present: z.array(Presence), left: z.array(id) }),
  typing: z.object({ projectId: id, targetId: id, userId: id, isTyping: z.boolean() }),
  'chat:typing': z.object({ conversationId: id, userId: id, isTyping: z.boolean() }),
  'chat:presence': z.object({ userId: id, isOnline: z.boolean() }),
  'extension:message': ExtensionMessage,
  'access:revoked': z.object({ projectId: id, reason: z.enum(['left', 'removed', 'deleted']) }),
  'session:expiring': z.object({ expiresAt: time }),
  'session:expired': z.object({ reason: z.enum(['expired', 'revoked']) }),
  'server:draining': z.object({ reconnectInMs: z.int() }),
}

const THE_ROOM = 'All in the room of the project'

export const passingTexts = {
  connected: { when: 'You are connected, and live in your own room from `head` on', to: 'The connection that was opened' },
  'activity:new': {
    when: 'After each event that a feed shows, as people read it',
    to: `${THE_ROOM}, but connections that joined with \`activity: false\``,
  },
  'presence:changed': {
    when: 'People came into the room, changed their state, or left; several changes come together',
    to: THE_ROOM,
  },
  typing: { when: 'A person types, or stopped', to: `${THE_ROOM}, but the connection that said so` },
  'chat:typing': {
    when: 'A participant of a conversation types, or stopped; it ends by itself when no more is heard of it',
    to: 'The other participants, on each of their connections',
  },
  'chat:presence': { when: 'A person is online, or is not any more', to: 'All who share a project with them' },
  'extension:message': {
    when: 'An extension has something to say in a room of its own',
    to: 'The connections that the extension let into the room',
  },
  'access:revoked': {
    when: 'You left a project, were removed, or it was deleted; the connection is out of its room',
    to: 'The connections that were in the room by that right',
  },
  'session:expiring': { when: 'The access token of this connection ends in a minute', to: 'The connection' },
  'session:expired': {
    when: 'The access token ended, or the session was closed; the server closes the connection',
    to: 'The connection, and each of the session that was closed',
  },
  'server:draining': {
    when: 'The server stops; it closes the connection, and you connect again after `reconnectInMs`',
    to: 'Every connection of this node',
  },
} satisfies Record<keyof typeof passing, EventText>
