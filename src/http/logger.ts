import type { FastifyServerOptions } from 'fastify'
import type { Config } from '../config.ts'

/** Tokens of links in paths. */
const TOKENS = /(\/(?:shared|reset|unsubscribe|invitations(?:\/+by-token)?)\/+)[^/]+/g

/** The path of a request as it is logged: without the query string, and without the token of a link. */
export function loggedPath(url: string): string {
  const [path = ''] = url.split('?', 1)
  let plain = path
  try {
    plain = decodeURIComponent(path)
  } catch {
    // It leads nowhere.
  }
  const withoutTokens = plain.replace(TOKENS, '$1…')
  return withoutTokens === plain ? path : withoutTokens
}

/** JSON lines; pretty on a terminal. No token, cookie or password is ever written. */
export function loggerOptions(config: Config): FastifyServerOptions['logger'] {
  return {
    level: config.logLevel,
    serializers: {
      req: (request) => ({
        method: request.method,
        url: loggedPath(request.url),
        host: request.host,
        remoteAddress: request.ip,
      }),
    },
    redact: {
      paths: [
        'req.headers.authorization',
        'req.headers.cookie',
        'res.headers["set-cookie"]',
        '*.password',
        '*.token',
        '*.refreshToken',
        '*.accessToken',
        // node-postgres hangs the whole connection on the error of a lost one.
        'err.client',
      ],
      remove: true,
    },
    ...(process.stdout.isTTY && {
      transport: { target: 'pino-pretty', options: { translateTime: 'HH:MM:ss', ignore: 'pid,hostname' } },
    }),
  }
}
