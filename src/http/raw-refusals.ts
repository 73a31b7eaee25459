import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ProblemError, problem } from '../errors.ts'
import { refuse, refuseConnection } from '../rooms/sockets/handshake.ts'
import type { AnswerHeaders } from './headers.ts'

/** A fault of the HTTP parser, or of the time that a request may take. */
interface ClientError extends Error {
  code?: string
  /** A Buffer, although the types of Fastify say otherwise. */
  rawPacket?: unknown
}

function problemOf({ code }: ClientError): ProblemError {
  if (code === 'HPE_HEADER_OVERFLOW') return problem('headers-too-large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problem('request-timeout')
  return problem('bad-request', 'This is not HTTP')
}

/** The Origin in what could not be parsed, as far as it stands there. */
const originIn = (packet: unknown): string | undefined =>
  Buffer.isBuffer(packet) ? /\r?\norigin:[ \t]*([^\r\n]*)\r?\n/i.exec(packet.toString('latin1'))?.[1]?.trim() : undefined

/** Answers what the HTTP parser refuses, before there is a request, as a problem. For Fastify's `clientErrorHandler`. */
export function refuseUnparsed(error: ClientError, socket: Socket, headers: AnswerHeaders): void {
  // Hung up, or answered already: the parser complains of each further packet.
  if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return
  // Node's own name for the response under way: another one in the middle of it would be taken for a part of it.
  const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse | null }
  if (response?.headersSent) socket.destroy()
  else refuseConnection(socket, problemOf(error), headers.ofRefusal(originIn(error.rawPacket)))
}

/**
 * Answers, as problems, the requests that Node keeps from Fastify: tunnels, other expectations than 100-continue, and upgrades
 * of other paths than that of the sockets.
 */
export function refuseUnrouted(server: Server, socketPath: string, headers: AnswerHeaders): void {
  const headersFor = ({ headers: { origin } }: IncomingMessage) => headers.ofRefusal(origin)
  server.on('connect', (request: IncomingMessage, socket: Duplex) =>
    refuseConnection(socket, problem('not-found', 'There is no such path'), headersFor(request)),
  )
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) =>
    refuse(
      Object.assign(request, { res: response }),
      problem('bad-request', 'This Expect is not supported'),
      headersFor(request),
    ),
  )
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    if (!request.url?.startsWith(socketPath))
      refuseConnection(socket, problem('not-found', 'There is nothing to upgrade to'), headersFor(request))
  })
}
