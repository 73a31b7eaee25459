import {
  AudioInfo,
  CutState,
  events,
  FileFailure,
  FileKind,
  Lyrics,
  type ProjectEventName,
  projectEvents,
  prose,
  Role,
  ShareAllows,
  TaskStatus,
} from '@cutroom/contract'
import * as z from 'zod'
import { acceptedTypes } from '../../media/sniff.ts'

const id = z.uuid().toLowerCase()
const time = z.iso.datetime().refine((value) => value === new Date(value).toISOString(), 'must be UTC with milliseconds')
const text = prose(20_000)
const short = prose(2_048)
const rank = z.string().regex(/^[\w-]{1,200}$/)
const ms = z.int().min(0).max(2_147_483_647)
const position = z.int().min(0)
const stamps = { version: z.int().min(1).max(2_147_483_647), createdAt: time, updatedAt: time }
const hash = prose(500)

/** Bytes of a rendition, as base64; the database takes no more than 1 MiB. */
const data = z.base64().max(1_398_104)

const isKnown = (name: string): name is ProjectEventName => Object.hasOwn(projectEvents, name)
const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce((inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined), value)

/**
 * An event as the log holds it. Its payload fits the schema of today but for fields that came after it was written: old events have none,
 * and are delivered without them by the server that has them. What it is about, each has named from the first version on.
 */
const event = z
  .strictObject({
    id,
    seq: z.int().min(1),
    name: z.string().refine(isKnown, 'is no event of a project'),
    payload: z.record(z.string(), z.unknown()),
    label: short.nullable(),
    actorId: id.nullable(),
    actorName: short.nullable(),
    mutationId: short.nullable(),
    at: time,
  })
  .superRefine(({ name, payload }, context) => {
    const { error } = isKnown(name) ? events[name].safeParse(payload) : {}
    const names = ['id', 'projectId', 'userId', `${name.split(':')[0]}Id`]
    const isNamed = (path: readonly PropertyKey[]) => path.length === 1 && names.includes(String(path[0]))
    const issue = error?.issues.find(({ path }) => isNamed(path) || valueAt(payload, path) !== undefined)
    if (issue) context.addIssue({ code: 'custom', path: ['payload', ...issue.path], message: issue.message })
  })

/** How rows of one table stand in an export. */
export interface MovedTable {
  /** As in the Prisma schema. */
  table:
    | 'Project'
    | 'Member'
    | 'Invitation'
    | 'Task'
    | 'Vibe'
    | 'Cut'
    | 'Lyrics'
    | 'File'
    | 'Rendition'
    | 'Share'
    | 'Comment'
    | 'Event'
  /** The column that names a row within the project, and by which rows are in order. */
  key: string
  row: z.ZodType<Record<string, unknown>>
  columns: readonly string[]
  /** Rows that are read at a time. */
  page: number
}

const moved = (
  table: MovedTable['table'],
  key: string,
  row: z.ZodObject | z.ZodPipe,
  columns: readonly string[],
  page = 200,
): MovedTable => ({ table, key, row: row as unknown as MovedTable['row'], columns, page })

const rows = <S extends z.ZodRawShape>(table: MovedTable['table'], key: string, shape: S, page?: number): MovedTable => {
  const row = z.strictObject(shape)
  return moved(table, key, row, Object.keys(row.shape), page)
}

const comment = {
  id,
  projectId: id,
  cutId: id.nullable(),
  taskId: id.nullable(),
  parentId: id.nullable(),
  authorId: id,
  body: text,
  atMs: ms.nullable(),
  endMs: ms.nullable(),
  fileId: id.nullable(),
  carriedFrom: id.nullable(),
  resolvedAt: time.nullable(),
  resolvedById: id.nullable(),
  editedAt: time.nullable(),
  ...stamps,
}

/** A person that rows of the project name. No password: that is not the project's. */
export const PersonRow = z.strictObject({
  id,
  email: z.email().max(320).toLowerCase(),
  name: short.min(1),
  avatarUrl: short.nullable(),
  ...stamps,
})

/** Where the log stands. */
export const RoomRow = z
  .strictObject({ head: position, floor: position })
  .refine(({ head, floor }) => floor <= head, 'floor is above head')

/** All rows of a project, in the order in which they stand in an export: what others refer to comes first. */
export const movedTables = {
  project: rows('Project', 'id', { id, name: short.min(1), description: text.nullable(), authorId: id, ...stamps }),
  member: rows('Member', 'userId', { projectId: id, userId: id, role: Role, ...stamps }),
  invitation: rows('Invitation', 'id', {
    id,
    projectId: id,
    role: Role,
    email: short.nullable(),
    tokenHash: hash,
    expiresAt: time,
    acceptedAt: time.nullable(),
    acceptedBy: id.nullable(),
    authorId: id,
    ...stamps,
  }),
  task: rows('Task', 'id', {
    id,
    projectId: id,
    title: short.min(1),
    description: text.nullable(),
    status: TaskStatus,
    rank,
    assigneeId: id.nullable(),
    assignedVersion: z.int().min(1).nullable(),
    dueAt: time.nullable(),
    labels: z.array(prose(50)).max(50),
    authorId: id,
    ...stamps,
  }),
  vibe: rows('Vibe', 'id', {
    id,
    projectId: id,
    name: short.min(1),
    theme: text.nullable(),
    notes: text.nullable(),
    rank,
    authorId: id,
    ...stamps,
  }),
  cut: rows('Cut', 'id', {
    id,
    projectId: id,
    vibeId: id,
    name: short.min(1),
    bpm: z.number().nullable(),
    timeSignature: short.nullable(),
    rank,
    state: CutState,
    lastTake: position,
    approvedFileId: id.nullable(),
    approvedTake: z.int().min(1).nullable(),
    approvedAt: time.nullable(),
    approvedById: id.nullable(),
    authorId: id,
    ...stamps,
  }),
  lyrics: rows(
    'Lyrics',
    'cutId',
    { cutId: id, projectId: id, lines: Lyrics.shape.lyrics, version: position, updatedAt: time },
    // They may have 6 MB each.
    5,
  ),
  file: rows('File', 'id', {
    id,
    projectId: id,
    cutId: id,
    kind: FileKind,
    take: z.int().min(1).nullable(),
    name: prose(255).min(1),
    type: z.string().refine((type) => acceptedTypes.has(type), 'is no type of a file here'),
    size: position,
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in small hexadecimal digits'),
    status: z.enum(['ready', 'failed']),
    failure: FileFailure.nullable(),
    audio: AudioInfo.nullable(),
    image: z.object({ width: z.int(), height: z.int() }).nullable(),
    authorId: id,
    ...stamps,
  }),
  rendition: rows('Rendition', 'fileId', { fileId: id, name: z.enum(['peaks', 'thumbnail']), type: short, data }, 10),
  share: rows('Share', 'id', {
    id,
    projectId: id,
    fileId: id.nullable(),
    cutId: id.nullable(),
    allows: ShareAllows,
    tokenHash: hash,
    passwordHash: hash.nullable(),
    expiresAt: time.nullable(),
    plays: position,
    authorId: id,
    ...stamps,
  }),
  comment: rows('Comment', 'id', { ...comment, parentId: z.null() }),
  reply: rows('Comment', 'id', { ...comment, parentId: id }),
  event: moved('Event', 'seq', event as unknown as z.ZodObject, Object.keys(event.shape), 100),
} as const satisfies Record<string, MovedTable>

export type MovedType = keyof typeof movedTables
export const movedTypes = Object.keys(movedTables) as MovedType[]
