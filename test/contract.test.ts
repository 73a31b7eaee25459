import { createHash } from 'node:crypto'
import {
  type Endpoint,
  endpoints,
  events,
  type Input,
  PROTOCOL_VERSION,
  passing,
  problems,
  projectEvents,
  requests,
  statusOf,
  userEvents,
} from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { unsubscribeTokens } from '../src/features/mail/unsubscribe-tokens.ts'
import { compileSerializer } from '../src/http/validation.ts'
import { useApp } from './support/app.ts'
import { completeTake } from './support/files.ts'
import { createTeam, PASSWORD, type Person } from './support/people.ts'

/**
 * The wire of each protocol version, as a hash. When this test fails, the contract has changed: if a client could see the
 * difference (a field, a path, an event, what is accepted), raise PROTOCOL_VERSION in packages/contract/src/index.ts, say there what
 * changed, and pin the new hash under the new version here. Versions that were released keep their line. If no client
 * could see it, or the version was never released, replace the hash of the current version.
 */
const pinned: Record<number, string> = {
  1: '22541e6fb8677fb9afd7356e84808aeec955fb95ab05c52e96e10f729a4d1be9',
  2: '64ade9011679b19a8a11fa910dd6ab8e15aa1d7923e2f7ada5456808f34eaaa3',
  3: '2436e3177fb52e6cdda742c0c436046e3b9bd79135e608ec3d3bc92a8f3f5bbe',
  4: '96ead12b5a66f9208bd55f32c45e4c6afce7230c0370095fd868296a9ce0382a',
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Keys in one order, and without what is only for readers. */
function canonical(value: Json): Json {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  const isForReaders = (key: string, inner: Json) =>
    (key === 'description' && typeof inner === 'string') || (key === 'examples' && Array.isArray(inner))
  const kept = Object.entries(value).filter(([key, inner]) => !isForReaders(key, inner))
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, canonical(inner)]))
}

const jsonSchema = (schema: z.ZodType, io: 'input' | 'output'): Json =>
  canonical(z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json)
const each = <T, R>(record: Record<string, T>, map: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))

const wireOf = ({ method, url, access, location, schema }: Endpoint) => ({
  method,
  url,
  access,
  location: location ?? null,
  ...each({ params: schema.params, query: schema.querystring, body: schema.body }, (part) =>
    part ? jsonSchema(part, 'input') : null,
  ),
  response: each(schema.response, (body) => jsonSchema(body, 'output')),
})

/** All that goes over the wire, as JSON Schema. */
const wire = canonical({
  problems: problems as unknown as Json,
  endpoints: each(endpoints as Record<string, Record<string, Endpoint>>, (noun) => each(noun, wireOf)) as unknown as Json,
  events: each(events as Record<string, z.ZodType>, (schema) => jsonSchema(schema, 'output')),
  passing: each(passing as Record<string, z.ZodType>, (schema) => jsonSchema(schema, 'output')),
  requests: each(requests as Record<string, { payload: z.ZodType; ack: z.ZodType }>, ({ payload, ack }) => ({
    payload: jsonSchema(payload, 'input'),
    ack: jsonSchema(ack, 'output'),
  })),
})

const all: Endpoint[] = Object.values(endpoints).flatMap((noun) => Object.values(noun) as Endpoint[])
const nameOf = ({ method, url }: Endpoint) => `${method} ${url}`

