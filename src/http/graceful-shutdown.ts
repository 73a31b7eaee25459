import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { problem } from '../errors.ts'

const LOOK_MS = 250
/** Connections that bring no whole request (opened ahead of time, or stuck in the middle of one) have this long, ms. */
const PATIENCE_MS = 2_000
/** Requests in flight have this long, ms. */
const LIMIT_MS = 10_000

/** From SIGTERM on: what is new is refused, what is in flight is answered, and no open connection holds up the end. */
export const stoppingPlugin = fp(
  async (app) => {
    let stopping = false
    let timer: NodeJS.Timeout | undefined
    const inFlight = new Set<FastifyRequest>()

    app.addHook('preClose', async () => {
      stopping = true
      const from = performance.now()
      timer = setInterval(() => {
        const passed = performance.now() - from
        // Node closes those that are idle when it stops listening; those that answer then stay open for their next request.
        app.server.closeIdleConnections()
        if (passed > (inFlight.size > 0 ? LIMIT_MS : PATIENCE_MS)) app.server.closeAllConnections()
      }, LOOK_MS)
    })
    app.addHook('onClose', async () => clearInterval(timer))

    app.addHook('onRequest', (_request, _reply, done) =>
      done(stopping ? problem('unavailable', 'The server is stopping', { retryAfter: 1 }) : undefined),
    )
    // The body is there: work begins. It ends with the answer or, where the client has left before, with its connection: then there is no
    // onResponse.
    app.addHook('preValidation', (request, reply, done) => {
      inFlight.add(request)
      reply.raw.once('close', () => inFlight.delete(request))
      done()
    })
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (stopping) reply.header('connection', 'close')
      done()
    })
    app.addHook('onResponse', (request, _reply, done) => {
      inFlight.delete(request)
      done()
    })
  },
  { name: 'cutroom-stopping' },
)
