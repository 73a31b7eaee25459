import { once } from 'node:events'
import { createServer } from 'node:http'
import { type Endpoint, endpoints, events, passing, requests } from '@cutroom/contract'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { isBrowserAsked, sayUnlessAsked, useBrowser } from '../support/browser.ts'
import { PASSWORD, register } from '../support/people.ts'

sayUnlessAsked('what pages draw, and what pages of other origins may do,')

describe.skipIf(!isBrowserAsked)('the pages of the reference', () => {
  const app = useApp()
  const browser = useBrowser()
  const port = () => new URL(app().url).port

  /** A page, and what it complained about. */
  async function openPage(): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser().newPage()
    onTestFinished(() => page.close())
    const complaints: string[] = []
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('requestfailed', (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`))
    page.on('request', (request) => {
      if (new URL(request.url()).port !== port() && !request.url().startsWith('data:')) complaints.push(`asks ${request.url()}`)
    })
    return { page, complaints }
  }

  const hosts = ['localhost', '127.0.0.1', 'studio.lan', 'cutroom.example.com']
  for (const host of hosts)
    it(`/docs draws every operation on plain http as ${host}`, async () => {
      const { page, complaints } = await openPage()
      await page.goto(`http://${host}:${port()}/docs`)
      await page.waitForSelector('.opblock')
      const count = Object.values(endpoints).flatMap((table) => Object.values(table) as Endpoint[]).length
      expect(await page.locator('.opblock').count()).toBe(count)
      expect(complaints).toEqual([])
    })

  it('/docs calls the server that it was loaded from, under any host name', async () => {
    const { page } = await openPage()
    await page.goto(`http://studio.lan:${port()}/docs`)
    const login = page.locator('.opblock', { hasText: '/api/auth/login' })
    await login.locator('.opblock-summary-control').click()
    await login.getByRole('button', { name: 'Try it out' }).click()
    await login.getByRole('button', { name: 'Execute' }).click()
    // The example of the contract, of a person who is not there.
    await login.locator('.live-responses-table').getByText('bad-credentials').first().waitFor()
    expect(await login.locator('.request-url').textContent()).toContain(`http://studio.lan:${port()}/api/auth/login`)
  })

  it('/docs/events draws every event and request, with its style, and links lead to shapes', async () => {
    const { page, complaints } = await openPage()
    await page.goto(`http://studio.lan:${port()}/docs/events`)
    const count = [events, passing, requests].reduce((sum, all) => sum + Object.keys(all).length, 0)
    expect(await page.locator('h3:has(code)').count()).toBe(count)
    expect(await page.evaluate(`getComputedStyle(document.querySelector('pre')).overflowX`)).toBe('auto')
    const broken = await page.evaluate(
      `[...document.querySelectorAll('a')].map((link) => link.getAttribute('href')).filter((href) => !document.querySelector(href))`,
    )
    expect(broken).toEqual([])
    expect(complaints).toEqual([])
  })
})

describe.skipIf(!isBrowserAsked)('pages of other origins', () => {
  const browser = useBrowser()
  const pages = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
  let app: TestApp
  let port = 0
  beforeAll(async () => {
    await once(pages.listen(0, '127.0.0.1'), 'listening')
    const address = pages.address()
    port = typeof address === 'object' && address ? address.port : 0
    const origins = ['app.studio.test', 'elsewhere.test', 'localhost'].map((host) => `http://${host}:${port}`)
    app = await startApp({ env: { CORS_ORIGINS: origins.join() } })
  })
  afterAll(async () => {
    pages.close()
    await app?.close()
  })

  /** What a page of `from` gets of a server that it finds under `to`: by the cookies of a login, and by its token. */
  async function tries(from: string, to: string): Promise<{ cookie: string; token: string }> {
    const { email } = await register(app)
    const context = await browser().newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(`http://${from}:${port}/`)
    const given = { url: `http://${to}:${new URL(app.url).port}`, email, password: PASSWORD }
    return page.evaluate(async ({ url, email, password }) => {
      const login = (body: object) =>
        fetch(`${url}/api/auth/login`, {
          method: 'POST',
          credentials: 'include',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ email, password, ...body }),
        })
      const me = async (init: RequestInit) => `${(await fetch(`${url}/api/me`, init)).status}`
      const read = (work: () => Promise<string>) => work().catch(() => 'not readable')
      const cookie = await read(async () => {
        await login({})
        return me({ credentials: 'include' })
      })
      const token = await read(async () => {
        const { accessToken } = (await (await login({ delivery: 'body' })).json()) as { accessToken: string }
        return me({ headers: { authorization: `Bearer ${accessToken}` } })
      })
      return { cookie, token }
    }, given)
  }

  it('A2 cookies work across origins of one site, tokens for each origin that is listed, neither for others', async () => {
    // The claims of docs/clients.md.
    expect(await tries('app.studio.test', 'api.studio.test')).toEqual({ cookie: '200', token: '200' })
    expect(await tries('localhost', 'localhost')).toEqual({ cookie: '200', token: '200' })
    expect(await tries('elsewhere.test', 'api.studio.test')).toEqual({ cookie: '401', token: '200' })
    expect(await tries('localhost', '127.0.0.1')).toEqual({ cookie: '401', token: '200' })
    expect(await tries('unlisted.studio.test', 'api.studio.test')).toEqual({ cookie: 'not readable', token: 'not readable' })
  })
})
