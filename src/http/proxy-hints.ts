import fp from 'fastify-plugin'
import type { Config } from '../config.ts'

/** A header that only a proxy sends, and the setting that it tells is missing. */
interface Hint {
  header: 'x-forwarded-for' | 'x-forwarded-proto'
  says: RegExp
  line: string
}

/** The log says, once each, which setting a proxy before this server misses: everything seems to work without it. */
export const proxyHintsPlugin = fp<{ config: Config }>(
  async (app, { config: { trustProxy, secureCookies } }) => {
    const hints: Hint[] = []
    if (!trustProxy)
      hints.push({
        header: 'x-forwarded-for',
        says: /\S/,
        line: 'http: X-Forwarded-For came while TRUST_PROXY is false: behind a proxy set it to true, or all visitors share the limits of one address',
      })
    if (!secureCookies)
      hints.push({
        header: 'x-forwarded-proto',
        says: /^https\b/,
        line: 'http: X-Forwarded-Proto says https while cookies are not Secure: set PUBLIC_URL to the https address of this server',
      })
    app.addHook('onRequest', ({ headers }, _reply, done) => {
      for (const hint of [...hints])
        if (hint.says.test(String(headers[hint.header] ?? ''))) {
          hints.splice(hints.indexOf(hint), 1)
          app.log.warn(hint.line)
        }
      done()
    })
  },
  { name: 'cutroom-proxy-hints' },
)
