import type { Comment, Lyrics, Person, ProjectEventName, RoomEvent, Snapshot } from '@cutroom/contract'

const minutes = (ms: number): string => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`
const lastLine = ({ lyrics }: Lyrics): string => lyrics.at(-1)?.text ?? ''

const firstName = (person: Person | null): string => person?.name.split(' ')[0] ?? 'anyone'

/** Says events as a person would; remembers the names of things, which events about them do not repeat. */
export function createTeller() {
  const names = new Map<string, string>()
  const nameOf = (id: string | null): string => `“${(id !== null && names.get(id)) || 'something'}”`

  function comment({ cutId, taskId, atMs, body }: Comment): string {
    const moment = atMs === null ? '' : ` at ${minutes(atMs)}`
    return `on ${nameOf(cutId ?? taskId)}${moment}: ${body}`
  }

  function learn(event: RoomEvent<ProjectEventName>): void {
    const { payload } = event
    if (!('id' in payload)) return
    if ('title' in payload) names.set(payload.id, payload.title)
    else if ('name' in payload) names.set(payload.id, payload.name)
    else if ('body' in payload) names.set(payload.id, payload.body)
  }

  function tell({ name, payload }: RoomEvent<ProjectEventName>): string {
    switch (name) {
      case 'comment:created':
        return comment(payload)
      case 'comment:reply':
        return `answers: ${payload.body}`
      case 'comment:resolved':
        return `resolves: ${payload.body}`
      case 'cut:moved':
        return `moves ${nameOf(payload.cutId)} to ${nameOf(payload.toVibeId)}`
      case 'cut:updated':
        return `sets “${payload.name}” to ${payload.bpm} bpm, ${payload.timeSignature}`
      case 'lyrics:updated':
        return `writes ${payload.lyrics.length > 1 ? 'on' : `for ${nameOf(payload.cutId)}`}: ${lastLine(payload)}`
      case 'task:created':
        return `adds a task for ${firstName(payload.assignee)}: ${payload.title}`
      case 'task:updated':
        return `gives ${firstName(payload.assignee)} the task: ${payload.title}`
      case 'task:moved':
        return `${payload.from} → ${payload.to}: ${names.get(payload.taskId) ?? 'a task'}`
      default:
        return name
    }
  }

  return {
    /** Knows what is there already. */
    know(snapshot: Pick<Snapshot, 'cuts' | 'tasks' | 'vibes'>): void {
      for (const { id, name } of [...snapshot.cuts, ...snapshot.vibes]) names.set(id, name)
      for (const { id, title } of snapshot.tasks) names.set(id, title)
    },
    tell(event: RoomEvent<ProjectEventName>): string {
      learn(event)
      return tell(event)
    },
  }
}
