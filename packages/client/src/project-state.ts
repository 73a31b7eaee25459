import type { Comment, Cut, Lyrics, Member, Project, Snapshot, Task, Vibe } from '@cutroom/contract'

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
  /** The state is that of one position from here on: the highest head of its pages. Until then rows may be newer than the events. */
  loadedTo: number
  /** Until `loadedTo` is reached: the position that a row of a later page shows. */
  asOf: WeakMap<object, number> | null
}
/** A snapshot without its position. */
export type ProjectContent = Omit<Snapshot, 'epoch' | 'seq' | 'head' | 'nextCursor'>
/** A page of a snapshot; without a position it is a whole one. */
export type ProjectPage = ProjectContent & Partial<Pick<Snapshot, 'seq' | 'head'>>

/** Adds a further page of the snapshot that `state` was begun with. Fold events only when all pages are there. */
export function addPage(state: ProjectState, page: ProjectPage): void {
  const { seq = 0, head = seq } = page
  if (head > seq) {
    state.asOf ??= new WeakMap()
    state.loadedTo = Math.max(state.loadedTo, head)
  }
  function add<T extends object>(map: Map<string, T>, rows: T[], idOf: (row: T) => string): void {
    for (const row of rows) {
      map.set(idOf(row), row)
      if (head > seq) state.asOf?.set(row, head)
    }
  }
  const idOf = (row: { id: string }) => row.id
  add(state.members, page.members, (member) => member.userId)
  add(state.tasks, page.tasks, idOf)
  add(state.vibes, page.vibes, idOf)
  add(state.cuts, page.cuts, idOf)
  add(state.lyrics, page.lyrics, (lyrics) => lyrics.cutId)
  add(state.comments, page.comments, idOf)
}

/** The state that the pages of one snapshot show together, as of the `seq` they share; `fold` what comes after it. */
export function stateOf(pages: ProjectPage | readonly [ProjectPage, ...ProjectPage[]]): ProjectState {
  const [first, ...rest] = Array.isArray(pages) ? (pages as [ProjectPage, ...ProjectPage[]]) : [pages as ProjectPage]
  const state: ProjectState = {
    project: first.project,
    deleted: false,
    members: new Map(),
    tasks: new Map(),
    vibes: new Map(),
    cuts: new Map(),
    lyrics: new Map(),
    comments: new Map(),
    loadedTo: first.seq ?? 0,
    asOf: null,
  }
  addPage(state, first)
  for (const page of rest) addPage(state, page)
  return state
}

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
