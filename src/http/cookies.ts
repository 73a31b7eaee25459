import type { FastifyReply } from 'fastify'
import type { Config } from '../config.ts'

/** The path of PUBLIC_URL without a slash at its end, which the proxy takes away before a request comes here; '' where there is none. */
export function basePathOf({ publicUrl }: Pick<Config, 'publicUrl'>): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '')
}

/** The cookies of a login: their names and paths stand here and nowhere else. */
export interface Cookies {
  /** The name of the cookie with the access token. */
  accessName: string
  /** The access token among the cookies of a request. */
  accessOf(cookies: Record<string, string | undefined>): string | undefined
  /** The refresh token among them. */
  refreshOf(cookies: Record<string, string | undefined>): string | undefined
  /** Do these cookies say that there is a refresh token, which is sent to its own path only? */
  markRefresh(cookies: Record<string, string | undefined>): boolean
  /** Does a Cookie header carry a token? */
  isIn(header: string | undefined): boolean
  /** Sets all cookies. Without `remember` they end with the browser session. */
  set(reply: FastifyReply, pair: { accessToken: string; refreshToken: string; remember: boolean }): void
  /** Clears all cookies. */
  clear(reply: FastifyReply): void
}

/**
 * Over TLS the names have the prefixes that browsers heed: another host of the same domain cannot set a `__Host-` cookie, nor a
 * plain page a `__Secure-` one. `__Host-` demands the path `/`, so an installation under a path has the plain names. A cookie with
 * another name than the one in force counts for nothing.
 */
export function createCookies(
  config: Pick<Config, 'publicUrl' | 'secureCookies' | 'accessTokenTtl' | 'refreshTokenTtl'>,
): Cookies {
  const base = basePathOf(config)
  const prefixed = config.secureCookies && base === ''
  const shared = { httpOnly: true, secure: config.secureCookies }
  const access = {
    name: prefixed ? '__Host-cutroom_access' : 'cutroom_access',
    options: { ...shared, path: `${base}/`, sameSite: 'lax' },
  } as const
  const refresh = {
    name: prefixed ? '__Secure-cutroom_refresh' : 'cutroom_refresh',
    options: { ...shared, path: `${base}/api/auth`, sameSite: 'strict' },
  } as const
  /** Beside the refresh token, and as long: it says that there is one, gives no right, and goes to `GET /api/session` only. */
  const marker = {
    name: prefixed ? '__Secure-cutroom_refreshable' : 'cutroom_refreshable',
    options: { ...shared, path: `${base}/api/session`, sameSite: 'strict' },
  } as const

  const names = new Set<string>([access.name, refresh.name])

  return {
    accessName: access.name,
    accessOf: (cookies) => cookies[access.name],
    refreshOf: (cookies) => cookies[refresh.name],
    markRefresh: (cookies) => cookies[marker.name] === '1',
    isIn: (header) => header?.split(';').some((pair) => names.has(pair.split('=')[0]?.trim() ?? '')) ?? false,
    set(reply, { accessToken, refreshToken, remember }) {
      const lasting = (maxAge: number) => (remember ? { maxAge } : {})
      reply.setCookie(access.name, accessToken, { ...access.options, ...lasting(config.accessTokenTtl) })
      reply.setCookie(refresh.name, refreshToken, { ...refresh.options, ...lasting(config.refreshTokenTtl) })
      reply.setCookie(marker.name, '1', { ...marker.options, ...lasting(config.refreshTokenTtl) })
    },
    clear(reply) {
      for (const { name, options } of [access, refresh, marker]) reply.clearCookie(name, options)
    },
  }
}