describe('the contract', () => {
  it('has the hash that belongs to its version', () => {
    const hash = createHash('sha256').update(JSON.stringify(wire)).digest('hex')
    expect(
      pinned[PROTOCOL_VERSION],
      `The contract has changed under PROTOCOL_VERSION ${PROTOCOL_VERSION}. Read the note at the top of this test; the hash is now ${hash}`,
    ).toBe(hash)
  })

  it('has no event that is durable in two rooms with two shapes, nor durable and passing', () => {
    const inBoth = Object.keys(projectEvents).filter((name) => Object.hasOwn(userEvents, name))
    expect(inBoth).toEqual(['extension:event'])
    expect(projectEvents['extension:event']).toBe(userEvents['extension:event'])
    const durable = new Set([...Object.keys(projectEvents), ...Object.keys(userEvents)])
    expect(Object.keys(passing).filter((name) => durable.has(name))).toEqual([])
    expect(Object.keys(events).sort()).toEqual([...durable].sort())
  })

  it('names each endpoint once, with one success status, and its ids as parameters', () => {
    expect(all.map(nameOf).toSorted()).toEqual([...new Set(all.map(nameOf))].sort())
    for (const endpoint of all) {
      expect(Object.keys(endpoint.schema.response), nameOf(endpoint)).toHaveLength(1)
      const named = [...endpoint.url.matchAll(/:(\w+)/g)].map(([, name]) => name)
      expect(named.sort(), nameOf(endpoint)).toEqual(Object.keys(endpoint.schema.params?.shape ?? {}).sort())
      const creates = endpoint.method === 'POST' && statusOf(endpoint) === 201
      expect(endpoint.location !== undefined, nameOf(endpoint)).toBe(creates)
      if (endpoint.method === 'DELETE') expect(statusOf(endpoint), nameOf(endpoint)).toBe(204)
    }
  })

  it('refuses unknown keys and unknown query parameters everywhere', () => {
    for (const endpoint of all)
      for (const part of ['body', 'querystring'] as const) {
        const schema = endpoint.schema[part]
        if (!schema) continue
        const refused = schema.safeParse({ aKeyNobodyKnows: 1 })
        expect(JSON.stringify(refused.error?.issues), `${nameOf(endpoint)} ${part}`).toContain('unrecognized_keys')
      }
  })

  for (const endpoint of all)
    for (const [status, schema] of Object.entries(endpoint.schema.response))
      if (!(schema instanceof z.ZodUndefined))
        it(`compiles the serializer of ${nameOf(endpoint)} → ${status}`, () => {
          expect(compileSerializer(schema)).toBeTypeOf('function')
        })
})

