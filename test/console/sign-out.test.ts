import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeEach, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { PASSWORD, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, signInOn } from './people.ts'

const LOGOUT = '**/api/auth/logout'

describeInBrowser('signing out', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  beforeEach(async () => {
    ;({ ann, ben, project } = await annAndBen(app()))
  })

  /** Sessions other than the one of the test itself. */
  async function sessions(): Promise<number> {
    const { data } = await ann.must<{ data: { current: boolean }[] }>('GET', '/api/me/sessions')
    return data.filter(({ current }) => !current).length
  }
  const you = (page: Page) => page.getByRole('link', { name: 'You', exact: true })
  const told = () => until('the session has ended on the server', async () => (await sessions()) === 0)
  /** Signs Ann in, and out again while the server does not hear of it. */
  async function signOutUnheard() {
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/me')
    await page.route(LOGOUT, (route) => route.abort('connectionrefused'))
    await button(page, 'Sign out').click()
    await button(page, 'Sign in').waitFor()
    return { page, context }
  }

  it('without the server stays so over a reload, and the server is told before it is asked who is signed in', async () => {
    const { page } = await signOutUnheard()
    await page.reload()
    await page.getByText('The server does not answer').waitFor()
    await page.unroute(LOGOUT)
    await button(page, 'Try again').click()
    await button(page, 'Sign in').waitFor()
    await told()
    await page.reload()
    await button(page, 'Sign in').waitFor()
  })

  it('without the server is told to it once the network is back', async () => {
    const { page, context } = await signOutUnheard()
    await page.locator('.toasts').getByText('The server does not know it yet').waitFor()
    expect(await sessions()).toBe(1)
    await page.unroute(LOGOUT)
    await context.setOffline(true)
    await context.setOffline(false)
    await told()
  })

  it('without the server does not sign out the next person on this device', async () => {
    const { page } = await signOutUnheard()
    await page.unroute(LOGOUT)
    await page.getByLabel('E-mail').fill(ben.email)
    await page.getByLabel('Password').fill(PASSWORD)
    await button(page, 'Sign in').click()
    await you(page).waitFor()
    await told()
    await page.reload()
    await you(page).waitFor()
  })

  it('asks first where changes were not sent, and what ends with it is no failure', async () => {
    await ann.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/me')
    await page.goto(`${app().url}/projects/${project.id}`)
    await you(page).click()
    await button(page, 'Sign out').waitFor()
    await page.goBack()
    await page.getByRole('link', { name: 'Mix' }).click()
    await button(page.getByRole('dialog'), 'Delete').waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await button(page.getByRole('dialog'), 'Delete').click()
    await button(page.getByRole('dialog'), 'Delete').click()
    await page.getByText('No tasks yet').waitFor()
    await you(page).click()
    await button(page, 'Sign out').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('1 change was not sent yet').waitFor()
    await button(dialog, 'Cancel').click()
    await button(page, 'Sign out').click()
    await button(dialog, 'Sign out').click()
    await button(page, 'Sign in').waitFor()
    await context.setOffline(false)
    await told()
    expect(await page.locator('.toasts .note').allTextContents()).toEqual([])
    expect(await ann.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/tasks`)).toMatchObject({
      data: [{ title: 'Mix' }],
    })
  })
})
