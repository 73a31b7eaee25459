import type { FastifyServerOptions } from 'fastify'
import type { Config } from '../config.ts'

/** JSON lines; pretty on a terminal. No token, cookie or password is ever written. */
export function loggerOptions(config: Config): FastifyServerOptions['logger'] {
  return {
    level: config.logLevel,
    serializers: {
      // Without the query string: what does not belong there may be a token.
      req: (request) => ({
        method: request.method,
        url: request.url.split('?', 1)[0],
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
