import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { createCut, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, heading, signInOn } from './people.ts'
import { saveData } from './save-data.ts'

describeInBrowser('views that are loaded later', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, project } = await annAndBen(app()))
  })
  const link = (page: Page, name: string) => page.getByRole('link', { name, exact: true })

  /** The board, with no other view loaded. @returns how often the page was loaded since */
  async function openBoard() {
    const { page, context } = await open({ origin: app().url })
    await saveData(page)
    await signInOn(page, app().url, ann.email, `/projects/${project.id}`)
    await page.getByText('No tasks yet').waitFor()
    const loads: string[] = []
    page.on('request', (request) => {
      if (request.isNavigationRequest()) loads.push(request.url())
    })
    return { page, context, loads }
  }

  it('a view that is asked for while the server is down leaves the page as it is, says why, and comes later, with its styles', async () => {
    const { page, loads } = await openBoard()
    await page.route('**/*', (route) => route.abort('connectionrefused'))
    await link(page, 'Activity').first().click()
    await page.getByText('The server does not answer').waitFor()
    await link(page, 'Board').click()
    await page.getByText('No tasks yet').waitFor()
    await link(page, 'Activity').first().click()
    await page.getByText('The server does not answer').waitFor()
    await page.unroute('**/*')
    await heading(page, 'Activity').waitFor()
    await page.getByText('The server does not answer').waitFor({ state: 'detached' })
    // of what could not be loaded, the rules may not be read
    const styles = `[...document.styleSheets].filter(({ href }) => href.includes('/feed-')).map(({ cssRules }) => cssRules.length)`
    await until('it has its styles', async () => (await page.evaluate<number[]>(styles).catch(() => [])).length === 1)
    expect(loads).toEqual([])
  })

  it('offline it waits for the network, and is there as soon as it is back', async () => {
    const { page, context, loads } = await openBoard()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await link(page, 'Members').click()
    await page.getByText('The server does not answer').waitFor()
    await context.setOffline(false)
    await heading(page, 'Members').waitFor()
    expect(loads).toEqual([])
  })

  it('one file that is missing on the server does not load the page again and again', async () => {
    const { page, loads } = await openBoard()
    let asked = 0
    await page.route('**/assets/members-*.js', (route) => {
      asked++
      return route.fulfill({ status: 404 })
    })
    await link(page, 'Members').click()
    await page.getByText('This part of the page is missing on the server').waitFor()
    await until('it is tried again', () => asked > 1)
    await page.unroute('**/assets/members-*.js')
    await heading(page, 'Members').waitFor()
    expect(loads).toEqual([])
  })

  it('a newer build is loaded once at most', async () => {
    const { page, loads } = await openBoard()
    await page.route('**/assets/members-*.js', (route) => route.fulfill({ status: 404 }))
    // the page that is asked for by its script names another build; the one that is opened does not
    await page.route(`${app().url}/`, async (route) => {
      if (route.request().isNavigationRequest()) return route.continue()
      const answer = await route.fetch()
      return route.fulfill({ response: answer, body: (await answer.text()).replace(/first-[\w-]+\.js/, 'first-NewerOne.js') })
    })
    await link(page, 'Members').click()
    await until('the page is loaded anew', () => loads.length === 1)
    await page.getByText('This part of the page is missing on the server').waitFor()
    await page.unroute('**/assets/members-*.js')
    await heading(page, 'Members').waitFor()
    expect(loads).toHaveLength(1)
  })

  it('all views and dialogs of a project are loaded once the page is idle, so that offline they open', async () => {
    const { cut } = await createCut(ann, project.id)
    const loaded: string[] = []
    const { page, context, errors } = await open({ origin: app().url })
    page.on('requestfinished', (request) => loaded.push(new URL(request.url()).pathname.slice('/assets/'.length)))
    await signInOn(page, app().url, ann.email, `/projects/${project.id}`)
    const parts = [
      'members',
      'settings',
      'activity',
      'cuts',
      'cut',
      'task-dialog',
      'file-dialog',
      'lyrics-merge',
      'me',
      'inspector',
      'upload-engine',
    ]
    const missing = () => parts.filter((part) => !loaded.some((name) => name.startsWith(`${part}-`) && name.endsWith('.js')))
    await until('they are loaded', () => missing().length === 0)
    expect(errors).toEqual([])
    await context.setOffline(true)
    await link(page, 'Members').click()
    await heading(page, 'Members').waitFor()
    await link(page, 'Settings').click()
    await heading(page, 'Settings').waitFor()
    await link(page, 'Cuts').click()
    await link(page, cut.name).click()
    await heading(page, cut.name).waitFor()
  })

  it('a file that is dropped before what uploads need is loaded waits, can be cancelled, and is sent when that is there', async () => {
    const { cut } = await createCut(ann, project.id)
    const { page } = await open({ origin: app().url })
    let asked = 0
    await page.route('**/assets/upload-engine-*.js', (route) => {
      asked++
      return route.abort('connectionrefused')
    })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/cuts/${cut.id}`)
    const add = page.getByLabel('Add a file')
    for (const name of ['words.txt', 'chords.txt']) {
      const before = asked
      await add.setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(name) })
      await until('it is tried again', () => asked > before + 1)
    }
    const row = (name: string) => page.getByRole('listitem').filter({ hasText: name })
    for (const name of ['words.txt', 'chords.txt']) await row(name).getByText('Waiting').waitFor()
    await button(page, 'Cancel chords.txt').click()
    await row('chords.txt').waitFor({ state: 'detached' })
    await page.unroute('**/assets/upload-engine-*.js')
    await row('words.txt').getByText('Ann').waitFor()
    expect(await row('chords.txt').count()).toBe(0)
  })

  it('where data is to be saved, nothing is loaded before it is asked for', async () => {
    const { page } = await openBoard()
    const loaded: string[] = []
    page.on('request', (request) => loaded.push(request.url()))
    await link(page, 'Members').click()
    await heading(page, 'Members').waitFor()
    await page.evaluate('new Promise((resolve) => requestIdleCallback(resolve))')
    expect(loaded.filter((url) => /\/(settings|cut|me)-[\w-]+\.js/.test(url))).toEqual([])
  })
})
