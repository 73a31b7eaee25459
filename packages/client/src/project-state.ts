import type * as contract from '@cutroom/contract'
import type { CollectionName, Project, RowOf, Snapshot } from '@cutroom/contract'
import { collections } from './generated/contract.ts'
import { type Row, Table } from './table.ts'

export type { Row } from './table.ts'

type Collections = { readonly [C in CollectionName]: ReadonlyMap<string, RowOf<C>> }

type Specs<C extends CollectionName> = (typeof contract.collections)[C]['lists']
type Reader<Spec, R> = Spec extends { by: readonly [] } ? () => readonly R[] : (value: string) => readonly R[]
type ListsIn<C extends CollectionName> = { readonly [L in keyof Specs<C>]: Reader<Specs<C>[L], RowOf<C>> }
/** The sorted lists: `commentsOf(cutId or taskId)`, `tasksIn(status)`, `vibesByRank()`, `cutsOf(vibeId)`, `filesOf(cutId)`, `sharesOf(fileId or cutId)`. */
export type Lists = ListsIn<'tasks'> &
  ListsIn<'vibes'> &
  ListsIn<'cuts'> &
  ListsIn<'files'> &
  ListsIn<'shares'> &
  ListsIn<'comments'>

/** All of a project, each collection by the key of its rows. Rows, maps and lists are replaced, never changed in place. */
export interface ProjectState extends Collections, Lists {
  readonly project: Project
  /** True after `project:deleted`: nothing but `project` is left then. */
  readonly deleted: boolean
}
/** A snapshot without its position. */
export type ProjectContent = Omit<Snapshot, 'epoch' | 'seq' | 'head' | 'nextCursor'>
/** A page of a snapshot; without a position it is a whole one. */
export type ProjectPage = ProjectContent & Partial<Pick<Snapshot, 'seq' | 'head'>>

/** The names of the collections. */
export const collectionNames = Object.keys(collections) as CollectionName[]

/** One value for each collection. */
const forEach = <T>(make: (name: CollectionName) => T) =>
  Object.fromEntries(collectionNames.map((name) => [name, make(name)])) as Record<CollectionName, T>

/** What events change. */
export class State {
  project: Project
  readonly tables: Readonly<Record<CollectionName, Table>>
  deleted = false
  /** The state is that of one position from here on: the highest head of its pages. Until then rows may be newer than the events. */
  loadedTo = 0
  /** Until `loadedTo` is reached: the position that a row of a later page shows. */
  asOf: WeakMap<object, number> | null = null

  constructor(project: Project, tables = forEach((name) => new Table(collections[name].lists))) {
    this.project = project
    this.tables = tables
  }

  /** The same state, which stays as it is when this one goes on. */
  fork(): State {
    const { tables, deleted, loadedTo, asOf } = this
    const forked = new State(
      this.project,
      forEach((name) => tables[name].fork()),
    )
    return Object.assign(forked, { deleted, loadedTo, asOf })
  }
}
for (const name of collectionNames) {
  Object.defineProperty(State.prototype, name, {
    get(this: State) {
      return this.tables[name].rows
    },
  })
  for (const list of Object.keys(collections[name].lists))
    Object.defineProperty(State.prototype, list, {
      value(this: State, value?: string) {
        return this.tables[name].list(list, value)
      },
    })
}

/** A state as an app reads it. */
export const asProjectState = (state: State): ProjectState => state as unknown as ProjectState
/** A state as events change it. */
export const asState = (state: ProjectState): State => state as unknown as State

const keyOf = (name: CollectionName, row: Row): string => String(row[collections[name].key])

/** Adds a further page of the snapshot that `of` was begun with. Apply events only when all pages are there. */
export function addPage(of: ProjectState, page: ProjectPage): void {
  const state = asState(of)
  const { seq = 0, head = seq } = page
  if (head > seq) {
    state.asOf ??= new WeakMap()
    state.loadedTo = Math.max(state.loadedTo, head)
  }
  for (const name of collectionNames)
    for (const row of page[name] as Row[]) {
      state.tables[name].set(keyOf(name, row), row)
      if (head > seq) state.asOf?.set(row, head)
    }
}

/** The state that the pages of one snapshot show together, as of the `seq` they share; `applyEvent` adds what comes after it. */
export function stateOf(pages: ProjectPage | readonly [ProjectPage, ...ProjectPage[]]): ProjectState {
  const [first, ...rest] = Array.isArray(pages) ? (pages as [ProjectPage, ...ProjectPage[]]) : [pages as ProjectPage]
  const state = new State(first.project)
  state.loadedTo = first.seq ?? 0
  for (const page of [first, ...rest]) addPage(asProjectState(state), page)
  return asProjectState(state)
}

const sorted = (map: ReadonlyMap<string, Row>): Row[] => [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)

/** The state in one canonical order (by key), so that two can be compared. */
export const snapshotOf = (state: ProjectState): ProjectContent =>
  ({ project: state.project, ...forEach((name) => sorted(asState(state).tables[name].rows)) }) as unknown as ProjectContent
