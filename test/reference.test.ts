import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type Endpoint,
  endpoints,
  events,
  eventTexts,
  passing,
  projectEvents,
  requests,
  statusOf,
  tags,
  userEvents,
} from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { noun } from '../packages/contract/src/noun.ts'
import { readEvents } from '../src/http/reference/events.ts'
import { FILE, source } from '../src/http/reference/generate.ts'
import { useApp } from './support/app.ts'

const app = useApp()
const sent: Record<string, z.ZodType> = { ...events, ...passing }
const listed: [id: string, Endpoint][] = Object.entries(endpoints).flatMap(([noun, table]) =>
  Object.entries(table).map(([name, endpoint]): [string, Endpoint] => [`${noun}.${name}`, endpoint]),
)

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cutroom-reference-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

interface AsyncApi {
  channels: Record<string, { messages: Record<string, { name: string; payload: unknown; examples: object[] }> }>
  operations: Record<string, { action: string; title: string; messages: { $ref: string }[]; reply?: object }>
}
interface Operation {
  operationId: string
  summary: string
  tags: string[]
  requestBody?: { content: Record<string, { example: unknown }> }
  responses: Record<string, { content?: Record<string, { example: unknown }> }>
}
interface OpenApi {
  info: object
  servers: object[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { securitySchemes: object }
}
const documentAt = async <T>(path: string, url = app().url): Promise<T> => (await (await fetch(url + path)).json()) as T

describe('the reference of events', () => {
  it('docs/events.md is what the contract says; if not, run `npm run generate:docs`', async () => {
    expect(await readFile(FILE, 'utf8')).toBe(source())
  })

  it('an event without its text does not compile, nor does a text without its event', () => {
    const made = z.object({})
    const rest = { actions: {}, endpoints: {}, collections: {}, changes: { 'song:made': { kind: 'end' } } } as const
    const when = 'A song was made'
    noun({ ...rest, events: { 'song:made': made }, when: { 'song:made': when } })
    // @ts-expect-error no text
    noun({ ...rest, events: { 'song:made': made }, when: {} })
    // @ts-expect-error no such event
    noun({ ...rest, events: { 'song:made': made }, when: { 'song:made': when, 'song:gone': when } })
    expect(Object.keys(eventTexts).toSorted()).toEqual(Object.keys(sent).toSorted())
  })

  for (const { name, when, to, example } of [...readEvents().project, ...readEvents().user, ...readEvents().passing])
    it(`${name}: when, to whom, and an example that fits its schema`, () => {
      for (const text of [when, to]) expect(text).toMatch(/^[A-Z].{10,}[^.]$/)
      expect(sent[name]?.parse(example)).toEqual(example)
    })

  for (const { name, when, example, ack } of readEvents().requests)
    it(`${name}: when, and examples of payload and ack that fit their schemas`, () => {
      const request = requests[name as keyof typeof requests]
      expect(when).toMatch(/^[A-Z].{10,}[^.]$/)
      expect(request.payload.parse(example)).toEqual(example)
      expect(request.ack.parse(ack?.example)).toEqual(ack?.example)
    })

  it('docs/events.md, /docs/events and /asyncapi.json have every event, request and ack, once, and no others', async () => {
    const asked = Object.keys(requests)
    const page = [...(await readFile(FILE, 'utf8')).matchAll(/^### `([^`]+)`$/gm)].map(([, name = '']) => name)
    expect(page.toSorted()).toEqual([...Object.keys(sent), ...asked].sort())
    const answer = await fetch(`${app().url}/docs/events`)
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    const html = [...(await answer.text()).matchAll(/<h3 id="[^"]+"><code>([^<]+)<\/code><\/h3>/g)].map(([, name = '']) => name)
    expect(html).toEqual(page)

    const { channels, operations } = await documentAt<AsyncApi>('/asyncapi.json')
    const names = Object.values(channels).flatMap(({ messages }) => Object.values(messages).map(({ name }) => name))
    const inBoth = Object.keys(projectEvents).filter((name) => Object.hasOwn(userEvents, name))
    const all = [...Object.keys(sent), ...inBoth]
    expect(names.toSorted()).toEqual([...all, ...asked, ...asked.map((name) => `ack of ${name}`)].sort())
    const by = (action: string) => Object.values(operations).flatMap((each) => (each.action === action ? [each.title] : []))
    expect(by('send').toSorted()).toEqual(all.toSorted())
    expect(by('receive').toSorted()).toEqual(asked.toSorted())
    for (const { action, reply } of Object.values(operations)) expect(reply !== undefined).toBe(action === 'receive')
  })
})

/**
 * What redocly reports, and is right, by document and rule. An invitation is named by its id, a UUID, or by the 43 characters of its token:
 * no request fits both `/api/invitations/{invitationId}/resend` and `/api/invitations/by-token/{token}`, but redocly compares the paths alone.
 */
const KNOWN = `openapi.json:
  no-ambiguous-paths:
    - '#/paths/~1api~1invitations~1by-token~1{token}'
`

describe('the documents', () => {
  it('redocly finds no error and no warning in either, by its recommended rules', async () => {
    const home = await folder()
    const files = ['openapi.json', 'asyncapi.json']
    for (const file of files) await writeFile(join(home, file), await (await fetch(`${app().url}/${file}`)).text())
    await writeFile(join(home, '.redocly.lint-ignore.yaml'), KNOWN)
    const program = join(import.meta.dirname, '../node_modules/@redocly/cli/bin/cli.js')
    const lint = async (file: string) => {
      const options = { cwd: home, env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } }
      // It exits with 1 where there are errors; they are in the output all the same.
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [program, 'lint', '--extends=recommended', '--format=json', file],
        {
          ...options,
          maxBuffer: 16 * 1024 * 1024,
        },
      ).catch((failed: { stdout: string }) => failed)
      return JSON.parse(stdout) as { totals: object; problems: { message: string }[] }
    }
    for (const file of files) {
      const { totals, problems } = await lint(file)
      expect({ file, problems: problems.map(({ message }) => message) }).toEqual({ file, problems: [] })
      expect(totals).toMatchObject({ errors: 0, warnings: 0 })
    }
    // It does look.
    const [file = ''] = files
    const document = JSON.parse(await readFile(join(home, file), 'utf8')) as OpenApi
    const [path] = Object.values(document.paths)
    for (const operation of Object.values(path ?? {})) Object.assign(operation, { operationId: undefined })
    await writeFile(join(home, file), JSON.stringify(document))
    expect((await lint(file)).problems.length).toBeGreaterThan(0)
  })

  it('/openapi.json names each operation as the client does, with a summary, a tag, and examples that fit', async () => {
    const document = await documentAt<OpenApi>('/openapi.json')
    const described = document.tags.map(({ name }) => name)
    expect(described).toEqual(Object.keys(tags))
    const found = new Map(
      Object.values(document.paths)
        .flatMap(Object.values)
        .map((each: Operation) => [each.operationId, each]),
    )
    expect([...found.keys()].sort()).toEqual(listed.map(([id]) => id).sort())
    for (const [id, endpoint] of listed) {
      const operation = found.get(id)
      if (!operation) throw new Error(`no ${id}`)
      expect(operation.summary, id).toBe(endpoint.schema.summary)
      expect(operation.tags.length, id).toBeGreaterThan(0)
      for (const tag of operation.tags) expect(described, id).toContain(tag)
      const { body, response } = endpoint.schema
      if (endpoint.form) expect(Object.keys(operation.requestBody?.content ?? {}), id).toEqual(['multipart/form-data'])
      else if (body)
        expect(body.safeParse(operation.requestBody?.content['application/json']?.example), id).toMatchObject({ success: true })
      const status = statusOf(endpoint)
      if (status === 204) continue
      if (endpoint.media) {
        expect(Object.keys(operation.responses[status]?.content ?? {}), id).toEqual(endpoint.media)
        continue
      }
      const types = ['application/json', ...(endpoint.eventStream === undefined ? [] : ['text/event-stream'])]
      expect(Object.keys(operation.responses[status]?.content ?? {}), id).toEqual(types)
      const example = operation.responses[status]?.content?.['application/json']?.example
      const parsed = response[status]?.safeParse(example)
      expect(parsed?.error?.issues, id).toBeUndefined()
      expect(parsed?.data, id).toEqual(example)
    }
  })

  it('/openapi.json says where the server is, its license, and how to log in', async () => {
    const document = await documentAt<OpenApi>('/openapi.json')
    expect(document).toMatchObject({
      info: { license: { name: 'MIT' } },
      servers: [{ url: '/' }],
      components: { securitySchemes: { bearer: { scheme: 'bearer' }, cookie: { in: 'cookie', name: 'cutroom_access' } } },
    })
    for (const path of ['/api/projects/{projectId}/snapshot', '/api/projects/{projectId}/events'])
      expect(document.paths[path]?.get?.responses, path).toHaveProperty('410')
  })
})

describe('the documents of a server with a public address', () => {
  const app = useApp({ env: { PUBLIC_URL: 'https://example.com/studio', SOCKET_PATH: '/live' } })
  const atRoot = useApp({ env: { PUBLIC_URL: 'https://example.com' } })

  it('name that address, its path, and the cookie as it is called there', async () => {
    expect(await documentAt<OpenApi>('/openapi.json', app().url)).toMatchObject({
      info: { description: expect.stringContaining('(/studio/docs/events)') },
      servers: [{ url: '/studio' }],
      components: { securitySchemes: { cookie: { name: 'cutroom_access' } } },
    })
    expect(await documentAt('/asyncapi.json', app().url)).toMatchObject({
      servers: { cutroom: { host: 'example.com', pathname: '/studio/live/', protocol: 'wss' } },
    })
    expect(await documentAt('/openapi.json', atRoot().url)).toMatchObject({
      components: { securitySchemes: { cookie: { name: '__Host-cutroom_access' } } },
    })
  })
})
