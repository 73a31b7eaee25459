import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type * as z from 'zod'
import {
  type Collection,
  collections,
  type Endpoint,
  endpoints,
  PROTOCOL_VERSION,
  problems,
  projectRoom,
  stateChanges,
  UPLOADS_URL,
  userRoom,
} from '../contract/src/index.ts'

/** The module that this program writes. */
export const FILE = join(import.meta.dirname, 'src', 'generated', 'contract.ts')

const member = (name: string, value: unknown): string => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`

/** An object literal with one member a line. */
const literal = (members: Record<string, unknown>): string =>
  `{\n${Object.entries(members)
    .map(([name, value]) => member(name, value))
    .join('')}}`

/** What a call needs: of who may make it, only whether a login is needed. */
const plain = ({ method, url, access }: Endpoint) => ({ method, url, ...(access === 'public' && { access }) })

const noun = ([name, table]: [string, Record<string, Endpoint>]): string => {
  const members = Object.fromEntries(Object.entries(table).map(([each, endpoint]) => [each, plain(endpoint)]))
  return `export const ${name}: PlainTable<(typeof contract.endpoints)['${name}']> = ${literal(members)}\n`
}

/** The fields that a row may have empty, with what they are then. */
function blankOf({ shape }: Collection['row']): Record<string, null | []> {
  const blank: Record<string, null | []> = {}
  for (const [name, type] of Object.entries<z.ZodType>(shape)) {
    if (type.safeParse(null).success) blank[name] = null
    else if (type.safeParse([]).success) blank[name] = []
  }
  return blank
}

/** What the state of a project consists of, without the schemas of its rows. */
const rules = (all: Record<string, Collection>): Record<string, Omit<Collection, 'row'> & { blank: object }> =>
  Object.fromEntries(Object.entries(all).map(([name, { row, ...fields }]) => [name, { ...fields, blank: blankOf(row) }]))

/** The values of the contract that the client needs at run time, without zod, as source text. */
export const source =
  (): string => `// Written by \`npm run generate:client\` from @cutroom/contract, whose schemas a client does not run. Do not edit.
import type * as contract from '@cutroom/contract'
import type { PlainTable } from '../endpoint.ts'

// All types of the contract; the values below take the place of those of the same name.
export type * from '@cutroom/contract'

export const PROTOCOL_VERSION = ${PROTOCOL_VERSION}

/** Where uploads in parts begin. */
export const UPLOADS_URL = '${UPLOADS_URL}'

/** What names of rooms begin with. */
export const roomPrefix = ${literal({ project: projectRoom(''), user: userRoom('') })} as const

/** The closed list of what can go wrong, by \`code\`. */
export const problems: typeof contract.problems = ${literal(problems)}

/** The collections of a project's state. \`blank\`: the fields that a row may have empty. */
export const collections: { [C in contract.CollectionName]: Omit<(typeof contract.collections)[C], 'row'> & { blank: object } } = ${literal(rules(collections))}

/** What each event of a project's room does to the state. */
export const stateChanges: typeof contract.stateChanges = ${literal(stateChanges)}

${Object.entries(endpoints).map(noun).join('\n')}
/** All endpoints, by noun. */
export const endpoints = { ${Object.keys(endpoints).join(', ')} }
`

if (process.argv[1] === import.meta.filename) {
  const before = await readFile(FILE, 'utf8').catch(() => '')
  if (before !== source()) await writeFile(FILE, source())
}
