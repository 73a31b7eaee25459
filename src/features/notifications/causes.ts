import {
  type Activity,
  type Comment,
  type Cut,
  type File,
  type Invitation,
  MAX_UPLOAD_RECEIVERS,
  type Member,
  type Task,
} from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'
import type { LogEntry } from '../../rooms/log/log.ts'
import { beginningOf, mentionedIn } from './mentions.ts'
import type { Cause } from './writes.ts'

/** People of a thread that a reply notifies: who began it, and those who replied last. */
const MAX_REPLIED = 50

/** An event of a project that a person caused, with how activity shows it. */
export interface Happening {
  event: LogEntry
  actorId: string
  activity: Activity
}
/** What of an event people are notified of; null: nothing. It runs in the write that notifies them. */
export type ReadCause = (happening: Happening, write: Write) => Promise<Cause | null>

/**
 * Whether an event may notify people, as far as it tells by itself. Most comments name no one, and then nothing is written for them:
 * 0.71 of the writes per second with all consumers on, 0.57 with a transaction for each comment (`npm run bench -- search --quick`).
 */
export function mayNotify({ name, payload }: LogEntry): boolean {
  const { body, assigneeId, kind } = payload as unknown as Comment & Task & File
  if (name === 'comment:created') return mentionedIn(body).length > 0
  if (name === 'task:created' || name === 'task:updated') return assigneeId !== null
  return name !== 'file:uploaded' || kind === 'audio'
}

const base = ({ actorId, activity }: Happening) => ({
  projectId: activity.projectId,
  actorId,
  target: activity.target,
  link: activity.link,
})

/**
 * Who wrote in a thread before a comment: first who began it, then the others, the last first. Of who began it the id does not tell: the
 * clock of another node may run ahead.
 */
async function writersOf(query: Query, { id, parentId }: Comment): Promise<string[]> {
  const rows = await query<{ authorId: string }>(Prisma.sql`
    SELECT "authorId" FROM "Comment" WHERE id = ${parentId}::uuid OR ("parentId" = ${parentId}::uuid AND id < ${id}::uuid)
    GROUP BY "authorId" ORDER BY bool_or(id = ${parentId}::uuid) DESC, max("createdAt") DESC LIMIT ${MAX_REPLIED}`)
  return rows.map(({ authorId }) => authorId)
}

/** A comment: the people it names, and of a reply those who wrote in its thread. Who is both is mentioned. */
export const ofComment: ReadCause = async (happening, { query }) => {
  const { event } = happening
  const comment = event.payload as unknown as Comment
  // An edit names people anew, and is no new reply; a copy on a newer take says what was said before.
  const isEdit = event.name === 'comment:updated'
  if (comment.carriedFrom !== null && !isEdit) return null
  const mentioned = mentionedIn(comment.body)
  const writers = event.name === 'comment:reply' ? await writersOf(query, comment) : []
  return {
    ...base(happening),
    // Of a copy the original: who was notified of that knows it.
    name: `comment:${comment.carriedFrom ?? comment.id}`,
    text: beginningOf(comment.body),
    onId: comment.cutId ?? comment.taskId,
    about: comment.parentId === null ? [] : [comment.parentId],
    receivers: [
      ...mentioned.map((userId) => ({ userId, kind: 'mention' as const })),
      ...writers.map((userId) => ({ userId, kind: 'reply' as const })),
    ],
  }
}

/** A task that was assigned with this very version: other changes of it are none. */
export const ofTask: ReadCause = async (happening, { query }) => {
  const { id, assigneeId, version, title } = happening.event.payload as unknown as Task
  const [assigned] = await query(Prisma.sql`SELECT 1 FROM "Task" WHERE id = ${id}::uuid AND "assignedVersion" = ${version}`)
  if (!assigned) return null
  const receivers = assigneeId === null ? [] : [{ userId: assigneeId, kind: 'assignment' as const }]
  return { ...base(happening), name: `task:${id}:${version}`, text: title, onId: id, about: [], receivers }
}

/** A person who was added, or whose role was changed. */
export const ofMember: ReadCause = async (happening, { query }) => {
  const { event, activity } = happening
  const { userId, role } = event.payload as unknown as Member
  const { projectId } = activity
  const [project] = await query<{ name: string }>(Prisma.sql`SELECT name FROM "Project" WHERE id = ${projectId}::uuid`)
  const kind = event.name === 'member:joined' ? 'added' : 'role-changed'
  return {
    ...base(happening),
    name: `event:${event.meta.id}`,
    target: { type: 'project', id: projectId, name: project?.name ?? null },
    text: role,
    link: `/projects/${projectId}`,
    onId: null,
    about: [],
    receivers: [{ userId, kind }],
  }
}

/** An invitation of an address that has an account. Its link is in no row: it is in the mail, or with the one who invites. */
export const ofInvitation: ReadCause = async (happening, { query }) => {
  const { id, role } = happening.event.payload as unknown as Invitation
  const [invited] = await query<{ userId: string; name: string }>(Prisma.sql`
    SELECT u.id AS "userId", p.name FROM "Invitation" i JOIN "User" u ON u.email = i.email JOIN "Project" p ON p.id = i."projectId"
    WHERE i.id = ${id}::uuid AND i."acceptedAt" IS NULL AND i."expiresAt" > now()`)
  if (!invited) return null
  return {
    ...base(happening),
    name: `invitation:${id}`,
    target: { type: 'invitation', id, name: invited.name },
    text: role,
    link: '/inbox',
    onId: null,
    about: [],
    receivers: [{ userId: invited.userId, kind: 'invitation' }],
  }
}

/** A take: owners and editors. */
export const ofUpload: ReadCause = async (happening, { query }) => {
  const { id, cutId } = happening.event.payload as unknown as File
  const { projectId } = happening.activity
  const members = await query<{ userId: string }>(Prisma.sql`SELECT "userId" FROM "Member"
    WHERE "projectId" = ${projectId}::uuid AND role IN ('owner', 'editor') ORDER BY "createdAt", "userId" LIMIT ${MAX_UPLOAD_RECEIVERS + 1}`)
  const others = members.map(({ userId }) => userId).filter((userId) => userId !== happening.actorId)
  const receivers = others.slice(0, MAX_UPLOAD_RECEIVERS).map((userId) => ({ userId, kind: 'upload' as const }))
  return { ...base(happening), name: `file:${id}`, text: null, onId: cutId, about: [], receivers }
}

/** An approval: whose take it is, and whose cut. */
export const ofApproval: ReadCause = async (happening, { query }) => {
  const { event } = happening
  const { id, author, approvedFileId } = event.payload as unknown as Cut
  const takes = await query<{ authorId: string }>(Prisma.sql`SELECT "authorId" FROM "File" WHERE id = ${approvedFileId}::uuid`)
  const people = [...takes.map(({ authorId }) => authorId), author.id]
  const receivers = people.map((userId) => ({ userId, kind: 'approval' as const }))
  return { ...base(happening), name: `event:${event.meta.id}`, text: null, onId: id, about: [], receivers }
}
