import type { LogEntry } from '../../rooms/log/entries.ts'
import type { Outcome, Receiver } from './deliveries.ts'
import type { Post } from './post.ts'
import type { WebhookSecrets } from './secrets.ts'

/** The longest body, bytes. */
const MAX_BODY = 512 * 1024

/** What is posted, the same at each attempt. */
export interface Message {
  /** `webhook-id` */
  id: string
  body: string
}

/** The type of an event, by the rules of Standard Webhooks: `comment.created` of `comment:created`. */
export const typeOf = (name: string): string => name.replace(':', '.')

/** An event of the log. Its body follows from what the log holds: a retry or a replay has the same bytes. */
export const messageOf = ({ name, payload, meta: { id, at, room, seq } }: LogEntry): Message => ({
  id,
  body: JSON.stringify({ type: typeOf(name), timestamp: at, data: payload, room, seq }),
})

/** A test: no event of the log. */
export const testMessage = (id: string, at: Date, { id: webhookId, projectId }: Receiver): Message => ({
  id,
  body: JSON.stringify({
    type: 'webhook.test',
    timestamp: at.toISOString(),
    data: { webhookId },
    room: `project:${projectId}`,
    seq: null,
  }),
})

const unsent = (end: 'failed' | 'dropped', error: string): Outcome => ({
  end,
  statusCode: null,
  error,
  durationMs: 0,
  retryAfter: undefined,
})
/** Of an event that retention has taken before its last attempt. */
export const LOST = unsent('dropped', 'the log does not reach back so far any more')

/** One attempt. @throws the reason of the signal, which breaks it off */
export type Send = (receiver: Receiver, message: Message, signal: AbortSignal) => Promise<Outcome>

export function createSend(post: Post, secrets: WebhookSecrets): Send {
  return async (receiver, { id, body }, signal) => {
    if (Buffer.byteLength(body) > MAX_BODY) return unsent('dropped', `the body is larger than ${MAX_BODY / 1024} KiB`)
    const seconds = Math.floor(Date.now() / 1_000)
    const signature = secrets.sign(receiver, { id, seconds, body })
    if (signature === null) return unsent('failed', 'the secret is of another JWT_SECRET: renew it')
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Cutroom-Webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
    }
    const begin = performance.now()
    const { statusCode, error, retryAfter } = await post({ url: receiver.url, headers, body, signal })
    const end =
      statusCode === 410 ? 'gone' : statusCode !== null && statusCode >= 200 && statusCode < 300 ? 'delivered' : 'failed'
    const said =
      statusCode !== null && statusCode >= 300 && statusCode < 400 ? 'redirects are not followed' : `answered ${statusCode}`
    return {
      end,
      statusCode,
      error: end === 'delivered' ? null : (error ?? said),
      durationMs: performance.now() - begin,
      retryAfter,
    }
  }
}
