import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Config } from '../config.ts'
import { addressOf } from '../rooms/sockets/handshake.ts'
import { refuse } from './errors.ts'
import type { AnswerHeaders } from './headers.ts'
import { loggerOptions } from './logger.ts'
import { refuseUnparsed } from './raw-refusals.ts'

/** JSON bodies, bytes: a comment is 10,000 characters, the longest lyrics are well below. */
const BODY_LIMIT = 256 * 1024

/** Fastify without routes, which answers what it cannot parse in the words of the contract. */
export function createServer(config: Config, headers: AnswerHeaders): FastifyInstance {
  const app: FastifyInstance = Fastify({
    logger: loggerOptions(config),
    // One proxy, the nearest: what stands in X-Forwarded-For before its own word, the visitor may have written.
    trustProxy: config.trustProxy && ((_address, hop) => hop === 0),
    bodyLimit: BODY_LIMIT,
    // bodyTimeoutPlugin ends bodies that take too long: files take longer than others.
    requestTimeout: 0,
    // Idle connections end, in either direction: so does an answer that is not read.
    connectionTimeout: 30_000,
    // A request without the end of its headers is closed within 6 s.
    http: { headersTimeout: 4_000, connectionsCheckingInterval: 1_000 },
    // Odd addresses, refused before there is a route.
    frameworkErrors: (error, request, reply) => refuse(error, request, reply.headers(headers.ofRefusal(request.headers.origin))),
    clientErrorHandler(error, socket) {
      app.log.debug({ reason: error.code }, 'http: a request could not be parsed')
      refuseUnparsed(error, socket, headers)
    },
    // stoppingPlugin answers in the words of the contract.
    return503OnClosing: false,
    // A proxy may name requests; a stranger may not.
    requestIdHeader: config.trustProxy && 'x-request-id',
    genReqId: () => crypto.randomUUID(),
    logController: new LogController({ disableRequestLogging: !['debug', 'trace'].includes(config.logLevel) }),
  })
  // Before any hook asks for `request.ip`, so that it is the address that the limits on sockets see.
  if (config.trustProxy)
    app.addHook('onRequest', ({ raw }, _reply, done) => {
      raw.headers['x-forwarded-for'] = addressOf(raw, true)
      done()
    })
  return app
}
