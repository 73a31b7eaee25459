import { shared } from '@cutroom/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { problem } from '../../errors.ts'
import { basePathOf } from '../../http/cookies.ts'
import { decodePeaks } from '../../media/peaks.ts'
import { waveformSvg } from '../../media/waveform.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'
import { type Attempt, createGuessLimits } from '../auth/guesses.ts'
import { verifyPassword, withHashSlot } from '../auth/password.ts'
import { createContentSender, type Exchange, loadPeaks } from '../files/content.ts'
import type { RouteContext } from '../shared/noun.ts'
import { createPlays } from './plays.ts'
import { OPEN_MS, type ShareTokens } from './tokens.ts'
import { createVisits, type LinkAccess, presentVisit, stillShown, type Visit } from './visits.ts'
import { addPlays } from './writes.ts'

/** Tokens that name nothing, of one network in 15 minutes. */
const INVENTED = 120
/** How long a network is known to a link that was opened from it, ms: guesses of others do not lock it out. */
const KNOWN_MS = 24 * 3_600_000
const placeOf = ({ subject, address }: Attempt) => `${subject} ${networkOf(address)}`
/** Where a browser begins that only asks whether ranges are served: `bytes=0-1`. */
const PROBE_END = 1

/** The cookie of an opened link; it is sent to its path only. */
function createCookie({ publicUrl, secureCookies }: RouteContext['config']) {
  const base = basePathOf({ publicUrl })
  const name = secureCookies ? '__Secure-cutroom_shared' : 'cutroom_shared'
  return {
    of: ({ cookies }: FastifyRequest): string | undefined => cookies[name],
    set(reply: FastifyReply, token: string, grant: string): void {
      const options = { httpOnly: true, secure: secureCookies, sameSite: 'strict', maxAge: OPEN_MS / 1000 } as const
      reply.setCookie(name, grant, { ...options, path: `${base}/api/shared/${token}` })
    },
  }
}

/** Was the content sent from its start, and more of it than a probe asks for? */
function isPlay({ method }: FastifyRequest, reply: FastifyReply): boolean {
  if (method !== 'GET') return false
  if (reply.statusCode === 200) return true
  const [, start, end] = /^bytes (\d+)-(\d+)\//.exec(String(reply.getHeader('content-range'))) ?? []
  return reply.statusCode === 206 && start === '0' && Number(end) > PROBE_END
}

/** What people without an account ask, by a link. */
export function publicRoutes(app: FastifyInstance, { query, config, files }: RouteContext, tokens: ShareTokens): void {
  const visitOf = createVisits(query, app.limit('shared-invented', INVENTED))
  const opened = app.limit('share-opened', 1, KNOWN_MS)
  const guesses = createGuessLimits(app.limit, 'share', async (attempt) => (await opened.used(placeOf(attempt))) > 0)
  const cookie = createCookie(config)
  const download = app.downloads.kind<LinkAccess>((accesses) => stillShown(query, accesses))
  const send = createContentSender(query, files.storage)
  const plays = createPlays({
    makeLimit: app.limit,
    save: (counts) => app.rooms.commit(null, (write) => addPlays(write, counts)),
    onError: (error) => app.log.warn({ err: error }, 'shares: plays could not be counted, tried again later'),
  })
  app.addHook('onClose', () => plays.close())

  /** @throws problem not-found | gone | password-required */
  async function openVisit(request: FastifyRequest, token: string): Promise<Visit> {
    const visit = await visitOf(request, token)
    if (visit.passwordHash !== null && !tokens.isGrant(visit.shareId, cookie.of(request))) throw problem('password-required')
    return visit
  }
  const exchange = (request: FastifyRequest, reply: FastifyReply, { shareId, fileId }: Visit): Exchange => ({
    request,
    reply,
    fileId,
    start: () => download(networkOf(request.ip), { shareId, fileId }),
  })

  app.serve(shared.get, async ({ request, params }) => presentVisit(await openVisit(request, params.token)))

  app.serve(shared.open, async ({ request, reply, params: { token }, body }) => {
    const { shareId, passwordHash } = await visitOf(request, token)
    if (passwordHash !== null) {
      const attempt = { subject: shareId, address: request.ip }
      await withHashSlot(async () => {
        await guesses.assert(attempt)
        if (await verifyPassword(body.password, passwordHash)) return
        await guesses.failed(attempt)
        throw problem('wrong-password')
      })
      await opened.count(placeOf(attempt))
      cookie.set(reply, token, tokens.grant(shareId))
    }
    // It may have been revoked since.
    return presentVisit(await visitOf(request, token))
  })

  app.stream(shared.content, async ({ request, reply, params, query: asked }) => {
    const visit = await openVisit(request, params.token)
    const saves = asked.download === 'true'
    if (saves && visit.allows !== 'download') throw problem('forbidden', 'This link is for listening')
    const answer = await send.content(exchange(request, reply, visit), saves ? 'attachment' : 'inline')
    if (isPlay(request, reply)) await plays.count(visit.shareId, networkOf(request.ip))
    return answer
  })
  app.stream(shared.waveform, async ({ request, reply, params }) => {
    const visit = await openVisit(request, params.token)
    return send.rendition(exchange(request, reply, visit), 'peaks', 'image/svg+xml', (data) =>
      Buffer.from(waveformSvg(decodePeaks(data))),
    )
  })
  app.serve(shared.peaks, async ({ request, reply, params, query: { points } }) => {
    const { fileId } = await openVisit(request, params.token)
    const { fileId: _, version: __, ...peaks } = await loadPeaks(query, fileId, points)
    // Numbers without a secret, which are compressed.
    reply.header('cache-control', 'private, no-cache')
    return peaks
  })
}