describe('the documentation that the server serves', () => {
  const app = useApp()

  interface Operation {
    security?: unknown[]
    parameters?: ({ name: string; in: string } | { $ref: string })[]
    requestBody?: { content: Record<string, { schema: Json }> }
    responses: Record<string, { content?: Record<string, { schema: Json }> }>
  }
  interface OpenApi {
    openapi: string
    info: { version: string }
    paths: Record<string, Record<string, Operation>>
    components: { schemas: Record<string, Json> }
  }
  const openApi = async () => (await (await fetch(`${app().url}/openapi.json`)).json()) as OpenApi

  /** Every `$ref` in a document. */
  function refs(value: unknown): string[] {
    if (typeof value !== 'object' || value === null) return []
    return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' && typeof inner === 'string' ? [inner] : refs(inner)))
  }
  function resolve(document: unknown, ref: string): unknown {
    if (!ref.startsWith('#/')) return undefined
    return ref
      .slice(2)
      .split('/')
      .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
  }

  it('/openapi.json is OpenAPI 3.1 with exactly the endpoints of the contract', async () => {
    const document = await openApi()
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    expect(document.info.version).toBe(`${PROTOCOL_VERSION}`)
    const said = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(said.sort()).toEqual(all.map((e) => `${e.method} ${e.url.replace(/:(\w+)/g, '{$1}')}`).sort())
  })

  it('/openapi.json has for each endpoint its input, its answers and its problems', async () => {
    const document = await openApi()
    for (const endpoint of all) {
      const operation = document.paths[endpoint.url.replace(/:(\w+)/g, '{$1}')]?.[endpoint.method.toLowerCase()]
      const name = nameOf(endpoint)
      expect(operation, name).toBeDefined()
      if (!operation) continue
      const parameters = (operation.parameters ?? []).map((parameter) => {
        const at = '$ref' in parameter ? (resolve(document, parameter.$ref) as { name: string; in: string }) : parameter
        return `${at.in} ${at.name}`
      })
      const writes = endpoint.method !== 'GET' && !['public', 'session'].includes(endpoint.access)
      const expected = [
        ...Object.keys(endpoint.schema.params?.shape ?? {}).map((key) => `path ${key}`),
        ...Object.keys(endpoint.schema.querystring?.shape ?? {}).map((key) => `query ${key}`),
        ...(writes ? ['header Idempotency-Key'] : []),
        ...(endpoint.eventStream !== undefined ? ['header Last-Event-ID'] : []),
      ]
      const conditional = ['header If-Match', 'header If-None-Match']
      expect(parameters.filter((parameter) => !conditional.includes(parameter)).sort(), name).toEqual(expected.sort())
      expect(operation.requestBody !== undefined, name).toBe(endpoint.schema.body !== undefined)
      expect(operation.security, name).toEqual(endpoint.access === 'public' ? [] : [{ bearer: [] }, { cookie: [] }])
      const { [`${statusOf(endpoint)}`]: success, 304: known, ...refusals } = operation.responses
      expect(success, name).toBeDefined()
      expect(known !== undefined, name).toBe(parameters.includes('header If-None-Match'))
      expect(refusals['412'] !== undefined, name).toBe(parameters.includes('header If-Match'))
      expect(Object.keys(refusals), name).toEqual(expect.arrayContaining(['422', '429', '503', '4XX', '5XX']))
      for (const refusal of Object.values(refusals) as unknown as { $ref: string }[])
        expect(resolve(document, refusal.$ref), name).toMatchObject({
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        })
    }
  })

  it('/openapi.json has every problem and no dangling reference', async () => {
    const document = await openApi()
    const problem = document.components.schemas.Problem as { properties: { code: { enum: string[] } } } | undefined
    expect(problem?.properties.code.enum.toSorted()).toEqual(Object.keys(problems).sort())
    const found = refs(document)
    expect(found.length).toBeGreaterThan(all.length)
    expect(found.filter((ref) => resolve(document, ref) === undefined)).toEqual([])
    // The walker itself sees a reference that leads nowhere.
    expect(resolve(document, '#/components/schemas/Nothing')).toBeUndefined()
  })

  it('/docs is a page', async () => {
    const answer = await fetch(`${app().url}/docs`)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)])
    expect(await answer.text()).toContain('<html')
  })

  /** Asks as the contract says, and holds the answer to it: exactly the fields that are named there, nothing more or less. */
  async function ask<E extends Endpoint>(
    person: Person,
    endpoint: E,
    params: Record<string, string> = {},
    body?: Input<E, 'body'>,
  ): Promise<{ id: string } & Record<string, unknown>> {
    const path = endpoint.url.replace(/:(\w+)/g, (_, name: string) => params[name] ?? '')
    const answer = await person.call(endpoint.method, path, body)
    expect(answer.status, `${endpoint.method} ${path} ${JSON.stringify(answer.body)}`).toBe(statusOf(endpoint))
    const schema = endpoint.schema.response[statusOf(endpoint)] as z.ZodType
    expect(schema.parse(answer.body), endpoint.url).toEqual(answer.body)
    return answer.body as never
  }

  it('D4 answers have exactly the fields of the contract, for every noun', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const e = endpoints
    const text = 'a "quoted" \\ back\u2028slash\n\ttab 😀 ‮ é \u0001 </script>'
    const at = { projectId: project.id }
    const created = await ask(owner, e.projects.create, {}, { name: 'New', description: text })
    expect(created.description).toBe(text)
    const task = await ask(owner, e.tasks.create, at, {
      title: 'T',
      description: text,
      assigneeId: editor.id,
      dueAt: '2026-03-01T12:00:00+02:00',
      labels: ['a', 'b'],
    })
    expect(task).toMatchObject({ description: text, dueAt: '2026-03-01T10:00:00.000Z' })
    const bare = await ask(owner, e.tasks.create, at, { title: 'bare' })
    expect(bare).toMatchObject({ description: null, assignee: null, dueAt: null, labels: [] })
    const vibe = await ask(owner, e.vibes.create, at, { name: 'V', theme: text })
    const cut = await ask(owner, e.cuts.create, { vibeId: vibe.id }, { name: 'C', bpm: 120.25, timeSignature: '7/8' })
    expect(cut.bpm).toBe(120.25)
    await ask(owner, e.cuts.writeLyrics, { cutId: cut.id }, { lyrics: [{ atMs: 1, text }, { text: '' }] })
    const comment = await ask(owner, e.comments.createOnCut, { cutId: cut.id }, { body: text, atMs: 5, endMs: 10 })
    await ask(editor, e.comments.createOnTask, { taskId: task.id }, { body: text })
    await ask(editor, e.comments.reply, { commentId: comment.id }, { body: 'reply' })
    await ask(owner, e.comments.update, { commentId: comment.id }, { body: 'edited' })
    await ask(editor, e.comments.resolve, { commentId: comment.id })
    await ask(editor, e.members.update, { ...at, userId: editor.id }, { role: 'editor' }).catch(() => {})
    await ask(owner, e.members.update, { ...at, userId: editor.id }, { role: 'owner' })
    await ask(owner, e.me.update, {}, { avatarUrl: 'https://example.com/a.png?b=c&d="e"' })
    await ask(owner, e.projects.update, at, { description: text })
    await ask(owner, e.tasks.move, { taskId: task.id }, { status: 'doing', after: null })
    await ask(owner, e.vibes.move, { vibeId: vibe.id }, { after: null })
    await ask(owner, e.cuts.move, { cutId: cut.id }, { vibeId: vibe.id, after: null })
    const older = await completeTake(app(), owner, cut.id, 1)
    const file = await completeTake(app(), owner, cut.id, 2)
    await ask(owner, e.files.update, { fileId: file.id }, { name: 'Renamed' })
    await ask(owner, e.mail.update, {}, { missed: false, digest: 'off', projects: [{ projectId: project.id, digest: 'daily' }] })
    await ask(owner, e.markers.import, { fileId: older.id }, { csv: 'atMs,endMs,body\n1,2,"from, afar"' })
    await ask(editor, e.comments.carry, { fileId: file.id }, { from: older.id })
    await ask(editor, e.cuts.setState, { cutId: cut.id }, { state: 'approved', fileId: file.id })

    const share = await ask(owner, e.shares.createOnFile, { fileId: file.id }, { allows: 'download' })
    await ask(owner, e.shares.createOnCut, { cutId: cut.id }, { expiresAt: '2126-03-01T12:00:00+02:00' })
    const { data } = await ask(editor, e.activity.project, at)
    const [activity] = data as { id: string; seq: number }[]
    const event = { eventId: activity?.id ?? '' }
    await ask(editor, e.activity.read, {}, { projectId: project.id, seq: activity?.seq ?? 0 })
    await ask(editor, e.activity.dismiss, event)
    await ask(editor, e.activity.restore, event)
    await ask(owner, e.shared.open, { token: share.token as string }, { password: text })

    const invitation = await ask(owner, e.invitations.create, at, { email: 'guest@example.com', role: 'viewer' })
    await ask(owner, e.invitations.resend, { invitationId: invitation.id as string })
    const link = await ask(owner, e.invitations.create, at, {})
    const byToken = { token: link.token as string }
    await ask(owner, e.invitations.byToken, byToken)
    await ask(owner, e.invitations.accept, byToken)

    const webhook = await ask(owner, e.webhooks.create, at, { url: 'https://hooks.example.com/', events: ['task.created'] })
    const onWebhook = { webhookId: webhook.id }
    await ask(owner, e.webhooks.update, onWebhook, { events: null })
    await ask(owner, e.webhooks.rotate, onWebhook)
    await ask(owner, e.webhooks.test, onWebhook)
    await ask(owner, e.webhooks.replay, onWebhook, { after: 0 })

    const conversation = await ask(owner, e.conversations.create, {}, { memberIds: [editor.id] })
    const { id: conversationId } = conversation
    const message = await ask(owner, e.messages.create, { conversationId }, { body: text })
    await ask(owner, e.messages.update, { messageId: message.id }, { body: 'edited' })
    await ask(editor, e.conversations.read, { conversationId }, { messageId: message.id })
    const wanted = { projectId: project.id, muted: false, kinds: { upload: 'off' as const } }
    await ask(owner, e.notifications.setPreferences, {}, { kinds: { reply: 'off' }, projects: [wanted] })
    await ask(editor, e.notifications.seenAll, {}, {})

    const ids = {
      ...at,
      conversationId,
      messageId: message.id,
      invitationId: invitation.id as string,
      taskId: task.id,
      vibeId: vibe.id,
      cutId: cut.id,
      commentId: comment.id,
      fileId: file.id,
      shareId: share.id,
      ...onWebhook,
      token: share.token as string,
      mailToken: unsubscribeTokens(app().config.jwtSecret).of({ userId: owner.id, kind: 'digest', projectId: project.id }),
      userId: editor.id,
    }
    // Bytes have no fields.
    const reads: Endpoint[] = all.filter(
      (endpoint) => endpoint.method === 'GET' && !endpoint.media && endpoint !== e.invitations.byToken,
    )
    for (const endpoint of reads) await ask(owner, endpoint, ids)
    expect(reads.length).toBeGreaterThan(15)
    const credentials = { email: owner.email, password: PASSWORD, delivery: 'body' as const }
    const login = await ask(owner, e.auth.login, {}, credentials)
    await ask(owner, e.auth.refresh, {}, { refreshToken: login.refreshToken as string })
    await ask(owner, e.comments.reopen, ids)
    for (const endpoint of [
      e.messages.delete,
      e.comments.delete,
      e.invitations.revoke,
      e.shares.revoke,
      e.webhooks.delete,
      e.files.delete,
      e.tasks.delete,
      e.cuts.delete,
      e.vibes.delete,
      e.members.delete,
      e.projects.delete,
    ])
      await ask(owner, endpoint, ids)
  })

  it('D4 the serializer writes what a strict reading of the schema gives, and leaves out what is not named', async () => {
    const { project, owner } = await createTeam(app())
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'T', dueAt: '2026-03-01T12:00:00Z' })
    for (const [endpoint, path] of [
      [endpoints.tasks.list, `/api/projects/${project.id}/tasks`],
      [endpoints.members.list, `/api/projects/${project.id}/members`],
      [endpoints.projects.list, '/api/projects'],
      [endpoints.projects.get, `/api/projects/${project.id}`],
      [endpoints.rooms.snapshot, `/api/projects/${project.id}/snapshot`],
      [endpoints.rooms.events, `/api/projects/${project.id}/events`],
      [endpoints.me.get, '/api/me'],
      [endpoints.me.sessions, '/api/me/sessions'],
    ] as [Endpoint, string][]) {
      const schema = endpoint.schema.response[200] as z.ZodType
      const body = await owner.must('GET', path)
      const serialize = compileSerializer(schema)
      expect(JSON.parse(serialize(body)), path).toEqual(schema.parse(body))
      expect(JSON.parse(serialize(withExtras(body))), path).toEqual(body)
      for (const key of Object.keys(body as object)) {
        const { [key]: _, ...rest } = body as Record<string, unknown>
        expect(schema.safeParse(rest).success, `${path} ${key}`).toBe(false)
        expect(() => serialize(rest), `${path} ${key}`).toThrow()
      }
    }
  })

  /** The same with a secret in every object, except inside payloads, which are whatever the event says. */
  function withExtras(value: unknown, key = ''): unknown {
    if (Array.isArray(value)) return value.map((item) => withExtras(item))
    if (typeof value !== 'object' || value === null || key === 'payload') return value
    const inner = Object.entries(value).map(([name, item]) => [name, withExtras(item, name)])
    return { ...Object.fromEntries(inner), passwordHash: 'secret' }
  }
})
