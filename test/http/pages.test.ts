import { once } from 'node:events'
import { createServer } from 'node:http'
import { type Endpoint, endpoints, events, passing, requests } from '@cutroom/contract'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { describeInBrowser, needsBrowser, useBrowser } from '../support/browser.ts'
import { cutIn, uploadFile, wavOf } from '../support/files.ts'
import { createProject, PASSWORD, register } from '../support/people.ts'
import { blackPng } from '../support/pictures.ts'

describeInBrowser('the pages of the reference', () => {
  const app = useApp()
  const openWindow = useBrowser()
  const port = () => new URL(app().url).port
  const open = async (host: string, path: string) => {
    const origin = `http://${host}:${port()}`
    const { page, errors } = await openWindow({ origin })
    await page.goto(origin + path)
    return { page, errors }
  }

  const hosts = ['localhost', '127.0.0.1', 'studio.lan', 'cutroom.example.com']
  for (const host of hosts)
    it(`/docs draws every operation on plain http as ${host}`, async () => {
      const { page, errors } = await open(host, '/docs')
      await page.waitForSelector('.opblock')
      const count = Object.values(endpoints).flatMap((table) => Object.values(table) as Endpoint[]).length
      expect(await page.locator('.opblock').count()).toBe(count)
      expect(errors).toEqual([])
    })

  it('/docs calls the server that it was loaded from, under any host name', async () => {
    const { page } = await open('studio.lan', '/docs')
    const login = page.locator('.opblock', { hasText: '/api/auth/login' })
    await login.locator('.opblock-summary-control').click()
    await login.getByRole('button', { name: 'Try it out' }).click()
    await login.getByRole('button', { name: 'Execute' }).click()
    // The example of the contract, of a person who is not there.
    await login.locator('.live-responses-table').getByText('bad-credentials').first().waitFor()
    expect(await login.locator('.request-url').textContent()).toContain(`http://studio.lan:${port()}/api/auth/login`)
  })

  it('/docs/events draws every event and request, with its style, and links lead to shapes', async () => {
    const { page, errors } = await open('studio.lan', '/docs/events')
    const count = [events, passing, requests].reduce((sum, all) => sum + Object.keys(all).length, 0)
    expect(await page.locator('h3:has(code)').count()).toBe(count)
    expect(await page.evaluate(`getComputedStyle(document.querySelector('pre')).overflowX`)).toBe('auto')
    const broken = await page.evaluate(
      `[...document.querySelectorAll('a')].map((link) => link.getAttribute('href')).filter((href) => !document.querySelector(href))`,
    )
    expect(broken).toEqual([])
    expect(errors).toEqual([])
  })
})

describeInBrowser('pages of other origins', () => {
  const openWindow = useBrowser()
  const pages = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
  let app: TestApp
  let port = 0
  beforeAll(async () => {
    if (!needsBrowser()) return
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
    const { page } = await openWindow()
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

  it('A2 a page of the same site plays sound and shows pictures by the cookies of its login', async () => {
    const owner = await register(app)
    const project = await createProject(owner)
    const cutId = await cutIn(owner, project)
    const sound = await uploadFile(app, owner, cutId, wavOf(1), { filename: 'mix.wav' })
    const picture = await uploadFile(app, owner, cutId, blackPng(8, 8), { filename: 'cover.png' })
    /** What media elements on a page of `from` get. */
    const media = async (from: string) => {
      const { page } = await openWindow()
      await page.goto(`http://${from}:${port}/`)
      const url = `http://api.studio.test:${new URL(app.url).port}`
      await page.evaluate(
        ({ url, email, password }) =>
          fetch(`${url}/api/auth/login`, {
            method: 'POST',
            credentials: 'include',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ email, password }),
          }).then(({ status }) => status),
        { url, email: owner.email, password: PASSWORD },
      )
      const outcome = (tag: 'audio' | 'img', id: string) =>
        page.evaluate<string>(`new Promise((resolve) => {
          const element = document.createElement('${tag}')
          element.addEventListener('${tag === 'audio' ? 'loadedmetadata' : 'load'}', () => resolve('shown'))
          element.addEventListener('error', () => resolve('blocked'))
          element.src = '${url}/api/files/${id}/content'
        })`)
      return { sound: await outcome('audio', sound.id), picture: await outcome('img', picture.id) }
    }
    expect(await media('app.studio.test')).toEqual({ sound: 'shown', picture: 'shown' })
    expect(await media('elsewhere.test')).toEqual({ sound: 'blocked', picture: 'blocked' })
  })
})
