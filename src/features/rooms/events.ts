import type { rooms } from '@cutroom/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { problem } from '../../errors.ts'
import { weightsOf } from '../../http/compression.ts'
import type { RequestContext } from '../../http/request-context.ts'
import { parseEventId } from '../../rooms/delivery/event-text.ts'
import type { JoinFrom } from '../../rooms/delivery/subscription.ts'

const EVENT_STREAM = 'text/event-stream'
const HEADERS = {
  'content-type': EVENT_STREAM,
  // Neither stored nor encoded: an encoder would hold events back.
  'cache-control': 'no-store, no-transform',
  // Nor may a proxy hold them back.
  'x-accel-buffering': 'no',
}

/** Whether an answer is to be a stream: it is named, and weighs more than JSON. */
export function prefersStream(accept: string | undefined): boolean {
  const weight = weightsOf(accept ?? '')
  const stream = weight(EVENT_STREAM) ?? 0
  return stream > (weight('application/json') ?? 0) && stream >= (weight('*/*') ?? 0)
}

/** The position behind which a stream begins. @throws problem bad-request */
function positionOf({ headers }: FastifyRequest, query: JoinFrom): JoinFrom {
  const id = headers['last-event-id']
  if (id === undefined || id === '') return query
  const position = parseEventId(String(id))
  if (!position) throw problem('bad-request', 'Last-Event-ID is no id of an event: EPOCH.SEQ')
  return position
}

type Context = RequestContext<typeof rooms.events>

/** What comes before the list of events: a stream for those who prefer one, and for a list with `wait` the time until there is something. */
export function streamOrWait(app: FastifyInstance): (context: Context) => Promise<FastifyReply | 'waited' | null> {
  return async ({ request, reply, params, query, scope }) => {
    const { caller, headers, method } = request
    reply.header('vary', `${reply.getHeader('vary')}, Accept`)
    const isStream = prefersStream(headers.accept)
    if (isStream && method === 'HEAD') return reply.headers(HEADERS).send()
    const { after = 0, epoch, wait } = query
    const { at } = scope
    if (caller === null || at === null) return null
    const isCurrent = epoch === undefined || epoch === app.rooms.log.epoch()
    if (!isStream && (wait === 0 || after !== at.head || !isCurrent || method === 'HEAD')) return null
    // As for a socket: what stays open is not for pages of other sites.
    if (headers.authorization === undefined && !app.tokens.mayUseCookies(headers)) throw problem('origin-refused')

    request.staysOpen = true
    const asked = { request: request.raw, response: reply.raw, caller, projectId: params.projectId, at }
    if (!isStream) {
      // What waits takes no place from the person's other requests.
      request.passage?.end()
      await app.rooms.streams.waitForNews(asked, after, wait * 1_000)
      if (reply.raw.destroyed) throw problem('bad-request', 'The client hung up')
      return 'waited'
    }
    const body = await app.rooms.streams.open(asked, positionOf(request, query))
    request.passage?.end()
    return reply.headers(HEADERS).send(body)
  }
}
