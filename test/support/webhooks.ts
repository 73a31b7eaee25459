import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { NewWebhook, WebhookDelivery } from '@cutroom/contract'
import { onTestFinished } from 'vitest'
import type { WebhookSeams } from '../../src/features/webhooks/services.ts'
import { startApp, type TestApp } from './app.ts'
import { QUICK } from './consumers.ts'
import { createTeam, type Person } from './people.ts'
import { until } from './until.ts'

/** A request that a receiver got. */
export interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: string
  /** The body, parsed. */
  event: { type: string; timestamp: string; data: Record<string, unknown>; room: string; seq: number | null }
}

/** What a receiver does with the n-th request, from 1 on: a status, or whatever it likes. */
export type Reaction = (received: Received, response: ServerResponse, n: number) => number | undefined

export interface Receiver {
  url: string
  port: number
  received: Received[]
  /** Changes what it does. */
  react(reaction: Reaction): void
  /** Waits until it has got so many. */
  got(count: number): Promise<void>
  close(): Promise<void>
}

/** An HTTP server that keeps what it gets; it ends with the test. */
export async function startReceiver(reaction: Reaction = () => 204, host = '127.0.0.1'): Promise<Receiver> {
  const received: Received[] = []
  let react = reaction
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const one = { path: request.url ?? '', headers: request.headers, body, event: JSON.parse(body) }
      received.push(one)
      const status = react(one, response, received.length)
      if (status !== undefined) response.writeHead(status).end()
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const close = async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((done) => server.close(done))
  }
  onTestFinished(close)
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/hook`,
    port,
    received,
    react: (next) => {
      react = next
    },
    got: (count) => until(`${count} requests`, () => received.length >= count),
    close,
  }
}

/** A node that sends quickly, also to this machine; it ends with the test. */
export async function startSender(
  webhooks: WebhookSeams = {},
  options: { env?: Record<string, string>; databaseUrl?: string } = {},
): Promise<TestApp> {
  const app = await startApp({
    ...options,
    env: { WEBHOOKS_PRIVATE: 'on', ...options.env },
    seams: { jobs: { timings: QUICK }, webhooks },
  })
  onTestFinished(() => app.close())
  return app
}

/** Waits before all attempts but the first, ms, for tests of what comes after them. */
export const SOON = Array<number>(9).fill(10)

/** A node with a project. */
export async function startProject(webhooks: WebhookSeams = {}, options: Parameters<typeof startSender>[1] = {}) {
  const app = await startSender(webhooks, options)
  const { project, ...people } = await createTeam(app, 'editor', 'viewer')
  return { app, project: project.id, ...people }
}

export const addWebhook = (person: Person, projectId: string, url: string, events: string[] | null = null): Promise<NewWebhook> =>
  person.must('POST', `/api/projects/${projectId}/webhooks`, { url, events })

/** What a webhook was sent, oldest first. */
export async function deliveriesOf(person: Person, webhookId: string): Promise<WebhookDelivery[]> {
  const all: WebhookDelivery[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `limit=200${cursor && `&cursor=${cursor}`}`
    const page: { data: WebhookDelivery[]; nextCursor: string | null } = await person.must(
      'GET',
      `/api/webhooks/${webhookId}/deliveries?${query}`,
    )
    all.push(...page.data)
    cursor = page.nextCursor
  }
  return all.reverse()
}

/** Makes so many tasks, one after another. @returns their ids */
export async function makeTasks(person: Person, projectId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++)
    ids.push((await person.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title: `Task ${n}` })).id)
  return ids
}
