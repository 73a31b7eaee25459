import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { snapshotLists } from './nouns.ts'
import { Problem } from './problems.ts'
import { Project, projectParams } from './projects.ts'
import { digits, id, isBounded, Person, Role, seq, time } from './values.ts'

/** What stands beside every durable event. `epoch` names one history of the log; positions of another mean nothing. */
export const Meta = z
  .object({
    room: z.string(),
    seq,
    epoch: z.string(),
    id,
    at: time,
    actor: z.object({ id, name: z.string() }).nullable(),
    mutationId: z.string().optional().meta({ description: 'The Idempotency-Key of the write' }),
    replayed: z.literal(true).optional(),
  })
  .meta({ id: 'Meta' })
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
    },
  }),
  events: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/events',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    largePages: true,
    schema: {
      summary: 'The events after a position, oldest first; 410 below the floor',
      description:
        'You get at most `limit` events and 1 MiB of payloads, and one event at least: fewer than `limit` do not mean the end. Ask again with ' +
        'the last `meta.seq` as `after` until that is `head`.',
      tags: ['rooms'],
      params: projectParams,
      querystring: z.strictObject({
        after: digits(0, Number.MAX_SAFE_INTEGER).default(0),
        limit: digits(1, 500).default(200),
      }),
      response: { 200: z.object({ data: z.array(LogEvent), epoch: z.string(), head: seq, floor: seq }) },
    },
  }),
}

/** One person in a room as the others see them. */
export const Presence = z
  .object({ user: Person, since: time, state: z.record(z.string(), z.unknown()).nullable() })
  .meta({ id: 'Presence' })
export type Presence = z.output<typeof Presence>

/** Levels of objects and lists in a state, and what stands in them. */
const STATE_LEVELS = 8
const STATE_BYTES = 1024
const isSmall = (value: unknown): boolean =>
  isBounded(value, STATE_LEVELS, STATE_BYTES) && new TextEncoder().encode(JSON.stringify(value)).length <= STATE_BYTES

/** What a person shows of themselves in a room. */
export const PresenceState = z
  .record(z.string().max(100), z.unknown())
  .nullable()
  .refine(isSmall, 'at most 1 KiB as JSON, at most 8 levels deep')

const failed = z.object({ ok: z.literal(false), error: Problem })
const ack = <T extends z.ZodRawShape>(shape: T) =>
  z.discriminatedUnion('ok', [z.object({ ok: z.literal(true), ...shape }), failed])
const joined = { room: z.string(), epoch: z.string(), head: seq, mode: z.enum(['live', 'resumed', 'reset']) }
const position = { after: seq.optional(), epoch: z.string().max(100).optional() }

/** Client → server: payload and ack. An ack is sent when one is asked for. */
export const requests = {
  'join:project': {
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
  'leave:project': { payload: z.strictObject({ projectId: id }), ack: ack({}) },
  'join:user': { payload: z.strictObject(position), ack: ack(joined) },
  'session:refresh': { payload: z.strictObject({ token: z.string().max(4096) }), ack: ack({ expiresAt: time }) },
  'presence:set': { payload: z.strictObject({ projectId: id, state: PresenceState }), ack: ack({}) },
  typing: { payload: z.strictObject({ projectId: id, targetId: id, isTyping: z.boolean() }), ack: ack({}) },
}

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
  .meta({ id: 'Activity' })
export type Activity = z.output<typeof Activity>

/** Server → client, derived or passing: never in the log. */
export const passing = {
  connected: z.object({ userId: id, sessionId: id, epoch: z.string(), head: seq }),
  'activity:new': Activity,
  'presence:changed': z.object({ projectId: id, present: z.array(Presence), left: z.array(id) }),
  typing: z.object({ projectId: id, targetId: id, userId: id, isTyping: z.boolean() }),
  'chat:presence': z.object({ userId: id, isOnline: z.boolean() }),
  'access:revoked': z.object({ projectId: id, reason: z.enum(['left', 'removed', 'deleted']) }),
  'session:expiring': z.object({ expiresAt: time }),
  'session:expired': z.object({ reason: z.enum(['expired', 'revoked']) }),
  'server:draining': z.object({ reconnectInMs: z.int() }),
}
