import { type Endpoint, endpoints, type ProblemCode, problems, statusOf, tags } from '@cutroom/contract'
import { versionOf } from '../conditional.ts'
import { Examples } from './examples.ts'
import { type JsonSchema, nameOf } from './schemas.ts'

interface Parameter {
  in: string
  name: string
  schema: JsonSchema
  example?: unknown
}
interface Media {
  schema: JsonSchema
  example?: unknown
}
interface Answer {
  description: string
  headers?: object
  content?: Record<string, Media>
}
interface Operation {
  operationId?: string
  security?: unknown
  parameters?: (Parameter | { $ref: string })[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, Answer | { $ref: string }>
}
interface Components {
  schemas: Record<string, JsonSchema>
  parameters?: unknown
  headers?: unknown
  responses?: unknown
}
/** What is read and written of the document. */
export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: Components
  tags?: { name: string; description: string }[]
}

const header = (name: string, description: string, example: string) => ({
  in: 'header',
  name,
  description,
  schema: { type: 'string' },
  example,
})
const parameters = {
  IdempotencyKey: header(
    'Idempotency-Key',
    'Send the same key again and you get the first answer again; the event carries it as meta.mutationId',
    'c0ffee',
  ),
  IfMatch: header('If-Match', 'The ETag, or the version in quotes, that you have seen; another version now answers 412', '"1"'),
  LastEventId: header(
    'Last-Event-ID',
    'For `text/event-stream`: the id of the last event that you have; the stream goes on behind it',
    '7f3k2x.42',
  ),
  IfNoneMatch: header('If-None-Match', 'The ETag that you have; answers 304 while it is still the one', '"1.tXq0aWk3bXyBq2mZ"'),
}
const headers = {
  Seq: { description: 'The head of the room’s log, with the events of this write', schema: { type: 'integer' }, example: 42 },
  Epoch: {
    description: 'The history of the log that the position is of',
    schema: { type: 'string' },
    example: '7f3k2x',
  },
  ETag: { description: 'Names this answer', schema: { type: 'string' }, example: '"1.tXq0aWk3bXyBq2mZ"' },
  Location: { description: 'Where the created thing is read', schema: { type: 'string' }, example: '/api/projects/…' },
  RetryAfter: { description: 'Seconds to wait', schema: { type: 'integer' }, example: 1 },
}
const refer = (kind: 'parameters' | 'headers' | 'responses', name: string) => ({ $ref: `#/components/${kind}/${name}` })

/** The endpoints of the contract, by method and path as OpenAPI writes them. */
const operations = new Map(
  Object.entries(endpoints).flatMap(([noun, table]) =>
    Object.entries(table).map(([name, endpoint]): [string, { id: string; endpoint: Endpoint }] => [
      `${endpoint.method.toLowerCase()} ${endpoint.url.replace(/:(\w+)/g, '{$1}')}`,
      { id: `${noun}.${name}`, endpoint },
    ]),
  ),
)

const isWrite = ({ method }: Endpoint): boolean => method !== 'GET'
const isPublic = ({ access }: Endpoint): boolean => access === 'public'
/** Is it a write of a caller? A logout by refresh token alone is none. */
const hasPosition = (endpoint: Endpoint): boolean => isWrite(endpoint) && !isPublic(endpoint) && endpoint.access !== 'session'
/** Does it compare If-Match? What changes a thing of a project does, and what says so outside of projects. */
const comparesVersion = ({ effect, schema }: Endpoint): boolean =>
  effect === 'change' || (schema.problems?.includes('stale') ?? false)

/** What can go wrong with an endpoint, beyond its own list: follows from what it takes and from what it does. */
function problemsOf(endpoint: Endpoint): Set<ProblemCode> {
  const { schema, target } = endpoint
  const found: ProblemCode[] = [...(schema.problems ?? []), 'validation', 'rate-limited', 'unavailable']
  if (!isPublic(endpoint)) found.push('token-missing', 'token-invalid', 'token-expired', 'session-revoked')
  if (isWrite(endpoint)) found.push('bad-request', 'origin-refused')
  if (schema.body) found.push('too-large', 'unsupported-media-type')
  if (hasPosition(endpoint)) found.push('idempotency-running', 'idempotency-mismatch', 'conflict', 'gone', 'not-found')
  if (target !== undefined) found.push('not-found')
  if (target !== undefined && isWrite(endpoint)) found.push('forbidden')
  if (comparesVersion(endpoint)) found.push('stale')
  return new Set(found)
}

