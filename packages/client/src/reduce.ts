import type { CollectionName, Person, Project, ProjectEventName, RoomEvent, StateChange } from '@cutroom/contract'
import { collections, stateChanges } from './generated/contract.ts'
import { collectionNames, type ProjectState, type Row, rowsOf } from './project-state.ts'

export { addPage, type ProjectContent, type ProjectPage, type ProjectState, snapshotOf, stateOf } from './project-state.ts'

type Change<K extends StateChange['kind']> = Extract<StateChange<CollectionName>, { kind: K }>
type Payload = Row & { updatedAt?: string }

/** The collections whose rows end with a row of another, with the field that names it. */
const dependents = (parent: CollectionName): { name: CollectionName; field: string }[] =>
  collectionNames.flatMap((name) =>
    Object.entries(collections[name].within)
      .filter(([, collection]) => collection === parent)
      .map(([field]) => ({ name, field })),
  )

/** Does this row come from a page that was read after the event? Then it shows what the event did. */
const isFromLaterPage = (state: ProjectState, row: object, seq: number): boolean => (state.asOf?.get(row) ?? -1) >= seq

/** Sets a row, unless a newer one is there. */
function put(state: ProjectState, { collection, begins }: Change<'put'>, payload: Payload): void {
  const rows = rowsOf(state, collection)
  const key = String(payload[collections[collection].key])
  const known = rows.get(key)
  if (!known || payload.version > known.version) rows.set(key, payload)
  if (!begins || rowsOf(state, begins.collection).has(key)) return
  const begun = { [collections[begins.collection].key]: key, ...begins.row, updatedAt: payload.createdAt } as unknown as Row
  rowsOf(state, begins.collection).set(key, begun)
}

/**
 * Changes some fields of a row, unless it is newer. A row that is not there was deleted before its page was read; once all pages
 * are caught up with, it means that the state is not what the server has: better loud than wrong.
 */
function patch(state: ProjectState, seq: number, { collection, id, fields, list }: Change<'patch'>, payload: Payload): void {
  for (const item of list === undefined ? [payload] : (payload[list] as Row[])) {
    const key = String(item[id])
    const row = rowsOf(state, collection).get(key)
    if (!row) {
      if (seq > state.loadedTo) throw new Error(`The log changes ${key}, which is not in this state`)
    } else if (item.version > row.version) {
      const taken = Object.entries(fields).map(([to, from]) => [to, item[from]])
      const changed = { ...row, ...Object.fromEntries(taken), version: item.version, updatedAt: payload.updatedAt }
      rowsOf(state, collection).set(key, changed)
    }
  }
}

/** Removes rows with those within them. */
function remove(state: ProjectState, collection: CollectionName, keys: ReadonlySet<string>): void {
  const rows = rowsOf(state, collection)
  const removed = [...keys].map((key) => rows.get(key))
  for (const key of keys) rows.delete(key)
  for (const { name, field } of dependents(collection)) {
    // Rows within a row of their own collection have none within them: a reply has no replies.
    if (name === collection && removed.every((row) => row && row[field] !== null)) continue
    const within = new Set<string>()
    for (const [key, row] of rowsOf(state, name)) if (keys.has(row[field] as string)) within.add(key)
    if (within.size > 0) remove(state, name, within)
  }
}

/** Where rows show this person, they show none any more. Events of the first protocol version have no time, and an event for each row. */
function unset(state: ProjectState, seq: number, rule: NonNullable<Change<'remove'>['unsets']>, payload: Payload, key: string) {
  const { updatedAt } = payload
  if (updatedAt === undefined) return
  const rows = rowsOf(state, rule.collection as CollectionName)
  for (const [id, row] of rows)
    if (row[rule.id] === key && !isFromLaterPage(state, row, seq))
      rows.set(id, { ...row, [rule.id]: null, [rule.person]: null, version: row.version + 1, updatedAt })
}

/** Shows `person` as they are now, wherever they are shown. */
function showPerson(state: ProjectState, seq: number, person: Person): void {
  const isThem = (other: unknown): boolean => (other as Person | null)?.id === person.id
  if (isThem(state.project.author)) state.project = { ...state.project, author: person }
  for (const name of collectionNames)
    for (const [key, row] of rowsOf(state, name)) {
      const fields = collections[name].people.filter((field) => isThem(row[field]))
      if (fields.length === 0 || isFromLaterPage(state, row, seq)) continue
      rowsOf(state, name).set(key, { ...row, ...Object.fromEntries(fields.map((field) => [field, person])) })
    }
}

/** All pages are caught up with. What is within a row that was gone before its page was read is gone, too. */
function dropOrphans(state: ProjectState): void {
  state.asOf = null
  for (const parent of collectionNames)
    for (const { name, field } of dependents(parent)) {
      const orphans = new Set<string>()
      for (const [key, row] of rowsOf(state, name)) {
        const id = row[field]
        if (typeof id === 'string' && !rowsOf(state, parent).has(id)) orphans.add(key)
      }
      remove(state, name, orphans)
    }
}

function apply(state: ProjectState, { name, payload, meta: { seq } }: RoomEvent<ProjectEventName>): void {
  if (!Object.hasOwn(stateChanges, name)) return
  const change: StateChange<CollectionName> = stateChanges[name]
  const row = payload as unknown as Payload
  switch (change.kind) {
    case 'project':
      if (row.version > state.project.version) state.project = payload as Project
      return
    case 'end':
      state.deleted = true
      for (const collection of collectionNames) state[collection].clear()
      return
    case 'put':
      put(state, change, row)
      return
    case 'patch':
      patch(state, seq, change, row)
      return
    case 'remove': {
      const key = String(row[change.id])
      remove(state, change.collection, new Set([key]))
      if (change.unsets) unset(state, seq, change.unsets, row, key)
      return
    }
    case 'person':
      showPerson(state, seq, payload as Person)
      return
    default:
      change satisfies never
  }
}

/**
 * Applies the next event of the project's log to `state`, in place. Names this version does not know are passed over.
 * Throws when the event cannot follow on this state.
 */
export function applyEvent(state: ProjectState, event: RoomEvent<ProjectEventName>): void {
  apply(state, event)
  if (state.asOf && event.meta.seq >= state.loadedTo) dropOrphans(state)
}
