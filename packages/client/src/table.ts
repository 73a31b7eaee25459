/** A row of any collection. */
export type Row = { version: number } & Record<string, unknown>

/** A list of rows for each value of the fields `by`, or one of all rows, in the order of a field. */
export interface ListSpec {
  by: readonly string[]
  order: string
}

type Group = readonly Row[]

const EMPTY: Group = []

/** The lists in which a row stands. */
function placesOf({ by }: ListSpec, row: Row | undefined): string[] {
  if (!row) return []
  if (by.length === 0) return ['']
  return by.map((field) => row[field]).filter((value) => typeof value === 'string')
}

const comparing =
  ({ order }: ListSpec) =>
  (a: Row, b: Row): number => {
    const [x, y] = a[order] === b[order] ? [a.id, b.id] : [a[order], b[order]]
    return (x as string) < (y as string) ? -1 : 1
  }

/** Where a row belongs in a sorted list. */
function placeIn(list: Group, row: Row, compare: (a: Row, b: Row) => number): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(list[middle] as Row, row) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The rows of one collection by key, and sorted lists of them, which are made when they are first read and kept in order from then
 * on. A fork shares all with its origin until either of them changes; maps and lists that were handed out never change.
 */
export class Table {
  #rows: ReadonlyMap<string, Row>
  #lists: Map<string, ReadonlyMap<string, Group>>
  #isShared: boolean
  readonly #specs: Readonly<Record<string, ListSpec>>

  constructor(specs: Readonly<Record<string, ListSpec>>, origin?: Table) {
    this.#specs = specs
    this.#rows = origin ? origin.#rows : new Map()
    this.#lists = origin ? origin.#lists : new Map()
    this.#isShared = origin !== undefined
  }

  fork(): Table {
    this.#isShared = true
    return new Table(this.#specs, this)
  }

  /** All rows by key. */
  get rows(): ReadonlyMap<string, Row> {
    return this.#rows
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  has(key: string): boolean {
    return this.#rows.has(key)
  }

  set(key: string, row: Row): void {
    const known = this.#rows.get(key)
    this.#own().set(key, row)
    this.#relist(known, row)
  }

  delete(key: string): void {
    const known = this.#rows.get(key)
    if (!known) return
    this.#own().delete(key)
    this.#relist(known, undefined)
  }

  clear(): void {
    this.#rows = new Map()
    this.#lists = new Map()
    this.#isShared = false
  }

  /** The rows of one list, in order. */
  list(name: string, value = ''): Group {
    const groups = this.#lists.get(name) ?? this.#makeList(name)
    return groups.get(value) ?? EMPTY
  }

  #makeList(name: string): ReadonlyMap<string, Group> {
    const spec = this.#specs[name] as ListSpec
    const groups = new Map<string, Row[]>()
    for (const row of this.#rows.values())
      for (const value of placesOf(spec, row)) {
        const group = groups.get(value)
        if (group) group.push(row)
        else groups.set(value, [row])
      }
    for (const group of groups.values()) group.sort(comparing(spec))
    // a fork has the same rows: what is made for one serves both
    this.#lists.set(name, groups)
    return groups
  }

  #own(): Map<string, Row> {
    if (this.#isShared) {
      this.#rows = new Map(this.#rows)
      this.#lists = new Map([...this.#lists].map(([name, groups]) => [name, new Map(groups)]))
      this.#isShared = false
    }
    return this.#rows as Map<string, Row>
  }

  #relist(before: Row | undefined, after: Row | undefined): void {
    for (const [name, groups] of this.#lists as Map<string, Map<string, Group>>) {
      const spec = this.#specs[name] as ListSpec
      for (const value of new Set([...placesOf(spec, before), ...placesOf(spec, after)])) {
        const rest = (groups.get(value) ?? EMPTY).filter((row) => row !== before)
        if (placesOf(spec, after).includes(value)) rest.splice(placeIn(rest, after as Row, comparing(spec)), 0, after as Row)
        groups.set(value, rest)
      }
    }
  }
}
