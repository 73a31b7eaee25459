import type { Activity, ProjectEventName } from '@cutroom/contract'
import { plain } from '../shared/texts.ts'
import type { MailItem } from './template.ts'

/** What a person did to a thing, by the event. Others read as `changed`. */
const VERBS: Partial<Record<ProjectEventName, string>> = {
  'task:created': 'added the task',
  'task:updated': 'changed the task',
  'task:moved': 'moved the task',
  'task:deleted': 'deleted the task',
  'vibe:created': 'added the vibe',
  'vibe:updated': 'changed the vibe',
  'vibe:moved': 'moved the vibe',
  'vibe:deleted': 'deleted the vibe',
  'cut:created': 'added the cut',
  'cut:updated': 'changed the cut',
  'cut:moved': 'moved the cut',
  'cut:deleted': 'deleted the cut',
  'cut:drafted': 'took back the cut',
  'cut:submitted': 'asked for approval of the cut',
  'cut:approved': 'approved the cut',
  'lyrics:updated': 'changed the lyrics of',
  'file:uploaded': 'uploaded',
  'file:updated': 'changed the file',
  'file:deleted': 'deleted the file',
  'share:created': 'made a link to',
  'share:revoked': 'ended a link to',
  'comment:created': 'commented',
  'comment:reply': 'replied',
  'comment:updated': 'changed the comment',
  'comment:resolved': 'resolved the comment',
  'comment:reopened': 'reopened the comment',
  'comment:deleted': 'deleted a comment',
  'member:joined': 'added the member',
  'member:updated': 'changed the role of',
  'member:left': 'removed the member',
  'project:updated': 'changed the project',
  'invitation:created': 'made an invitation',
  'invitation:updated': 'renewed an invitation',
  'invitation:revoked': 'revoked an invitation',
}

/** The same of a member who did it to themselves. */
const OWN: Partial<Record<string, string>> = {
  'member:joined': 'joined',
  'member:left': 'left',
  'member:updated': 'changed their role',
}

/** Characters of a name in a line. */
const LONGEST = 140

/** Text on one line, with people and things by their names, and not too long. */
export function shortText(text: string, longest = LONGEST): string {
  const line = plain(text).replace(/\s+/g, ' ').trim()
  const characters = Array.from(line)
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : line
}

const dateTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })
/** A time as mails write it. */
export const timeText = (iso: string): string => `${dateTime.format(new Date(iso))} UTC`

/** A line of a digest. */
export function activityText({ action, actor, target, at }: Activity): Pick<MailItem, 'text' | 'detail'> {
  const own = target.id === actor?.id ? OWN[action] : undefined
  const verb = own ?? VERBS[action as ProjectEventName] ?? 'changed'
  // What was said and taken back is not said again.
  const isNamed = target.name !== null && own === undefined && action !== 'comment:deleted'
  const words = [actor?.name ?? 'Cutroom', verb, ...(isNamed ? [`“${shortText(target.name ?? '')}”`] : [])]
  return { text: words.join(' '), detail: timeText(at) }
}
