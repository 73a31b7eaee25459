import { Transform } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { problem } from '../errors.ts'

/** Bytes of a body that count as one request. */
const UNIT = 16 * 1024

/** What a body of this length costs beyond the request itself. */
const extraOf = (bytes: number): number => Math.max(Math.ceil(bytes / UNIT) - 1, 0)

/** Counts units of a body without a content-length, as they are read. */
function meter(charge: (units: number) => Promise<void>): Transform {
  let bytes = 0
  let charged = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      const due = extraOf(bytes) - charged
      charged += due
      if (due === 0) done(null, chunk)
      else charge(due).then(() => done(null, chunk), done)
    },
  })
}

/**
 * Makes each started 16 KiB of a body count as one request of the limit of requests per person: rows, events and answers weigh
 * what was sent. Comes after the rate limit was registered.
 * @param most requests per minute
 */
export function countBodies(app: FastifyInstance, most: number): void {
  const count = app.createRateLimit()

  async function charge(request: FastifyRequest, units: number): Promise<void> {
    // More than the whole limit is refused all the same.
    const counted = await Promise.all(Array.from({ length: Math.min(units, most + 1) }, () => count(request)))
    for (const used of counted)
      if (!used.isAllowed && used.isExceeded) throw problem('rate-limited', undefined, { retryAfter: Math.ceil(used.ttl / 1000) })
  }

  app.addHook('preParsing', async (request, _reply, payload) => {
    // Files have limits and quotas of their own.
    if (request.routeOptions.config.receivesFile) return payload
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (encoding === undefined) {
      const bytes = Number(length ?? 0)
      // A body beyond its limit is refused unread.
      if (bytes <= request.routeOptions.bodyLimit) await charge(request, extraOf(bytes))
      return payload
    }
    const counted = meter((units) => charge(request, units))
    payload.once('error', (error) => counted.destroy(error))
    return payload.pipe(counted)
  })
}
