import {
  type Collection,
  collections,
  nouns as contract,
  type Endpoint,
  type Noun,
  Person,
  stateChanges,
} from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { nouns, personalTables, projectTables } from '../src/nouns.ts'
import { useApp } from './support/app.ts'

/** The path parameters of an endpoint. */
const parametersOf = ({ url }: Endpoint) => [...url.matchAll(/:(\w+)/g)].map(([, name]) => name)

/** The fields of the objects that a schema allows. */
const fieldsOf = (schema: z.ZodType): string[] => Object.keys((schema as z.ZodObject).shape)

const collectionOf = (name: string) => (collections as Record<string, Collection>)[name] as Collection

const targets = nouns.flatMap((noun) => Object.keys(noun.targets))

describe.each(Object.entries<Noun>(contract))(
  'the noun %s in the contract',
  (_name, { actions, endpoints, events, changes, collections: ownCollections }) => {
    it('has endpoints with an effect and a target', () => {
      for (const [name, endpoint] of Object.entries<Endpoint>(endpoints)) {
        if (endpoint.access === 'account' || endpoint.access === 'public') continue
        expect(parametersOf(endpoint), name).toContain(endpoint.target)
        expect(targets, `${name}: a noun says which rows the parameter names`).toContain(endpoint.target)
        expect(endpoint.effect === 'read', name).toBe(endpoint.method === 'GET')
      }
    })

    it('has no action without an endpoint', () => {
      const used = Object.values(contract).flatMap((noun) => Object.values<Endpoint>(noun.endpoints).map(({ access }) => access))
      for (const action of Object.keys(actions)) expect(used).toContain(action)
    })

    it('names fields that its payloads and rows have', () => {
      for (const [name, change] of Object.entries(changes)) {
        const payload = fieldsOf(events[name] as z.ZodType)
        if (change.kind === 'put') expect(payload, name).toContain(collectionOf(change.collection).key)
        if (change.kind === 'remove') expect(payload, name).toContain(change.id)
        if (change.kind === 'patch') {
          const list = change.list !== undefined ? ((events[name] as z.ZodObject).shape[change.list] as z.ZodArray) : undefined
          const item = list ? fieldsOf(list.element as z.ZodType) : payload
          for (const field of [change.id, ...Object.values(change.fields), 'version']) expect(item, name).toContain(field)
          expect(payload, name).toContain('updatedAt')
          const row = Object.keys(collectionOf(change.collection).row.shape)
          for (const field of Object.keys(change.fields)) expect(row, name).toContain(field)
        }
      }
      for (const [name, { within }] of Object.entries(collections))
        for (const parent of Object.values(within)) expect(Object.keys(collections), name).toContain(parent)
    })

    it('names the fields of its rows that show people', () => {
      for (const [name, { row, people }] of Object.entries(ownCollections)) {
        const shown = Object.entries<z.ZodType>(row.shape).filter(
          ([, field]) => field === Person || (field as z.ZodNullable).unwrap?.() === Person,
        )
        expect([...people].sort(), name).toEqual(shown.map(([field]) => field).sort())
      }
    })

    it('changes the state by each of its events', () => {
      for (const name of Object.keys(changes)) expect(stateChanges).toHaveProperty([name])
    })
  },
)

describe('the nouns on the server', () => {
  const app = useApp()

  interface Reference {
    table: string
    column: string
    target: string
    /** Its rows are deleted with those they refer to. */
    cascades: boolean
  }
  const references = async (): Promise<Reference[]> =>
    (
      await app().db.query(`SELECT c.conrelid::regclass::text AS table, a.attname AS column, c.confrelid::regclass::text AS target,
          c.confdeltype = 'c' AS cascades
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'`)
    ).rows.map((row: Reference) => ({ ...row, table: row.table.replaceAll('"', ''), target: row.target.replaceAll('"', '') }))

  it('name every table with rows of a project, or it is a personal one, so that they are purged with it', async () => {
    const found = (await references()).filter(({ target }) => target === 'Project')
    expect(found.length).toBeGreaterThan(3)
    for (const { table, column } of found)
      expect(projectTables, `a noun has to tell of the table ${table}, or it is personal`).toContainEqual(
        expect.objectContaining({ name: table, project: column }),
      )
  })

  it('name every column with a person, so that a rename reaches the project', async () => {
    const all = await references()
    const ofProjects = new Set(['Project', ...all.filter(({ target }) => target === 'Project').map(({ table }) => table)])
    const people = nouns.flatMap((noun) =>
      noun.tables.flatMap((table) => table.people.map((column) => `${table.name}.${column}`)),
    )
    // A personal row is shown to its person only, by whom nobody is told of a rename.
    const owners = personalTables.map(({ name }) => `${name}.userId`)
    const found = all.filter(
      ({ table, column, target }) => target === 'User' && ofProjects.has(table) && !owners.includes(`${table}.${column}`),
    )
    expect(found.length).toBeGreaterThan(5)
    for (const { table, column } of found)
      expect(people, `a noun has to name the person in ${table}.${column}`).toContain(`${table}.${column}`)
  })

  it('name the rows that are deleted with a row of another table', async () => {
    const nounOf = (table: string) => nouns.find((noun) => noun.tables.some(({ name }) => name === table))
    // A client's state holds no row of a noun without collections.
    const isHeld = (noun: ReturnType<typeof nounOf>) => noun && Object.keys(contract[noun.name].collections).length > 0
    const found = (await references()).filter(
      ({ table, target, cascades }) => cascades && isHeld(nounOf(table)) && nounOf(target) && target !== 'Project',
    )
    expect(found.length).toBeGreaterThan(3)
    for (const { table, column, target } of found) {
      const within = Object.values<Collection>(contract[nounOf(table)?.name ?? 'tasks'].collections).map((each) => each.within)
      expect(within, `a collection of ${table} has to say that ${column} names its ${target}`).toContainEqual(
        expect.objectContaining({ [column]: expect.any(String) }),
      )
    }
  })

  it('come in an order in which rows follow what they refer to', async () => {
    const order = projectTables.map(({ name }) => name)
    for (const { table, target } of await references())
      if (order.includes(table) && order.includes(target) && table !== target)
        expect(order.indexOf(target), `${table} refers to ${target}`).toBeLessThan(order.indexOf(table))
  })
})
