import type { Activity, Payload, ProjectEventName } from '@cutroom/contract'
import { projectIdOf } from '../../rooms/kinds.ts'
import type { LogEntry } from '../../rooms/log/log.ts'
import { excerpt } from '../shared/serialize.ts'

type Target = { type: string; id: string; name: string | null; path: string }
type Reading = { [N in ProjectEventName]: ((payload: Payload<N>, label: string | null) => Target) | null }

const task = (id: string, name: string | null): Target => ({ type: 'task', id, name, path: `/tasks/${id}` })
const vibe = (id: string, name: string | null): Target => ({ type: 'vibe', id, name, path: `/vibes/${id}` })
const cut = (id: string, name: string | null): Target => ({ type: 'cut', id, name, path: `/cuts/${id}` })
const comment = (payload: Payload<'comment:created'>): Target => {
  const path = payload.cutId === null ? `/tasks/${payload.taskId}` : `/cuts/${payload.cutId}`
  return { type: 'comment', id: payload.id, name: excerpt(payload.body), path: `${path}?comment=${payload.id}` }
}

/** How each event reads in a feed; null: nothing to tell. */
const readings: Reading = {
  'project:updated': (p) => ({ type: 'project', id: p.id, name: p.name, path: '' }),
  'project:deleted': (p, label) => ({ type: 'project', id: p.projectId, name: label, path: '' }),
  'member:joined': (p) => ({ type: 'member', id: p.userId, name: p.user.name, path: '/members' }),
  'member:updated': (p) => ({ type: 'member', id: p.userId, name: p.user.name, path: '/members' }),
  'member:left': (p, label) => ({ type: 'member', id: p.userId, name: label, path: '/members' }),
  'person:updated': null,
  'task:created': (p) => task(p.id, p.title),
  'task:updated': (p) => task(p.id, p.title),
  'task:moved': (p, label) => task(p.taskId, label),
  'task:reranked': null,
  'task:deleted': (p, label) => ({ ...task(p.taskId, label), path: '/tasks' }),
  'vibe:created': (p) => vibe(p.id, p.name),
  'vibe:updated': (p) => vibe(p.id, p.name),
  'vibe:moved': null,
  'vibe:reranked': null,
  'vibe:deleted': (p, label) => ({ ...vibe(p.vibeId, label), path: '' }),
  'cut:created': (p) => cut(p.id, p.name),
  'cut:updated': (p) => cut(p.id, p.name),
  'cut:moved': (p, label) => cut(p.cutId, label),
  'cut:reranked': null,
  'cut:deleted': (p, label) => ({ ...cut(p.cutId, label), path: '' }),
  'lyrics:updated': (p, label) => ({ ...cut(p.cutId, label), path: `/cuts/${p.cutId}/lyrics` }),
  'comment:created': comment,
  'comment:reply': comment,
  'comment:updated': comment,
  'comment:resolved': comment,
  'comment:reopened': comment,
  'comment:deleted': (p, label) => ({ type: 'comment', id: p.commentId, name: label, path: '' }),
}

/** A log entry of a project, read as an activity. */
export function activityOf(entry: LogEntry): Activity | null {
  const { meta, name, payload, label } = entry
  const projectId = projectIdOf(meta.room)
  if (projectId === null || !Object.hasOwn(readings, name)) return null
  const read = readings[name as ProjectEventName] as ((payload: unknown, label: string | null) => Target) | null
  if (read === null) return null
  const { path, ...target } = read(payload, label)
  return {
    id: meta.id,
    action: name,
    actor: meta.actor,
    target,
    projectId,
    at: meta.at,
    link: `/projects/${projectId}${path}`,
    seq: meta.seq,
  }
}
