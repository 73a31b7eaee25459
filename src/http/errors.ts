import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { problem, toProblem, toWire } from '../errors.ts'

/** Answers with any error as a problem. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const failed = toProblem(error)
  // A refusal in words of our own (the server is stopping) is no fault, and neither is the loser of a race.
  if (failed.status === 500 || (failed.status > 500 && failed.cause !== undefined))
    request.log.error({ err: failed.cause ?? failed }, `http: ${failed.message}`)
  else if (failed.cause !== undefined) request.log.debug({ err: failed.cause }, `http: ${failed.message}`)
  const { retryAfter } = failed.extra
  if (retryAfter !== undefined) reply.header('retry-after', Math.ceil(retryAfter))
  if (failed.status === 401) reply.header('www-authenticate', 'Bearer')
  return (
    reply
      .code(failed.status)
      .type('application/problem+json')
      // Also where an address was too odd to come as far as the other headers.
      .header('x-content-type-options', 'nosniff')
      .serializer((value: unknown) => JSON.stringify(value))
      .send(toWire(failed, request.id))
  )
}

/** Every error leaves as `application/problem+json`; what was not expected is logged with its cause. */
export const errorsPlugin = fp(
  async (app) => {
    app.setErrorHandler(refuse)
    app.setNotFoundHandler((request, reply) => refuse(problem('not-found', 'There is no such path'), request, reply))
  },
  { name: 'cutroom-errors' },
)
