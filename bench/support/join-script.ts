import { APP_ID, pointerTo } from '../subjects/parse/client.ts'
import type { SocketSpec } from './subject.ts'

/** A socket of a crowd. */
export interface CrowdSpec extends SocketSpec {
  /** It has everything of its places up to here, and wants the rest. Only Cutroom can. */
  after?: number
}

/** How a subject's socket joins its places: written by hand and never parsed, so that thousands cost little. */
export interface JoinScript {
  path: string
  /** `when` a message begins like this, `send` that; the first is the opening itself where `when` is empty. After the last one it has joined. */
  steps: readonly { when: string; send?: string }[]
  /** How a refusal begins, and any answer that was not hoped for. */
  refused: readonly string[]
  /** How the event of a comment begins. */
  event: string
}

const SOCKET_IO = '/socket.io/?EIO=4&transport=websocket'

/** Questions one after the other, each asked when the one before was answered well. */
function asked(questions: readonly unknown[], good: string): JoinScript['steps'] {
  const [first, ...others] = questions
  const request = (question: unknown, n: number) => `42${n}${JSON.stringify(question)}`
  return [
    { when: '40', send: request(first, 0) },
    ...others.map((question, n) => ({ when: `43${n}${good}`, send: request(question, n + 1) })),
    { when: `43${questions.length - 1}${good}` },
  ]
}

function cutroom({ token, places, after }: CrowdSpec): JoinScript {
  const joins = places.map((projectId) => ['join:project', { projectId, activity: false, ...(after !== undefined && { after }) }])
  return {
    path: SOCKET_IO,
    steps: [{ when: '0', send: `40${JSON.stringify({ token })}` }, ...asked(joins, '[{"ok":true')],
    refused: ['43', '44'],
    event: '42["comment:created"',
  }
}

function feathers({ token, places }: CrowdSpec): JoinScript {
  const login = ['create', 'authentication', { strategy: 'jwt', accessToken: token }, {}]
  const joins = places.map((place) => ['create', 'stands', { projectId: Number(place) }, {}])
  return {
    path: SOCKET_IO,
    steps: [{ when: '0', send: '40' }, ...asked([login, ...joins], '[null')],
    refused: ['43', '44'],
    event: '42["comments created"',
  }
}

function parse({ token, places }: CrowdSpec): JoinScript {
  const [place = ''] = places
  if (places.length !== 1) throw new RangeError('a socket of a crowd stands in one place at parse')
  const query = { className: 'Comment', where: { project: pointerTo(place) } }
  return {
    path: '/',
    steps: [
      { when: '', send: JSON.stringify({ op: 'connect', applicationId: APP_ID, sessionToken: token }) },
      { when: '{"op":"connected"', send: JSON.stringify({ op: 'subscribe', requestId: 1, query }) },
      { when: '{"op":"subscribed"' },
    ],
    refused: ['{"op":"error"'],
    event: '{"op":"create"',
  }
}

const scripts: Record<string, (spec: CrowdSpec) => JoinScript> = {
  cutroom,
  limit: cutroom,
  article: cutroom,
  'socket-io': cutroom,
  feathers,
  parse,
}

/** @throws for a subject without a script */
export function joinScriptOf(spec: CrowdSpec): JoinScript {
  const script = scripts[spec.subject]
  if (!script) throw new RangeError(`a crowd does not know how to speak with ${spec.subject}`)
  return script(spec)
}
