import { join } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { PREFIX, startStrippingProxy } from '../support/stripping-proxy.ts'
import { button, heading, registerOn } from './people.ts'

describeInBrowser('the console under a path of its host', () => {
  const app = useApp({
    env: { PUBLIC_URL: `http://cutroom.test${PREFIX}` },
    seams: { consoleFolder: join(inject('build'), 'console') },
  })
  const open = useBrowser()

  it('signs in, joins a room, and comes back from a reload of a deep address, without a request outside of the path', async () => {
    const { origin, stolen } = await startStrippingProxy(Number(new URL(app().url).port))
    const { page, context, errors } = await open({ origin: origin + PREFIX })
    // before the proxy, which waits for its connections
    onTestFinished(() => context.close())
    await registerOn(page, origin + PREFIX, 'Ann')
    await page.getByLabel('Name of the project').fill('First album')
    await button(page, 'Create project').click()
    await page.getByRole('textbox', { name: 'Add a task' }).fill('Mix')
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'To do: 1 task' }).waitFor()
    // confirmed, it has an address
    await page.getByRole('link', { name: 'Mix', exact: true }).waitFor()
    await page.getByRole('link', { name: 'Members' }).click()
    await page.reload()
    await heading(page, 'Members').waitFor()
    expect(new URL(page.url()).pathname).toMatch(/^\/studio\/projects\/[0-9a-f-]{36}\/members$/)
    await page.goBack()
    await page.getByRole('link', { name: 'Mix', exact: true }).waitFor()
    expect([stolen, errors]).toEqual([[], []])
  })
})
