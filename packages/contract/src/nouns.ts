// The nouns of a project, and what follows from the list: rights, endpoints, events, and the state of a client.
import * as z from 'zod'
import { commentNoun } from './comments.ts'
import { cutNoun } from './cuts.ts'
import type { Endpoint } from './endpoint.ts'
import { fileNoun } from './files.ts'
import { invitationNoun } from './invitations.ts'
import { markerNoun } from './markers.ts'
import type { EventText, Noun, Permission, StateChange } from './noun.ts'
import { memberNoun, projectNoun } from './projects.ts'
import { shareNoun } from './shares.ts'
import { taskNoun } from './tasks.ts'
import { vibeNoun } from './vibes.ts'
import { webhookNoun } from './webhooks.ts'

export { Comment, comments, MANY_COMMENTS } from './comments.ts'
export { Cut, CutState, cuts, Lyrics } from './cuts.ts'
export { AudioInfo, File, FileFailure, FileKind, FileStatus, files, Peaks, UPLOADS_URL, UploadMetadata, Usage } from './files.ts'
export {
  Invitation,
  InvitationKind,
  InvitationPreview,
  invitations,
  MAX_INVITATIONS,
  NewInvitation,
  ProjectInvitation,
} from './invitations.ts'
export { Marker, MarkerFormat, MarkerRow, Markers, markers } from './markers.ts'
export { Member, members, Project, projects } from './projects.ts'
export { SharedFile, shared } from './shared.ts'
export { MAX_SHARES, NewShare, Share, ShareAllows, shares } from './shares.ts'
export { Task, TaskStatus, tasks } from './tasks.ts'
export { Vibe, vibes } from './vibes.ts'
export {
  MAX_REPLAY,
  MAX_WEBHOOKS,
  NewWebhook,
  Webhook,
  WebhookCause,
  WebhookDelivery,
  WebhookDeliveryStatus,
  WebhookReplay,
  WebhookState,
} from './webhook.ts'
export { webhooks } from './webhooks.ts'

/** What others refer to comes first: snapshots are read in this order. */
export const nouns = {
  projects: projectNoun,
  members: memberNoun,
  invitations: invitationNoun,
  tasks: taskNoun,
  vibes: vibeNoun,
  cuts: cutNoun,
  files: fileNoun,
  shares: shareNoun,
  comments: commentNoun,
  markers: markerNoun,
  webhooks: webhookNoun,
} satisfies Record<string, Noun>

type Nouns = typeof nouns
type Part = 'actions' | 'events' | 'when' | 'changes' | 'collections'
/** One part of all nouns, in one record. */
type All<P extends Part> = {
  [K in { [N in keyof Nouns]: keyof Nouns[N][P] }[keyof Nouns] & string]: {
    [N in keyof Nouns]: K extends keyof Nouns[N][P] ? Nouns[N][P][K] : never
  }[keyof Nouns]
}
const all = <P extends Part>(part: P): All<P> => Object.assign({}, ...Object.values(nouns).map((noun) => noun[part])) as All<P>

/** What may be done inside a project, and the least role for it. */
export const actions = all('actions') satisfies Record<string, Permission>
export type Action = keyof typeof actions

/** Endpoints by noun. Their rights are rights of the list above. */
export const nounEndpoints = Object.fromEntries(Object.entries(nouns).map(([name, { endpoints }]) => [name, endpoints])) as {
  [N in keyof Nouns]: Nouns[N]['endpoints']
} satisfies Record<string, Record<string, Endpoint<Action>>>

/** Durable events of a project's room. */
export const projectEvents = all('events')

/** When each event of a project's room is sent, and who receives it. */
export const projectEventTexts = Object.fromEntries(
  Object.entries(all('when')).map(([name, when]) => [name, { when, to: 'All in the room of the project' }]),
) as Record<keyof typeof projectEvents, EventText>

/** Lists of a project's snapshot: maps in the state of a client. */
export const collections = all('collections')
export type CollectionName = keyof typeof collections
/** One row of a collection. */
export type RowOf<C extends CollectionName> = z.output<(typeof collections)[C]['row']>

/** What each event of a project's room does to the state. */
export const stateChanges = all('changes') satisfies Record<keyof typeof projectEvents, StateChange<CollectionName>>

/** The lists of a snapshot, by collection. */
export const snapshotLists = Object.fromEntries(Object.entries(collections).map(([name, { row }]) => [name, z.array(row)])) as {
  [C in CollectionName]: z.ZodArray<(typeof collections)[C]['row']>
}
