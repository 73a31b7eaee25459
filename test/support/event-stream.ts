import { get, type IncomingMessage } from 'node:http'
import type { Meta, Problem } from '@cutroom/contract'
import { onTestFinished } from 'vitest'
import type { TestApp } from './app.ts'
import type { Person } from './people.ts'
import { until } from './until.ts'

/** One event as it came in; those of the log have an id. */
export interface StreamEvent {
  name: string
  id: string | undefined
  data: Record<string, unknown>
}

/** A client of Server-Sent Events by hand, which shows what an EventSource hides; closed when the test ends. */
export interface Stream {
  status: number
  headers: IncomingMessage['headers']
  problem: Problem | undefined
  /** All that came in, as text. */
  text(): string
  events(): StreamEvent[]
  /** Events of the log. */
  logged(): { name: string; payload: Record<string, unknown>; meta: Meta }[]
  seqs(): number[]
  /** The id that an EventSource would send. */
  lastId(): string | undefined
  /** Waits for an event of this name. */
  first(name: string): Promise<StreamEvent>
  isOver(): boolean
  close(): void
  /** The connection's side of the client. */
  socket: IncomingMessage['socket']
  response: IncomingMessage
}

function parse(text: string): StreamEvent[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) => {
      const field = (name: string) =>
        block
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2)
      const data = field('data')
      return data === undefined ? [] : [{ name: field('event') ?? 'message', id: field('id'), data: JSON.parse(data) }]
    })
}

/** Opens a stream of a project's events. @param query of the address, like `?after=3` */
export async function openStream(
  { url }: Pick<TestApp, 'url'>,
  projectId: string,
  headers: Record<string, string>,
  query = '',
): Promise<Stream> {
  const request = get(`${url}/api/projects/${projectId}/events${query}`, {
    agent: false,
    headers: { accept: 'text/event-stream', ...headers },
  })
  onTestFinished(() => void request.destroy())
  let over = false
  const end = () => {
    over = true
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })
  request.on('error', end)
  let text = ''
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
  })
  response.on('close', end)
  response.on('error', end)
  const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true
  if (!isStream) await until('the answer', () => over)
  const logged: Stream['logged'] = () => parse(text).flatMap(({ id, data }) => ('meta' in data && id ? [data as never] : []))
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    problem: isStream || text === '' ? undefined : JSON.parse(text),
    text: () => text,
    events: () => parse(text),
    logged,
    seqs: () => logged().map(({ meta }) => meta.seq),
    // Of what has come whole.
    lastId: () => [...text.slice(0, text.lastIndexOf('\n\n') + 1).matchAll(/^id: (.+)$/gm)].at(-1)?.[1],
    async first(name) {
      const found = () => parse(text).find((event) => event.name === name)
      await until(name, () => found() !== undefined)
      return found() as StreamEvent
    },
    isOver: () => over,
    close: () => void request.destroy(),
    socket: response.socket,
    response,
  }
}

/** A stream of a person with a bearer token. */
export const streamOf = (
  app: Pick<TestApp, 'url'>,
  person: Pick<Person, 'token'>,
  projectId: string,
  query = '',
  lastId?: string,
) =>
  openStream(
    app,
    projectId,
    { authorization: `Bearer ${person.token}`, ...(lastId !== undefined && { 'last-event-id': lastId }) },
    query,
  )
