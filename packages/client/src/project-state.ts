import type { CollectionName, Project, RowOf, Snapshot } from '@cutroom/contract'
import { collections } from './generated/contract.ts'

type Collections = { [C in CollectionName]: Map<string, RowOf<C>> }

/** All of a project, each collection by the key of its rows. Rows are replaced, never changed in place. */
export interface ProjectState extends Collections {
  project: Project
  /** True after `project:deleted`: nothing but `project` is left then. */
  deleted: boolean
  /** The state is that of one position from here on: the highest head of its pages. Until then rows may be newer than the events. */
  loadedTo: number
  /** Until `loadedTo` is reached: the position that a row of a later page shows. */
  asOf: WeakMap<object, number> | null
}
/** A snapshot without its position. */
export type ProjectContent = Omit<Snapshot, 'epoch' | 'seq' | 'head' | 'nextCursor'>
/** A page of a snapshot; without a position it is a whole one. */
export type ProjectPage = ProjectContent & Partial<Pick<Snapshot, 'seq' | 'head'>>

/** A row of any collection. */
export type Row = { version: number } & Record<string, unknown>

/** The names of the collections. */
export const collectionNames = Object.keys(collections) as CollectionName[]

/** A collection whose kind of rows does not matter. */
export const rowsOf = (state: ProjectState, name: CollectionName): Map<string, Row> => state[name] as unknown as Map<string, Row>

const keyOf = (name: CollectionName, row: Row): string => String(row[collections[name].key])

/** One value for each collection. */
const forEach = <T>(make: (name: CollectionName) => T) =>
  Object.fromEntries(collectionNames.map((name) => [name, make(name)])) as Record<CollectionName, T>

/** Adds a further page of the snapshot that `state` was begun with. Apply events only when all pages are there. */
export function addPage(state: ProjectState, page: ProjectPage): void {
  const { seq = 0, head = seq } = page
  if (head > seq) {
    state.asOf ??= new WeakMap()
    state.loadedTo = Math.max(state.loadedTo, head)
  }
  for (const name of collectionNames)
    for (const row of page[name] as Row[]) {
      rowsOf(state, name).set(keyOf(name, row), row)
      if (head > seq) state.asOf?.set(row, head)
    }
}

/** The state that the pages of one snapshot show together, as of the `seq` they share; `applyEvent` adds what comes after it. */
export function stateOf(pages: ProjectPage | readonly [ProjectPage, ...ProjectPage[]]): ProjectState {
  const [first, ...rest] = Array.isArray(pages) ? (pages as [ProjectPage, ...ProjectPage[]]) : [pages as ProjectPage]
  const maps = forEach(() => new Map()) as unknown as Collections
  const state: ProjectState = { project: first.project, deleted: false, ...maps, loadedTo: first.seq ?? 0, asOf: null }
  addPage(state, first)
  for (const page of rest) addPage(state, page)
  return state
}

const sorted = (map: Map<string, Row>): Row[] => [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)

/** The state in one canonical order (by key), so that two can be compared. */
export const snapshotOf = (state: ProjectState): ProjectContent =>
  ({ project: state.project, ...forEach((name) => sorted(rowsOf(state, name))) }) as unknown as ProjectContent
