import type { Comment, Person, ProjectEventName, RoomEvent } from '@cutroom/contract'
import type { ProjectState } from './project-state.ts'

export { addPage, type ProjectContent, type ProjectPage, type ProjectState, snapshotOf, stateOf } from './project-state.ts'

/** Does this row come from a page that was read after the event? Then it shows what the event did. */
const shows = (state: ProjectState, row: object, seq: number): boolean => (state.asOf?.get(row) ?? -1) >= seq

/** Sets a row, unless a newer one is there. */
function put<T extends { version: number }>(map: Map<string, T>, id: string, row: T): void {
  const known = map.get(id)
  if (!known || row.version > known.version) map.set(id, row)
}

/**
 * Changes some fields of a row, unless it is newer. A row that is not there was deleted before its page was read; once all pages
 * are caught up with, it means that the state is not what the server has: better loud than wrong.
 */
function patch<T extends { version: number }>(
  state: ProjectState,
  seq: number,
  map: Map<string, T>,
  id: string,
  fields: Partial<T> & { version: number },
): void {
  const row = map.get(id)
  if (row) {
    if (fields.version > row.version) map.set(id, { ...row, ...fields })
  } else if (seq > state.loadedTo) throw new Error(`The log changes ${id}, which is not in this state`)
}

function deleteComments(state: ProjectState, matches: (comment: Comment) => boolean): void {
  for (const [id, comment] of state.comments) if (matches(comment)) state.comments.delete(id)
}

function deleteCut(state: ProjectState, cutId: string): void {
  state.cuts.delete(cutId)
  state.lyrics.delete(cutId)
  deleteComments(state, (comment) => comment.cutId === cutId)
}

/** Cuts of the vibe go with it, and what hangs on them. */
function deleteVibe(state: ProjectState, vibeId: string): void {
  state.vibes.delete(vibeId)
  const gone = new Set<string>()
  for (const cut of state.cuts.values()) if (cut.vibeId === vibeId) gone.add(cut.id)
  for (const cutId of gone) {
    state.cuts.delete(cutId)
    state.lyrics.delete(cutId)
  }
  deleteComments(state, (comment) => comment.cutId !== null && gone.has(comment.cutId))
}

/** Tasks of a member who left are unassigned. Events of the first protocol version have no time, and an event for each task instead. */
function unassign(state: ProjectState, seq: number, userId: string, updatedAt: string | undefined): void {
  if (updatedAt === undefined) return
  for (const [id, task] of state.tasks)
    if (task.assigneeId === userId && !shows(state, task, seq))
      state.tasks.set(id, { ...task, assigneeId: null, assignee: null, version: task.version + 1, updatedAt })
}

/** All pages are caught up with. What hangs on a cut that was gone before its page was read is gone, too. */
function settle(state: ProjectState): void {
  state.asOf = null
  for (const cutId of state.lyrics.keys()) if (!state.cuts.has(cutId)) state.lyrics.delete(cutId)
  deleteComments(state, ({ cutId }) => cutId !== null && !state.cuts.has(cutId))
}

/** Draws `person` anew wherever they appear. */
function redraw(state: ProjectState, seq: number, person: Person): void {
  function among<T extends object>(map: Map<string, T>, anew: (row: T) => Partial<T> | null): void {
    for (const [id, row] of map) {
      const fields = shows(state, row, seq) ? null : anew(row)
      if (fields) map.set(id, { ...row, ...fields })
    }
  }
  const isThem = (other: Person | null): boolean => other?.id === person.id
  const authored = (row: { author: Person }) => (isThem(row.author) ? { author: person } : null)
  if (isThem(state.project.author)) state.project = { ...state.project, author: person }
  among(state.members, (member) => (isThem(member.user) ? { user: person } : null))
  among(state.vibes, authored)
  among(state.cuts, authored)
  among(state.tasks, (task) =>
    isThem(task.author) || isThem(task.assignee)
      ? { ...authored(task), ...(isThem(task.assignee) && { assignee: person }) }
      : null,
  )
  among(state.comments, (comment) =>
    isThem(comment.author) || isThem(comment.resolvedBy)
      ? { ...authored(comment), ...(isThem(comment.resolvedBy) && { resolvedBy: person }) }
      : null,
  )
}

