import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { AnswerHeaders } from './headers.ts'
import { refuseUnparsed } from './raw-refusals.ts'

/** How long a body may take to come, ms. */
const BODY_MS = 30_000
/** The same of a file. */
const FILE_MS = 3_600_000
/** And the rest of a body that was answered before it came whole. */
const REST_MS = 5_000

/** Ends connections whose bodies take too long. Node's own `requestTimeout` is one for all requests. */
export const bodyTimeoutPlugin = fp<{ headers: AnswerHeaders }>(
  async (app, { headers }) => {
    function expire(socket: Socket): void {
      refuseUnparsed(Object.assign(new Error('the body took too long'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket, headers)
    }
    app.addHook('onRequest', ({ raw, headers: sent, routeOptions }: FastifyRequest, reply: FastifyReply, done) => {
      const hasBody = sent['transfer-encoding'] !== undefined || Number(sent['content-length'] ?? 0) > 0
      if (!hasBody || raw.complete) return done()
      let timer = setTimeout(expire, routeOptions.config.receivesFile ? FILE_MS : BODY_MS, raw.socket)
      raw.once('close', () => clearTimeout(timer))
      raw.once('end', () => clearTimeout(timer))
      reply.raw.once('finish', () => {
        if (raw.complete || raw.destroyed) return
        clearTimeout(timer)
        // The client may have sent all of it, and use the connection again: nothing comes through it before the rest was read.
        raw.unpipe()
        raw.resume()
        timer = setTimeout(() => raw.socket.destroy(), REST_MS)
      })
      done()
    })
  },
  { name: 'cutroom-body-timeout' },
)
