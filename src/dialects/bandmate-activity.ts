import type { Payload, ProjectEventName } from '@cutroom/contract'
import type { Frame, ToldEntry } from '../rooms/dialect.ts'
import { type NewNotification, titleOf } from './notifications.ts'

/** An event as an activity of BandMate: its type, what its page may say about it, and the path that it opens in that page. */
interface Reading {
  type: string
  /** Without a name that the event does not have the page says "a cut", "a file", "another vibe". */
  metadata?: object
  /** Without one, the project. */
  path?: string
}
type Readings = { [N in ProjectEventName]?: (payload: Payload<N>) => Reading | null }

const onCut = (cutId: string, query = ''): string => `/cuts/${cutId}${query && `?tab=${query}`}`

function comment({ id, cutId, parentId }: Payload<'comment:created'>): Reading {
  const metadata = { isReply: parentId !== null, commentId: id }
  return { type: 'comment_added', metadata, ...(cutId !== null && { path: onCut(cutId, `audio&comment=${id}`) }) }
}

/** What its server made activities of, and nothing else: changes, deletions and a new order were none. */
const readings: Readings = {
  'vibe:created': ({ name }) => ({ type: 'vibe_created', metadata: { vibeName: name } }),
  'cut:created': ({ id, name }) => ({ type: 'cut_created', metadata: { cutName: name }, path: onCut(id) }),
  'cut:moved': ({ cutId, fromVibeId, toVibeId }) => (fromVibeId === toVibeId ? null : { type: 'cut_moved', path: onCut(cutId) }),
  'lyrics:updated': ({ cutId }) => ({ type: 'lyrics_updated', path: onCut(cutId, 'lyrics') }),
  'file:uploaded': ({ cutId, name }) => ({ type: 'file_uploaded', metadata: { fileName: name }, path: onCut(cutId, 'audio') }),
  'share:created': ({ cutId }) => ({ type: 'file_shared', ...(cutId !== null && { path: onCut(cutId, 'audio') }) }),
  'comment:created': comment,
  'comment:reply': comment,
  'member:joined': ({ user }) => ({ type: 'member_added', metadata: { memberName: user.name } }),
}

/** `activity` of its page: a row of its table, without the mark of who has read it, which the page makes itself. */
function activityFrames({ name, payload, meta }: ToldEntry): Frame[] {
  const { room, actor } = meta
  const read = readings[name as ProjectEventName] as ((payload: unknown) => Reading | null) | undefined
  const reading = read?.(payload)
  if (!reading || actor === null || !room.startsWith('project:')) return []
  const projectId = room.slice('project:'.length)
  const { type, metadata, path = `/projects/${projectId}` } = reading
  const shown = {
    id: meta.id,
    type,
    userId: actor.id,
    projectId,
    metadata: metadata ? JSON.stringify(metadata) : null,
    resourceLink: path,
    createdAt: meta.at,
    user: { id: actor.id, name: actor.name, avatarUrl: null },
  }
  return [['activity', shown]]
}

/** `/projects/<id>/cuts/<id>…`: its page has cuts at `/cuts/<id>`. */
const CUT_LINK = /^\/projects\/[^/?]+\/cuts\/([^/?]+)(\/lyrics)?(?:\?(comment=.+))?$/

/** A path of ours as its page has it. */
function pathOf(link: string): string {
  const [, cutId, lyrics, comment] = CUT_LINK.exec(link) ?? []
  if (cutId === undefined) return link
  if (lyrics) return onCut(cutId, 'lyrics')
  return onCut(cutId, comment && `audio&${comment}`)
}

/** The colour of the message that its page shows. */
const TYPES: Record<string, string> = { added: 'SUCCESS', approval: 'SUCCESS' }

/** `notification` of its page. */
function notificationFrame(told: NewNotification): Frame {
  const { id, kind, text, link, createdAt } = told
  const type = TYPES[kind] ?? 'INFO'
  return [
    'notification',
    { id, type, title: titleOf(told), message: text ?? '', resourceLink: pathOf(link), isRead: false, createdAt },
  ]
}

/** The two events that BandMate's page listens to, where its document has fourteen others. */
export const pageFrames = (entry: ToldEntry): Frame[] =>
  entry.name === 'notification:new' ? [notificationFrame(entry.payload as unknown as NewNotification)] : activityFrames(entry)
