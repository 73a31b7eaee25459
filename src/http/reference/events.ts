import { type EventText, events, eventTexts, Meta, nouns, passing, projectEvents, requests, userEvents } from '@cutroom/contract'
import type { z } from 'zod'
import { type Block, code, heading, table, text } from './blocks.ts'
import { Examples } from './examples.ts'
import { createSchemas, type JsonSchema, nameOf, type Schemas } from './schemas.ts'

/** One event or request, as every form of the reference shows it. */
export interface Message extends EventText {
  name: string
  payload: JsonSchema
  example: unknown
  /** Of a request. */
  ack?: { schema: JsonSchema; example: unknown }
}

/** All that goes over a socket. */
export interface EventReference {
  schemas: Schemas['components']
  meta: { schema: JsonSchema; example: unknown }
  requests: Message[]
  /** Durable events, by the kind of room. */
  project: Message[]
  user: Message[]
  passing: Message[]
}

/** Reads the contract. */
export function readEvents(): EventReference {
  const schemas = createSchemas()
  // Every schema with a name first: examples are made of theirs.
  const meta = schemas.add(Meta, 'output')
  const each = <T, R>(record: Record<string, T>, read: (name: string, value: T) => R) =>
    Object.entries(record).map(([name, value]) => read(name, value))
  const addPayload = (name: string, schema: z.ZodType) => ({ name, payload: schemas.add(schema, 'output') })
  const added = {
    project: each(projectEvents, addPayload),
    user: each(userEvents, addPayload),
    passing: each(passing, addPayload),
    requests: each(requests, (name, { when, payload, ack }) => ({
      name,
      when,
      to: 'The server',
      payload: schemas.add(payload, 'input'),
      ack: schemas.add(ack, 'output'),
    })),
  }
  const examples = new Examples(schemas.components)
  const withText = ({ name, payload }: ReturnType<typeof addPayload>): Message => ({
    name,
    payload,
    ...eventTexts[name as keyof typeof eventTexts],
    example: examples.of(payload),
  })
  return {
    schemas: schemas.components,
    meta: { schema: meta, example: examples.of(meta) },
    requests: added.requests.map(({ ack, ...request }) => ({
      ...request,
      example: examples.of(request.payload),
      ack: { schema: ack, example: examples.of(ack) },
    })),
    project: added.project.map(withText),
    user: added.user.map(withText),
    passing: added.passing.map(withText),
  }
}

/** A type in words; what has a name links to its shape. */
function typeOf(schema: JsonSchema): string {
  if (schema.$ref !== undefined) return `[${nameOf(schema.$ref)}](#${nameOf(schema.$ref).toLowerCase()})`
  const variants = schema.anyOf ?? schema.oneOf
  if (variants) return variants.map(typeOf).join(' or ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  const type = [schema.type ?? 'anything'].flat().join(' or ')
  if (type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  if (schema.format === 'uuid') return 'UUID'
  if (schema.format === 'date-time') return 'time'
  return schema.format === undefined ? type : `${type} (${schema.format})`
}

function bounds({ minimum, maximum, maxLength, maxItems, default: fallback }: JsonSchema): string[] {
  const found: string[] = []
  if (maximum !== undefined && maximum < 2 ** 31 - 1) found.push(`${minimum ?? 0} to ${maximum}`)
  if (maxLength !== undefined) found.push(`at most ${maxLength} characters`)
  if (maxItems !== undefined) found.push(`at most ${maxItems}`)
  if (fallback !== undefined) found.push(`${JSON.stringify(fallback)} where it is left out`)
  return found
}

/** What a type says already. */
const SAID = new Set(['UUID', 'RFC 3339 UTC with milliseconds'])
/** The object without a name in a field, in its list, or beside null. */
function innerOf(field: JsonSchema): { schema: JsonSchema; mark: string } | null {
  const found = [field, field.items, ...(field.anyOf ?? [])].find((each) => each?.properties !== undefined)
  return found ? { schema: found, mark: found === field.items ? '[].' : '.' } : null
}

/** Rows of a table of fields; those of objects without a name stand below their field. */
function rowsOf(schema: JsonSchema, prefix = ''): string[][] {
  const required = new Set(schema.required)
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const said = [field.description ?? '', ...bounds(field)].filter((each) => each !== '' && !SAID.has(each))
    const inner = innerOf(field)
    return [
      [`\`${prefix}${name}\``, `${typeOf(field)}${required.has(name) ? '' : ', optional'}`, said.join('; ')],
      ...(inner ? rowsOf(inner.schema, `${prefix}${name}${inner.mark}`) : []),
    ]
  })
}

