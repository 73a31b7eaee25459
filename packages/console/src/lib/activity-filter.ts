import type { ActivityQuery } from '@cutroom/client'
import { activityTexts } from '../texts-activity.ts'

export type ActivityKind = keyof typeof activityTexts.kinds
/** What of the activities is shown; the address says it, so that it can be sent to others and gone back to. */
export interface ActivityFilter {
  /** Null: of all one's projects. */
  projectId: string | null
  kind: ActivityKind | null
  actorId: string | null
  which: 'all' | 'unread' | 'dismissed'
}

const NOUNS: Record<ActivityKind, readonly string[]> = {
  comments: ['comment'],
  tasks: ['task'],
  cuts: ['vibe', 'cut', 'lyrics'],
  files: ['file', 'share'],
  people: ['member', 'project', 'invitation'],
}

const names = Object.keys(activityTexts.says)
/** The actions of a kind. */
const actionsOf = (kind: ActivityKind): string[] => names.filter((name) => NOUNS[kind].includes(name.split(':')[0] as string))

const isKind = (text: string | null): text is ActivityKind => text !== null && Object.hasOwn(NOUNS, text)

/** The filter that an address names. @param projectId the project whose page it is, else the address may name one */
export function filterOf(query: URLSearchParams, projectId: string | null): ActivityFilter {
  const kind = query.get('kind')
  const which = query.get('which')
  return {
    projectId: projectId ?? query.get('projectId'),
    kind: isKind(kind) ? kind : null,
    actorId: query.get('actorId'),
    which: which === 'unread' || which === 'dismissed' ? which : 'all',
  }
}

/** What the client is asked for. */
export const queryOf = ({ projectId, kind, actorId, which }: ActivityFilter): ActivityQuery => ({
  ...(projectId && { projectId }),
  ...(kind && { action: actionsOf(kind).join(',') }),
  ...(actorId && { actorId }),
  ...(which === 'unread' && { unread: 'true' as const }),
})
