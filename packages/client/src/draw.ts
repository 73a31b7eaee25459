import type { CollectionName, Payload as EventPayload, Person, ProjectEventName, StateChange } from '@cutroom/contract'
import { collections } from './generated/contract.ts'
import type { Row, State } from './project-state.ts'
import { changeOf, remove, take } from './reduce.ts'

type Stamps = 'id' | 'projectId' | 'createdAt' | 'updatedAt' | 'version' | 'author' | 'rank'
/** The fields that may be null, or are lists. */
type Blank<T> = { [K in keyof T]-?: null extends T[K] ? K : T[K] extends readonly unknown[] ? K : never }[keyof T]
type MakeOptional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>
/** Distributes over unions of payloads. */
type Created<T> = T extends unknown ? MakeOptional<T, Blank<T> | (Stamps & keyof T)> : never
type Drawable<N extends ProjectEventName> = N extends `${string}:created` | 'comment:reply'
  ? Created<EventPayload<N>>
  : Partial<EventPayload<N>>

/**
 * The event that a write is expected to bring, to be shown before it comes. A created row needs no id, times, version, author and
 * rank (it is drawn last), and no field that may be null or is a list; of a changed one the key and the changed fields are enough.
 */
export type Draw = { [N in ProjectEventName]: { name: N; payload: Drawable<N> } }[ProjectEventName]

/** What one mutation shows. */
export interface Drawing {
  /** The id of a created row, until the confirmed one takes its place. */
  id: string
  /** When it was made, RFC 3339. */
  at: string
  projectId: string
  me: Person
  draws: readonly Draw[]
}

type Put = Extract<StateChange<CollectionName>, { kind: 'put' }>

function drawRow({ tables }: State, { collection, begins }: Put, drawing: Drawing, payload: Row): string | undefined {
  const { key: field, people, lists, blank } = collections[collection]
  const key = String(payload[field] ?? drawing.id)
  const known = tables[collection].get(key)
  if (known) tables[collection].set(key, { ...known, ...payload })
  else if (key === drawing.id) {
    const { id, at, projectId, me } = drawing
    const author = (people as readonly string[]).includes('author') ? { author: me } : {}
    // behind all ranks of the server, which have letters and digits
    const rank = Object.values(lists).some(({ order }) => order === 'rank') ? { rank: `~${at}` } : {}
    const stamps = { id, projectId, ...author, ...rank, ...blank, createdAt: at, updatedAt: at }
    tables[collection].set(key, { ...stamps, ...payload, [field]: key, version: 0 } as Row)
    if (begins)
      tables[begins.collection].set(key, {
        [collections[begins.collection].key]: key,
        ...begins.row,
        updatedAt: at,
      } as unknown as Row)
  }
  return key
}

/** @returns the keys of the rows that it drew */
function drawOne(state: State, drawing: Drawing, { name, payload }: Draw): (string | undefined)[] {
  const change = changeOf(name)
  const row = payload as unknown as Row
  if (change?.kind === 'project') state.project = { ...state.project, ...(payload as object) }
  else if (change?.kind === 'put') return [drawRow(state, change, drawing, row)]
  else if (change?.kind === 'patch') {
    const table = state.tables[change.collection]
    return (change.list === undefined ? [row] : (row[change.list] as Row[])).map((item) => {
      const key = String(item[change.id])
      const known = table.get(key)
      // with its version, a write about the row that follows on this one can name it
      if (known) table.set(key, { ...known, ...take(change.fields, item), version: item.version ?? known.version })
      return key
    })
  } else if (change?.kind === 'remove') {
    const key = String(row[change.id])
    if (state.tables[change.collection].has(key)) remove(state, change.collection, new Set([key]))
  }
  return []
}

/** Draws over a state, in order. Rows that are gone by now are passed over. @returns which drawing a row shows, by its key */
export function drawOver<D extends Drawing>(state: State, drawings: readonly D[]): Map<string, D> {
  const drawn = new Map<string, D>()
  for (const drawing of drawings)
    for (const draw of drawing.draws)
      for (const key of drawOne(state, drawing, draw)) if (key !== undefined) drawn.set(key, drawing)
  return drawn
}
