import { PROTOCOL_VERSION } from '@cutroom/contract'
import type { Config } from '../../config.ts'
import { basePathOf } from '../cookies.ts'
import type { EventReference, Message } from './events.ts'

/** `comment:created` as a key: `commentCreated`. */
const keyOf = (name: string): string => name.replace(/[:-](\w)/g, (_, letter: string) => letter.toUpperCase())

const CHANNELS = {
  project: {
    address: 'project:{projectId}',
    title: 'The room of a project',
    description: 'For members who joined it with `join:project`. Durable events, in the order of the log.',
    parameters: { projectId: { description: 'The id of the project' } },
  },
  user: {
    address: 'user:{userId}',
    title: 'The room of a person',
    description: 'Each connection of a person stands in it by itself. Durable events, in the order of the log.',
    parameters: { userId: { description: 'The id of the person' } },
  },
  socket: {
    address: '/',
    title: 'A connection',
    description: 'Requests with their acks, and passing events: best effort, without a position.',
  },
}
type Channel = keyof typeof CHANNELS

const refer = (...path: string[]) => ({ $ref: `#/${path.join('/')}` })

/** Where Socket.IO is found. */
function serverOf(config: Pick<Config, 'publicUrl' | 'port' | 'socketPath' | 'secureCookies'>) {
  const base = basePathOf(config)
  return {
    host: config.publicUrl === undefined ? `localhost:${config.port}` : new URL(config.publicUrl).host,
    pathname: `${base}${config.socketPath}/`,
    protocol: config.secureCookies ? 'wss' : 'ws',
    description:
      'Socket.IO 4, by WebSocket. The handshake takes the access token from `auth.token`, the Authorization header or the cookie.',
    security: [refer('components', 'securitySchemes', 'token')],
  }
}

/** AsyncAPI 3.0 of all that goes over a socket: the server is the application that it describes. */
export function asyncApiOf(
  reference: EventReference,
  config: Pick<Config, 'publicUrl' | 'port' | 'socketPath' | 'secureCookies'>,
) {
  const messages: Record<Channel, Record<string, object>> = { project: {}, user: {}, socket: {} }
  const operations: Record<string, object> = {}

  const messageOf = ({ name, when, to, payload, example }: Message, isDurable: boolean) => ({
    name,
    title: name,
    summary: `${when}.`,
    description: `To: ${to}.`,
    payload,
    // The second argument beside the payload.
    ...(isDurable && { headers: reference.meta.schema }),
    examples: [{ name, payload: example, ...(isDurable && { headers: reference.meta.example }) }],
  })
  function addEvents(channel: Channel, events: readonly Message[], isDurable: boolean): void {
    for (const event of events) {
      const key = keyOf(event.name)
      messages[channel][key] = messageOf(event, isDurable)
      // One that is in both kinds of rooms has an operation for each.
      const operation = `send-${key}`
      operations[operation in operations ? `${operation}-${channel}` : operation] = {
        action: 'send',
        channel: refer('channels', channel),
        title: event.name,
        summary: `${event.when}.`,
        messages: [refer('channels', channel, 'messages', key)],
      }
    }
  }
  function addRequests(requests: readonly Message[]): void {
    for (const request of requests) {
      const [asked, acked] = [`${keyOf(request.name)}Request`, `${keyOf(request.name)}Ack`]
      messages.socket[asked] = messageOf(request, false)
      messages.socket[acked] = {
        name: `ack of ${request.name}`,
        title: `Ack of ${request.name}`,
        summary: 'Sent where the client asks for an ack.',
        payload: request.ack?.schema,
        examples: [{ name: `ack of ${request.name}`, payload: request.ack?.example }],
      }
      operations[`receive-${keyOf(request.name)}`] = {
        action: 'receive',
        channel: refer('channels', 'socket'),
        title: request.name,
        summary: `${request.when}.`,
        messages: [refer('channels', 'socket', 'messages', asked)],
        reply: { channel: refer('channels', 'socket'), messages: [refer('channels', 'socket', 'messages', acked)] },
      }
    }
  }
  addEvents('project', reference.project, true)
  addEvents('user', reference.user, true)
  addEvents('socket', reference.passing, false)
  addRequests(reference.requests)

  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Cutroom',
      version: `${PROTOCOL_VERSION}`,
      description:
        'All that goes over a socket of Cutroom. A durable event has two arguments: the payload, and the headers as `meta`.',
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
    },
    defaultContentType: 'application/json',
    servers: { cutroom: serverOf(config) },
    channels: Object.fromEntries(
      Object.entries(CHANNELS).map(([name, channel]) => [
        name,
        { ...channel, servers: [refer('servers', 'cutroom')], messages: messages[name as Channel] },
      ]),
    ),
    operations,
    components: {
      schemas: reference.schemas,
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'The access token of a login' } },
    },
  }
}