/** Follows a reference to the shape. */
const resolve = (schema: JsonSchema, schemas: EventReference['schemas']): JsonSchema =>
  schema.$ref === undefined ? schema : (schemas[nameOf(schema.$ref)] ?? {})

function fieldsOf(title: string, schema: JsonSchema, schemas: EventReference['schemas']): Block[] {
  const shape = schema.$ref === undefined ? '' : `: a ${typeOf(schema)}`
  const rows = rowsOf(resolve(schema, schemas))
  if (rows.length === 0) return [text(`${title}${shape || ': nothing'}.`)]
  return [text(`${title}${shape}:`), table(['field', 'type', ''], rows)]
}

/** The table of an ack: what it has when the request succeeded. */
function ackFields(schema: JsonSchema, schemas: EventReference['schemas']): Block[] {
  const done = (schema.anyOf ?? schema.oneOf ?? [schema])[0] ?? {}
  return fieldsOf('Ack', done, schemas)
}

const json = (value: unknown): string => JSON.stringify(value, null, 2)

function requestBlocks({ name, when, payload, example, ack }: Message, schemas: EventReference['schemas']): Block[] {
  return [
    heading(3, `\`${name}\``),
    text(`**When:** ${when}.`),
    ...fieldsOf('Payload', payload, schemas),
    ...(ack ? ackFields(ack.schema, schemas) : []),
    code('js', `const ack = await socket.emitWithAck('${name}', ${json(example)})`),
    ...(ack ? [code('json', json(ack.example))] : []),
  ]
}

function eventBlocks({ name, when, to, payload, example }: Message, schemas: EventReference['schemas']): Block[] {
  return [
    heading(3, `\`${name}\``),
    text(`**When:** ${when}.`),
    text(`**To:** ${to}.`),
    ...fieldsOf('Payload', payload, schemas),
    code('json', json(example)),
  ]
}

/** The whole page. */
export function eventPage(reference: EventReference): Block[] {
  const { schemas, meta } = reference
  const list = (messages: Message[]) => messages.flatMap((message) => eventBlocks(message, schemas))
  const inBoth = reference.user.map(({ name }) => name).filter((name) => Object.hasOwn(projectEvents, name))
  const count = Object.keys(events).length + Object.keys(passing).length
  return [
    heading(1, 'Events'),
    text(
      `All that goes over a socket: ${count} events that the server sends, ${reference.requests.length} requests that a client sends, and their acks. This page is made from the contract; \`/asyncapi.json\` says the same to machines, \`/docs\` has the REST API, and \`docs/clients.md\` explains how a client keeps its position.`,
    ),
    text(
      `A **durable** event is one change that was committed. It is in the log of its room, comes in order and once, and has a second argument, \`meta\`. A **passing** event has no \`meta\`: it is best effort, and never in the log. Times are RFC 3339, UTC, with milliseconds; a position in media is in milliseconds, too.`,
    ),
    code('js', `socket.on('comment:created', (payload, meta) => {}) // durable\nsocket.on('typing', (payload) => {}) // passing`),
    heading(2, 'Meta'),
    text('What stands beside each durable event.'),
    table(['field', 'type', ''], rowsOf(resolve(meta.schema, schemas))),
    code('json', json(meta.example)),
    heading(2, 'Requests'),
    text(
      'From the client to the server. Each is answered by an ack, where one is asked for: `{ "ok": true, … }` with the fields below, or `{ "ok": false, "error": Problem }`. Unknown fields are refused.',
    ),
    ...reference.requests.flatMap((request) => requestBlocks(request, schemas)),
    heading(2, 'Durable events of a project'),
    text(`In the room \`project:<projectId>\`, for those who joined it. They are of ${Object.keys(nouns).join(', ')}.`),
    ...list(reference.project),
    heading(2, 'Durable events of a person'),
    text(
      `In the room \`user:<userId>\`, in which each connection stands by itself. ${inBoth.map((name) => `\`${name}\``).join(', ')} of projects, above, is sent there, too.`,
    ),
    ...list(reference.user.filter(({ name }) => !inBoth.includes(name))),
    heading(2, 'Passing events'),
    ...list(reference.passing),
    heading(2, 'Shapes'),
    ...Object.entries(schemas)
      .filter(([name]) => name !== 'Meta')
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, schema]) => {
        const rows = rowsOf(schema)
        return [
          heading(3, name),
          ...(schema.description === undefined ? [] : [text(`${schema.description}.`)]),
          rows.length > 0 ? table(['field', 'type', ''], rows) : text(`${typeOf(schema)}.`),
        ]
      }),
  ]
}