/**
 * Applies the next event of the project's log to `state`, in place. Names this version does not know are passed over.
 * Throws when the event cannot follow on this state.
 */
export function applyEvent(state: ProjectState, event: RoomEvent<ProjectEventName>): void {
  apply(state, event)
  if (state.asOf && event.meta.seq >= state.loadedTo) settle(state)
}

function apply(state: ProjectState, event: RoomEvent<ProjectEventName>): void {
  const { name, payload } = event
  const { seq } = event.meta
  switch (name) {
    case 'project:updated':
      if (payload.version > state.project.version) state.project = payload
      return
    case 'project:deleted':
      state.deleted = true
      for (const map of [state.members, state.tasks, state.vibes, state.cuts, state.lyrics, state.comments]) map.clear()
      return
    case 'member:joined':
    case 'member:updated':
      put(state.members, payload.userId, payload)
      return
    case 'member:left':
      state.members.delete(payload.userId)
      unassign(state, seq, payload.userId, payload.updatedAt)
      return
    case 'person:updated':
      redraw(state, seq, payload)
      return
    case 'task:created':
    case 'task:updated':
      put(state.tasks, payload.id, payload)
      return
    case 'task:moved': {
      const { taskId, to: status, rank, version, updatedAt } = payload
      patch(state, seq, state.tasks, taskId, { status, rank, version, updatedAt })
      return
    }
    case 'task:reranked':
      for (const { taskId, ...place } of payload.items)
        patch(state, seq, state.tasks, taskId, { ...place, updatedAt: payload.updatedAt })
      return
    case 'task:deleted':
      state.tasks.delete(payload.taskId)
      deleteComments(state, (comment) => comment.taskId === payload.taskId)
      return
    case 'vibe:created':
    case 'vibe:updated':
      put(state.vibes, payload.id, payload)
      return
    case 'vibe:moved': {
      const { vibeId, ...place } = payload
      patch(state, seq, state.vibes, vibeId, place)
      return
    }
    case 'vibe:reranked':
      for (const { vibeId, ...place } of payload.items)
        patch(state, seq, state.vibes, vibeId, { ...place, updatedAt: payload.updatedAt })
      return
    case 'vibe:deleted':
      deleteVibe(state, payload.vibeId)
      return
    case 'cut:created':
      put(state.cuts, payload.id, payload)
      if (!state.lyrics.has(payload.id))
        state.lyrics.set(payload.id, { cutId: payload.id, lyrics: [], version: 0, updatedAt: payload.createdAt })
      return
    case 'cut:updated':
      put(state.cuts, payload.id, payload)
      return
    case 'cut:moved': {
      const { cutId, toVibeId: vibeId, rank, version, updatedAt } = payload
      patch(state, seq, state.cuts, cutId, { vibeId, rank, version, updatedAt })
      return
    }
    case 'cut:reranked':
      for (const { cutId, ...place } of payload.items)
        patch(state, seq, state.cuts, cutId, { ...place, updatedAt: payload.updatedAt })
      return
    case 'cut:deleted':
      deleteCut(state, payload.cutId)
      return
    case 'lyrics:updated':
      put(state.lyrics, payload.cutId, payload)
      return
    case 'comment:created':
    case 'comment:reply':
    case 'comment:updated':
    case 'comment:resolved':
    case 'comment:reopened':
      put(state.comments, payload.id, payload)
      return
    case 'comment:deleted': {
      const known = state.comments.get(payload.commentId)
      state.comments.delete(payload.commentId)
      // A reply has none.
      if (!known || known.parentId === null) deleteComments(state, (comment) => comment.parentId === payload.commentId)
      return
    }
    default:
      // the compiler proves that no name of the contract gets here
      event satisfies never
  }
}
