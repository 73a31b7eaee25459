import type { CollectionName, Person, Project, ProjectEventName, RoomEvent, StateChange } from '@cutroom/contract'
import { collections, stateChanges } from './generated/contract.ts'
import { asState, collectionNames, type ProjectState, type Row, type State } from './project-state.ts'

export { addPage, type ProjectContent, type ProjectPage, type ProjectState, snapshotOf, stateOf } from './project-state.ts'

type Change<K extends StateChange['kind']> = Extract<StateChange<CollectionName>, { kind: K }>
export type Payload = Row & { updatedAt?: string }

/** The collections whose rows end with a row of another, with the field that names it. */
const dependents = (parent: CollectionName): { name: CollectionName; field: string }[] =>
  collectionNames.flatMap((name) =>
    Object.entries(collections[name].within)
      .filter(([, collection]) => collection === parent)
      .map(([field]) => ({ name, field })),
  )

/** Does this row come from a page that was read after the event? Then it shows what the event did. */
const isFromLaterPage = (state: State, row: object, seq: number): boolean => (state.asOf?.get(row) ?? -1) >= seq

/** Sets a row, unless a newer one is there. */
function put({ tables }: State, { collection, begins }: Change<'put'>, payload: Payload): void {
  const key = String(payload[collections[collection].key])
  const known = tables[collection].get(key)
  if (!known || payload.version > known.version) tables[collection].set(key, payload)
  if (!begins || tables[begins.collection].has(key)) return
  const begun = { [collections[begins.collection].key]: key, ...begins.row, updatedAt: payload.createdAt } as unknown as Row
  tables[begins.collection].set(key, begun)
}

/**
 * Changes some fields of a row, unless it is newer. A row that is not there was deleted before its page was read; once all pages
 * are caught up with, it means that the state is not what the server has: better loud than wrong.
 */
function patch(state: State, seq: number, { collection, id, fields, list }: Change<'patch'>, payload: Payload): void {
  const table = state.tables[collection]
  for (const item of list === undefined ? [payload] : (payload[list] as Row[])) {
    const key = String(item[id])
    const row = table.get(key)
    if (!row) {
      if (seq > state.loadedTo) throw new Error(`The log changes ${key}, which is not in this state`)
    } else if (item.version > row.version)
      table.set(key, { ...row, ...take(fields, item), version: item.version, updatedAt: payload.updatedAt })
  }
}

/** @param fields field of the row → field of the payload */
export const take = (fields: Readonly<Record<string, string>>, from: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(fields).map(([to, field]) => [to, from[field]]))

/** Removes rows with those within them. */
export function remove({ tables }: Pick<State, 'tables'>, collection: CollectionName, keys: ReadonlySet<string>): void {
  const removed = [...keys].map((key) => tables[collection].get(key))
  for (const key of keys) tables[collection].delete(key)
  for (const { name, field } of dependents(collection)) {
    // Rows within a row of their own collection have none within them: a reply has no replies.
    if (name === collection && removed.every((row) => row && row[field] !== null)) continue
    const within = new Set<string>()
    for (const [key, row] of tables[name].rows) if (keys.has(row[field] as string)) within.add(key)
    if (within.size > 0) remove({ tables }, name, within)
  }
}

/** Where rows show this person, they show none any more. Events of the first protocol version have no time, and an event for each row. */
function unset(state: State, seq: number, rule: NonNullable<Change<'remove'>['unsets']>, payload: Payload, key: string) {
  const { updatedAt } = payload
  if (updatedAt === undefined) return
  const table = state.tables[rule.collection as CollectionName]
  for (const [id, row] of table.rows)
    if (row[rule.id] === key && !isFromLaterPage(state, row, seq))
      table.set(id, { ...row, [rule.id]: null, [rule.person]: null, version: row.version + 1, updatedAt })
}

/** Shows `person` as they are now, wherever they are shown. */
function showPerson(state: State, seq: number, person: Person): void {
  const isThem = (other: unknown): boolean => (other as Person | null)?.id === person.id
  if (isThem(state.project.author)) state.project = { ...state.project, author: person }
  for (const name of collectionNames)
    for (const [key, row] of state.tables[name].rows) {
      const fields = collections[name].people.filter((field) => isThem(row[field]))
      if (fields.length === 0 || isFromLaterPage(state, row, seq)) continue
      state.tables[name].set(key, { ...row, ...Object.fromEntries(fields.map((field) => [field, person])) })
    }
}

/** All pages are caught up with. What is within a row that was gone before its page was read is gone, too. */
function dropOrphans(state: State): void {
  state.asOf = null
  for (const parent of collectionNames)
    for (const { name, field } of dependents(parent)) {
      const orphans = new Set<string>()
      for (const [key, row] of state.tables[name].rows) {
        const id = row[field]
        if (typeof id === 'string' && !state.tables[parent].has(id)) orphans.add(key)
      }
      remove(state, name, orphans)
    }
}

/** What an event of this name does to the state; undefined for names that this version does not know. */
export const changeOf = (name: string): StateChange<CollectionName> | undefined =>
  Object.hasOwn(stateChanges, name) ? stateChanges[name as ProjectEventName] : undefined

function apply(state: State, { name, payload, meta: { seq } }: RoomEvent<ProjectEventName>): void {
  const change = changeOf(name)
  if (!change) return
  const row = payload as unknown as Payload
  switch (change.kind) {
    case 'project':
      if (row.version > state.project.version) state.project = payload as Project
      return
    case 'end':
      state.deleted = true
      for (const collection of collectionNames) state.tables[collection].clear()
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
    case 'none':
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
  const changing = asState(state)
  apply(changing, event)
  if (changing.asOf && event.meta.seq >= changing.loadedTo) dropOrphans(changing)
}
