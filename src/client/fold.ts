import type {
  Comment,
  Cut,
  Lyrics,
  Member,
  Person,
  Project,
  ProjectEventName,
  RoomEvent,
  Snapshot,
  Task,
  Vibe,
} from '../contract/index.ts'

/** All of a project, by id (members by `userId`, lyrics by `cutId`). Entities are replaced, never changed in place. */
export interface ProjectState {
  project: Project
  /** True after `project:deleted`: nothing but `project` is left then. */
  deleted: boolean
  members: Map<string, Member>
  tasks: Map<string, Task>
  vibes: Map<string, Vibe>
  cuts: Map<string, Cut>
  lyrics: Map<string, Lyrics>
  comments: Map<string, Comment>
}
/** A snapshot without its position. */
export type ProjectContent = Omit<Snapshot, 'epoch' | 'seq' | 'head' | 'nextCursor'>

const byId = <T extends { id: string }>(items: T[]): Map<string, T> => new Map(items.map((item) => [item.id, item]))

export const stateOf = (snapshot: ProjectContent): ProjectState => ({
  project: snapshot.project,
  deleted: false,
  members: new Map(snapshot.members.map((member) => [member.userId, member])),
  tasks: byId(snapshot.tasks),
  vibes: byId(snapshot.vibes),
  cuts: byId(snapshot.cuts),
  lyrics: new Map(snapshot.lyrics.map((lyrics) => [lyrics.cutId, lyrics])),
  comments: byId(snapshot.comments),
})

const sorted = <T>(map: Map<string, T>): T[] => [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)

/** The state in one canonical order (by id), so that two can be compared. */
export const snapshotOf = (state: ProjectState): ProjectContent => ({
  project: state.project,
  members: sorted(state.members),
  tasks: sorted(state.tasks),
  vibes: sorted(state.vibes),
  cuts: sorted(state.cuts),
  lyrics: sorted(state.lyrics),
  comments: sorted(state.comments),
})

/** An event about a thing that is not there means that the state is not what the server has: better loud than wrong. */
function change<T>(map: Map<string, T>, id: string, fields: Partial<T>): void {
  const item = map.get(id)
  if (!item) throw new Error(`The log changes ${id}, which is not in this state`)
  map.set(id, { ...item, ...fields })
}

function deleteComments(state: ProjectState, matches: (comment: Comment) => boolean): void {
  for (const [id, comment] of state.comments) if (matches(comment)) state.comments.delete(id)
}

function deleteCut(state: ProjectState, cutId: string): void {
  state.cuts.delete(cutId)
  state.lyrics.delete(cutId)
  deleteComments(state, (comment) => comment.cutId === cutId)
}

/** Draws `person` anew wherever they appear. */
function redraw(state: ProjectState, person: Person): void {
  const isThem = (other: Person | null): boolean => other?.id === person.id
  const authored = <T extends { author: Person }>(items: Map<string, T>): void => {
    for (const [id, item] of items) if (isThem(item.author)) items.set(id, { ...item, author: person })
  }
  if (isThem(state.project.author)) state.project = { ...state.project, author: person }
  for (const [id, member] of state.members) if (isThem(member.user)) state.members.set(id, { ...member, user: person })
  authored(state.tasks)
  authored(state.vibes)
  authored(state.cuts)
  authored(state.comments)
  for (const [id, task] of state.tasks) if (isThem(task.assignee)) state.tasks.set(id, { ...task, assignee: person })
  for (const [id, comment] of state.comments)
    if (isThem(comment.resolvedBy)) state.comments.set(id, { ...comment, resolvedBy: person })
}

/**
 * Applies the next event of the project's log to `state`, in place. Names this version does not know are passed over.
 * Throws when the event cannot follow on this state.
 */
export function fold(state: ProjectState, event: RoomEvent<ProjectEventName>): void {
  const { name, payload } = event
  switch (name) {
    case 'project:updated':
      state.project = payload
      return
    case 'project:deleted':
      state.deleted = true
      for (const map of [state.members, state.tasks, state.vibes, state.cuts, state.lyrics, state.comments]) map.clear()
      return
    case 'member:joined':
    case 'member:updated':
      state.members.set(payload.userId, payload)
      return
    case 'member:left':
      state.members.delete(payload.userId)
      return
    case 'person:updated':
      redraw(state, payload)
      return
    case 'task:created':
    case 'task:updated':
      state.tasks.set(payload.id, payload)
      return
    case 'task:moved':
      change(state.tasks, payload.taskId, {
        status: payload.to,
        rank: payload.rank,
        version: payload.version,
        updatedAt: payload.updatedAt,
      })
      return
    case 'task:deleted':
      state.tasks.delete(payload.taskId)
      deleteComments(state, (comment) => comment.taskId === payload.taskId)
      return
    case 'vibe:created':
    case 'vibe:updated':
      state.vibes.set(payload.id, payload)
      return
    case 'vibe:moved':
      change(state.vibes, payload.vibeId, { rank: payload.rank, version: payload.version, updatedAt: payload.updatedAt })
      return
    case 'vibe:deleted':
      state.vibes.delete(payload.vibeId)
      for (const cutId of payload.cutIds) deleteCut(state, cutId)
      return
    case 'cut:created':
      state.cuts.set(payload.id, payload)
      state.lyrics.set(payload.id, { cutId: payload.id, lyrics: [], version: 0, updatedAt: payload.createdAt })
      return
    case 'cut:updated':
      state.cuts.set(payload.id, payload)
      return
    case 'cut:moved':
      change(state.cuts, payload.cutId, {
        vibeId: payload.toVibeId,
        rank: payload.rank,
        version: payload.version,
        updatedAt: payload.updatedAt,
      })
      return
    case 'cut:deleted':
      deleteCut(state, payload.cutId)
      return
    case 'lyrics:updated':
      state.lyrics.set(payload.cutId, payload)
      return
    case 'comment:created':
    case 'comment:reply':
    case 'comment:updated':
    case 'comment:resolved':
    case 'comment:reopened':
      state.comments.set(payload.id, payload)
      return
    case 'comment:deleted':
      state.comments.delete(payload.commentId)
      deleteComments(state, (comment) => comment.parentId === payload.commentId)
      return
    default:
      // the compiler proves that no name of the contract gets here
      event satisfies never
  }
}
