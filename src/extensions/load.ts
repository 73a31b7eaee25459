import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { kinds } from '../rooms/kinds.ts'
import type { LogEntry } from '../rooms/log/log.ts'
import type { SocketService } from './emissions.ts'
import { type Action, actions, type CollectionName, collections } from './items.ts'

/** What a handler is told besides the item. */
export interface HandlerContext {
  event: Pick<LogEntry, 'name' | 'payload' | 'meta'>
  /** 1, 2, … */
  attempt: number
  /** Ends when the time for the event is over, or this node stops. */
  signal: AbortSignal
  services: { socket: SocketService }
}

/** A handler of one collection and action. */
export interface Hook {
  collection: CollectionName
  action: Action
  handler(data: Record<string, unknown>, context: HandlerContext): unknown
}

/** Decides who may enter rooms of a prefix. */
export interface Authoriser {
  prefix: string
  mayEnter(person: { id: string; name: string }, room: string): unknown
}

/** The default export of an extension's module. */
export interface Extension {
  id: string
  events: Hook[]
  rooms: Authoriser[]
}

/** One line for each file that is wrong. */
export class ExtensionError extends Error {
  readonly lines: readonly string[]
  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'ExtensionError'
    this.lines = lines
  }
}

/** Handlers, and kinds of rooms, of one extension at most. */
const MAX_HOOKS = 200
/** Prefixes of the engine, and of the rooms that clients of BAASIX are put into. */
const RESERVED = new Set([...Object.keys(kinds), 'collection', 'item'])

const isFunction = (value: unknown): boolean => typeof value === 'function'
const among = (options: readonly string[], more = '') => ({ error: `must be one of ${options.join(', ')}${more}` })
const Prefix = z
  .string()
  .regex(/^[A-Za-z][\w-]{0,39}:?$/, 'must be a word of letters, digits, - and _, 40 at most, perhaps with a colon at its end')
  .transform((prefix) => prefix.replace(':', ''))
  .refine((prefix) => !RESERVED.has(prefix.toLowerCase()), `must not be one of the engine's: ${[...RESERVED].join(', ')}`)

const ExtensionModule = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'must be small letters, digits and -, 40 at most, a letter first'),
    events: z
      .array(
        z.strictObject({
          collection: z.enum(collections, among(collections)),
          action: z.enum(actions, among(actions, '; there are none before a write')),
          handler: z.custom<Hook['handler']>(isFunction, 'must be a function'),
        }),
      )
      .max(MAX_HOOKS)
      .default([]),
    rooms: z
      .array(z.strictObject({ prefix: Prefix, mayEnter: z.custom<Authoriser['mayEnter']>(isFunction, 'must be a function') }))
      .max(MAX_HOOKS)
      .default([]),
  })
  .refine(({ events, rooms }) => events.length + rooms.length > 0, 'has neither events nor rooms')

/** `events[0].action` */
const pathOf = (path: readonly PropertyKey[]): string =>
  path.map((part, n) => (typeof part === 'number' ? `[${part}]` : `${n === 0 ? '' : '.'}${String(part)}`)).join('')

const firstLine = (error: unknown): string => String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? ''

/** @throws Error that says what is wrong with it */
async function importExtension(file: string): Promise<Extension> {
  let loaded: { default?: unknown }
  try {
    loaded = await import(pathToFileURL(file).href)
  } catch (error) {
    throw new Error(`cannot be loaded: ${firstLine(error)}`)
  }
  if (loaded.default === undefined) throw new Error('has no default export: export default { id, events: [ … ] }')
  const parsed = ExtensionModule.safeParse(loaded.default)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error([pathOf(issue?.path ?? []), issue?.message].filter(Boolean).join(' '))
}

/** The file of an entry of the folder; null where it is none of an extension. @throws Error where it looks like one, and cannot be */
async function fileOf(folder: string, name: string): Promise<string | null> {
  if (/^[._]/.test(name) || name === 'node_modules') return null
  const path = join(folder, name)
  if (!(await stat(path)).isDirectory()) {
    if (/\.(c?js|[cm]?tsx?|jsx)$/.test(name)) throw new Error('would not be loaded: name it NAME.mjs, or NAME/index.js')
    return name.endsWith('.mjs') ? path : null
  }
  const index = join(path, 'index.js')
  const isThere = await stat(index).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isThere) throw new Error('has no index.js; a folder whose name begins with _ is passed over')
  return index
}

/**
 * Loads the extensions of a folder, by name: `NAME.mjs` and `NAME/index.js`. It runs their code.
 * @throws ExtensionError with a line for each file that is wrong
 */
export async function loadExtensions(folder: string | undefined): Promise<Extension[]> {
  if (folder === undefined) return []
  let names: string[]
  try {
    names = (await readdir(folder)).sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ExtensionError([`EXTENSIONS_DIR ${folder} cannot be read (${code}): name a folder, or leave it out`])
  }
  const lines: string[] = []
  const loaded: Extension[] = []
  /** The files that have an id, or a prefix of rooms. */
  const owners = new Map<string, string>()
  const claim = (what: string, file: string) => {
    const owner = owners.get(what)
    if (owner !== undefined) throw new Error(`has the ${what}, which ${owner} has, too`)
    owners.set(what, file)
  }
  for (const name of names) {
    let file = join(folder, name)
    try {
      const found = await fileOf(folder, name)
      if (found === null) continue
      file = found
      const extension = await importExtension(file)
      claim(`id ${extension.id}`, file)
      for (const { prefix } of extension.rooms) claim(`prefix ${prefix}`, file)
      loaded.push(extension)
    } catch (error) {
      lines.push(`${file} ${firstLine(error)}`)
    }
  }
  if (lines.length > 0) throw new ExtensionError(lines)
  return loaded
}
