import type * as z from 'zod'
import type { Endpoint } from './endpoint.ts'
import type { Role } from './values.ts'

/** The least role for an action, and the least role for it on what one wrote oneself; null: no role allows it. */
export interface Permission {
  role: Role | null
  own?: Role
}

/** One kind of rows in a project's state: a list of the snapshot, a map of the client. */
export interface Collection<C extends string = string, Row extends z.ZodObject = z.ZodObject> {
  row: Row
  /** The field that names a row. */
  key: keyof Row['shape'] & string
  /** Fields that show a person. */
  people: readonly (keyof Row['shape'] & string)[]
  /** Rows that end together with a row of another collection: that collection, by the field that names its row. */
  within: { readonly [field in keyof Row['shape'] & string]?: C }
  /**
   * Lists of the rows that a client keeps in order, by the function that reads them: one for each value of the fields `by` (without
   * them one of all rows), in the order of the field `order`.
   */
  lists: { readonly [name in string]: { by: readonly (keyof Row['shape'] & string)[]; order: keyof Row['shape'] & string } }
}

/** How an event changes a project's state. Plain data: clients need no schema to follow it. */
export type StateChange<C extends string = string> =
  /** The payload is the project as it is now. */
  | { kind: 'project' }
  /** The project is deleted, with all that is in it. */
  | { kind: 'end' }
  /** The payload is a row. `begins`: a row that begins with it in another collection, under the same key. */
  | { kind: 'put'; collection: C; begins?: { collection: C; row: object } }
  /**
   * The row named by the payload's field `id` takes `fields` (field of the row → field of the payload) and `version` and `updatedAt`.
   * `list`: the payload's field of that name has several of them.
   */
  | { kind: 'patch'; collection: C; id: string; fields: Readonly<Record<string, string>>; list?: string }
  /**
   * The row named by the payload's field `id` is gone, with those within it. `unsets`: where rows of another collection show a person
   * of that id, they show none any more, with the next version and the payload's `updatedAt`.
   */
  | { kind: 'remove'; collection: C; id: string; unsets?: { collection: C; person: string; id: string } }
  /** The payload is a person, to be shown as they are now wherever they are shown. */
  | { kind: 'person' }
  /** It changes nothing. */
  | { kind: 'none' }

/** What people read of an event in the reference. */
export interface EventText {
  /** When it is sent. */
  when: string
  /** Who receives it. */
  to: string
}

/** All that a noun adds to the contract. */
export interface Noun {
  /** Who may do what with it. */
  actions: Record<string, Permission>
  endpoints: Record<string, Endpoint>
  /** Durable events of a project's room: name → schema of the payload. */
  events: Record<string, z.ZodType>
  /** When each of these events is sent, for people. */
  when: Record<string, string>
  /** What each of these events does to the state. */
  changes: Record<string, StateChange>
  collections: Record<string, Collection>
}

/** One value for each event of a noun, and none for others. */
type ForEach<Events, Given, Value> = Record<keyof Events, Value> & Partial<Record<Exclude<keyof Given, keyof Events>, never>>

/** A noun of the contract. An event without its text or its change of the state does not compile, nor do these without their event. */
export const noun = <const N extends Noun>(
  value: N & {
    when: ForEach<N['events'], N['when'], string>
    changes: ForEach<N['events'], N['changes'], StateChange>
  },
): N => value

/** A collection of rows that look like `row`. */
export const collection = <Row extends z.ZodObject, const Rest extends Omit<Collection<string, Row>, 'row'>>(
  row: Row,
  rest: Rest,
): Rest & { row: Row } => ({ row, ...rest })