/** One answer for each list of problems with one status: it is written once, and referred to. */
function createRefusals() {
  const responses: Record<string, Answer> = {}
  const exampleOf = (code: ProblemCode) => ({ type: `urn:cutroom:problem:${code}`, ...problems[code], code })
  return {
    responses,
    /** @returns the name of the answer */
    add(status: number, codes: ProblemCode[]): string {
      const name = codes.map((code) => code.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase())).join('-')
      const [first] = codes
      responses[name] ??= {
        description: codes.map((code) => `\`${code}\`: ${problems[code].title}`).join('; '),
        ...((status === 429 || status === 503) && { headers: { 'Retry-After': refer('headers', 'RetryAfter') } }),
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/Problem' },
            ...(first && { example: exampleOf(first) }),
          },
        },
      }
      return name
    },
  }
}

const anyProblem: Answer = {
  description: 'A problem (RFC 9457); `code` is from a closed list',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

/** Bytes, as OpenAPI has them. */
const BINARY = { type: 'string', format: 'binary' }

const EVENT_STREAM = 'retry: 1000\nid: 7f3k2x.42\n\nevent: ready\ndata: {"epoch":"7f3k2x","head":42,"mode":"resumed"}\n\n'

/** Says of one operation all that its endpoint does. */
function describe(operation: Operation, endpoint: Endpoint, examples: Examples, refusals: ReturnType<typeof createRefusals>) {
  const status = statusOf(endpoint)
  const success = operation.responses[status] as Answer
  if (status === 204) operation.responses[status] = { description: 'Done' }
  const answer = operation.responses[status] as Answer
  const [shown] = Object.values(success.content ?? {})
  const shownExample = shown && examples.of(shown.schema)
  const versioned = versionOf(shownExample) !== null
  answer.description = status === 201 ? 'Created' : status === 204 ? 'Done' : 'OK'
  answer.headers = {
    ...(versioned && { ETag: refer('headers', 'ETag') }),
    ...(endpoint.location !== undefined && { Location: refer('headers', 'Location') }),
    ...(hasPosition(endpoint) && { 'Cutroom-Seq': refer('headers', 'Seq'), 'Cutroom-Epoch': refer('headers', 'Epoch') }),
  }
  if (shown && status !== 204) shown.example = shownExample
  if (endpoint.media) answer.content = Object.fromEntries(endpoint.media.map((type) => [type, { schema: BINARY }]))
  if (endpoint.eventStream !== undefined)
    answer.content = {
      ...answer.content,
      'text/event-stream': { schema: { type: 'string', description: endpoint.eventStream }, example: EVENT_STREAM },
    }
  const [form] = Object.values(operation.requestBody?.content ?? {})
  if (endpoint.form && operation.requestBody && form) operation.requestBody.content = { 'multipart/form-data': form }
  for (const media of Object.values(operation.requestBody?.content ?? {}))
    media.example ??= examples.of(media.schema, shownExample)
  for (const parameter of operation.parameters ?? [])
    if ('name' in parameter) parameter.example ??= examples.of(parameter.schema, null, parameter.name)

  const names: (keyof typeof parameters)[] = []
  if (endpoint.eventStream !== undefined) names.push('LastEventId')
  if (!isWrite(endpoint) && versioned) names.push('IfNoneMatch')
  if (hasPosition(endpoint)) names.push('IdempotencyKey')
  if (comparesVersion(endpoint)) names.push('IfMatch')
  operation.parameters = [...(operation.parameters ?? []), ...names.map((name) => refer('parameters', name))]

  if (!isWrite(endpoint) && versioned)
    operation.responses[304] = {
      description: 'You have it: the ETag in If-None-Match is still the one',
      headers: { ETag: refer('headers', 'ETag') },
    }
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of problemsOf(endpoint))
    byStatus.set(problems[code].status, [...(byStatus.get(problems[code].status) ?? []), code])
  for (const [number, codes] of byStatus) operation.responses[number] = refer('responses', refusals.add(number, codes))
  Object.assign(operation.responses, { '4XX': refer('responses', 'Problem'), '5XX': refer('responses', 'Problem') })
}

/** Completes what the routes say, by what the contract says, and drops schemas without a reference. */
export function finish(openapi: OpenApi): OpenApi {
  const { components, paths } = openapi
  const examples = new Examples(components.schemas)
  const refusals = createRefusals()
  for (const [url, path] of Object.entries(paths))
    for (const [method, operation] of Object.entries(path)) {
      const found = operations.get(`${method} ${url}`)
      if (!found) continue
      operation.operationId = found.id
      describe(operation, found.endpoint, examples, refusals)
    }
  openapi.tags = Object.entries(tags).map(([name, description]) => ({ name, description }))
  Object.assign(components, { parameters, headers, responses: { Problem: anyProblem, ...refusals.responses } })

  const used = new Set<string>()
  const follow = (value: unknown): void => {
    for (const [ref] of JSON.stringify(value).matchAll(/#\/components\/schemas\/[^"]+/g)) {
      const name = nameOf(ref)
      if (used.has(name)) continue
      used.add(name)
      follow(components.schemas[name])
    }
  }
  follow([paths, components.responses])
  components.schemas = Object.fromEntries(Object.entries(components.schemas).filter(([name]) => used.has(name)))
  return openapi
}
