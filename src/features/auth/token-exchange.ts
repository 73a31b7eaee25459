import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError, problem } from '../../errors.ts'
import type { refreshTokens } from './refresh-token.ts'
import type { Opened } from './writes.ts'

/** What a logout closes. */
interface ToClose {
  sessionId: string
  byRefreshToken: boolean
  /** The session of the cookie beside an access token of another one: closed too, where it is of the same person. */
  later?: { sessionId: string; userId: string }
}

/** How tokens reach a client, and come back from it: in cookies or in bodies. */
export function createTokenExchange(tokens: FastifyInstance['tokens'], refresh: ReturnType<typeof refreshTokens>) {
  const { cookies } = tokens

  /** Hands the pair over as the client asked: in cookies, or in the body. */
  function deliver(reply: FastifyReply, opened: Opened, delivery: 'cookie' | 'body') {
    const access = tokens.issue(opened)
    if (delivery === 'body') return { ...access, refreshToken: opened.refreshToken }
    cookies.set(reply, { ...opened, accessToken: access.accessToken })
    return access
  }

  /**
   * The refresh token of the body, else of the cookie.
   * @throws problem origin-refused where a cookie would speak for a page of another origin
   */
  function refreshTokenOf(request: FastifyRequest, given: string | undefined): string | undefined {
    if (given !== undefined) return given
    const token = cookies.refreshOf(request.cookies)
    if (token !== undefined && !tokens.mayUseCookies(request.headers)) throw problem('origin-refused')
    return token
  }

  /**
   * The session that a logout is about. The refresh token is enough: the access token may have expired.
   * @throws what `callerOf` throws, where no token is good
   */
  function sessionToClose(request: FastifyRequest, given: string | undefined): ToClose {
    if (given !== undefined) {
      const presented = refresh.parse(given)
      if (!presented) throw problem('token-invalid')
      return { sessionId: presented.sessionId, byRefreshToken: true }
    }
    const byAccessToken = () => ({ sessionId: tokens.callerOf(request).sessionId, byRefreshToken: false })
    const cookie = cookies.refreshOf(request.cookies)
    if (cookie === undefined) return byAccessToken()
    try {
      if (request.headers.authorization !== undefined) return byBoth(request, cookie)
    } catch (error) {
      if (!(error instanceof ProblemError && error.code === 'token-expired')) throw error
    }
    const presented = refresh.parse(refreshTokenOf(request, undefined) ?? '')
    return presented ? { sessionId: presented.sessionId, byRefreshToken: true } : byAccessToken()
  }

  /** The page that logged in has the access token too. Its cookie may be of a later login, perhaps of another person. */
  function byBoth(request: FastifyRequest, cookie: string): ToClose {
    const { sessionId, userId } = tokens.callerOf(request)
    const presented = tokens.mayUseCookies(request.headers) ? refresh.parse(cookie) : null
    if (!presented) return { sessionId, byRefreshToken: false }
    if (presented.sessionId === sessionId) return { sessionId, byRefreshToken: true }
    return { sessionId, byRefreshToken: false, later: { sessionId: presented.sessionId, userId } }
  }

  return { deliver, refreshTokenOf, sessionToClose }
}
