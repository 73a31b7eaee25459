import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { packageFolder } from '../lib/package-version.ts'
import { basePathOf } from './cookies.ts'

/** Addresses that the page has a view for. All others stay as they are: an unknown path is no page. */
export const CONSOLE_ADDRESSES = [
  '/',
  '/me',
  '/inbox',
  '/activity',
  '/search',
  '/chat',
  '/chat/:conversationId',
  '/projects/:projectId',
  '/projects/:projectId/:place',
  '/projects/:projectId/cuts/:cutId',
  '/projects/:projectId/cuts/:cutId/lyrics',
  '/projects/:projectId/tasks/:taskId',
  '/projects/:projectId/vibes/:vibeId',
  '/shared/:token',
  '/invitations/:token',
  '/reset',
  '/reset/:token',
  '/unsubscribe/:token',
] as const

const NOT_BUILT = `Cutroom is running, but its page has not been built.

In a clone: npm run build, then start the server again.
The API and its reference are at /docs.
`

/** Everything from this host, and nothing in the page itself. Pictures of people stand on other hosts and are not drawn. */
const policy = (secure: boolean): string =>
  [
    `default-src 'none'`,
    ...[
      'base-uri',
      'connect-src',
      'font-src',
      'form-action',
      'img-src',
      'manifest-src',
      'media-src',
      'script-src',
      'style-src',
    ].map((directive) => `${directive} 'self'`),
    `frame-ancestors 'none'`,
    ...(secure ? ['upgrade-insecure-requests'] : []),
  ].join(';')

/** The page that was built: beside the program, or by `npm run build` where the sources run. */
const builtFolder = (): string =>
  [join(import.meta.dirname, 'console'), join(packageFolder(), 'dist', 'console')].find((folder) =>
    existsSync(join(folder, 'index.html')),
  ) ?? ''

/** The page with the path that it is served under, by which its relative addresses work at any depth. */
function readPage(folder: string, base: string): string | null {
  if (folder === '') return null
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  return html.replace('<head>', `<head><base href="${base.replaceAll('&', '&amp;')}/">`)
}

/** The console at `/`, from `folder`, else where it was built. Assets have their hash in their name and never change. */
export const consolePlugin = fp<{ config: Config; folder?: string | undefined }>(
  async (app, { config, folder = builtFolder() }) => {
    const page = readPage(folder, basePathOf(config))
    const headers = { 'cache-control': 'no-cache', 'content-security-policy': policy(config.secureCookies) }
    for (const url of CONSOLE_ADDRESSES)
      app.get(url, { schema: { hide: true } }, (_request, reply) =>
        reply
          .headers(headers)
          .type(page === null ? 'text/plain; charset=utf-8' : 'text/html; charset=utf-8')
          .send(page ?? NOT_BUILT),
      )
    if (page === null) return
    await app.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      index: false,
      decorateReply: false,
      preCompressed: true,
      immutable: true,
      maxAge: '1y',
    })
  },
  { name: 'cutroom-console' },
)
