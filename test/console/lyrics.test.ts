import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { createCut, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, signInOn } from './people.ts'

describeInBrowser('lyrics that are written over a save that is not confirmed', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, ben, project } = await annAndBen(app()))
  })

  const save = (person: Person, cutId: string, ...lines: string[]) =>
    person.must('PUT', `/api/cuts/${cutId}/lyrics`, { lyrics: lines.map((text) => ({ text })) })
  async function linesOf(cutId: string): Promise<string[]> {
    const { lyrics } = await ann.must<{ lyrics: { text: string }[] }>('GET', `/api/cuts/${cutId}/lyrics`)
    return lyrics.map(({ text }) => text)
  }
  const area = (page: Page) => page.getByLabel('Lyrics, one line each')

  /** Ann at a cut with these lines. */
  async function enter(...lines: string[]) {
    const { cut } = await createCut(ann, project.id)
    await save(ann, cut.id, ...lines)
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/cuts/${cut.id}`)
    await button(page, 'Edit lyrics').waitFor()
    return { cut, page, context }
  }
  async function write(page: Page, text: string): Promise<void> {
    await button(page, 'Edit lyrics').click()
    await area(page).fill(text)
    await button(page, 'Save').click()
    await button(page, 'Edit lyrics').waitFor()
  }
  async function leave(page: Page, context: BrowserContext): Promise<void> {
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
  }

  it('what another person saved by then is asked about also after going back to a draft that was begun over the save', async () => {
    const { cut, page, context } = await enter('one', 'two')
    await leave(page, context)
    await write(page, 'one of Ann\ntwo')
    await button(page, 'Edit lyrics').click()
    await area(page).fill('one of Ann\ntwo\nthree')
    await save(ben, cut.id, 'one of Ben', 'two')
    await context.setOffline(false)
    await button(page, 'Back to editing').click()
    expect(await area(page).inputValue()).toBe('one of Ann\ntwo\nthree')
    await button(page, 'Save').click()
    await page.getByText('Difference 1 of 1').waitFor()
    expect(await linesOf(cut.id)).toEqual(['one of Ben', 'two'])
    await page.getByLabel('Keep both').check()
    await button(page, 'Save the merge').click()
    await until('the merge is there', async () => (await linesOf(cut.id)).join() === 'one of Ben,one of Ann,two,three')
  })

  it('a save that was refused for a line too long, made shorter and saved again, keeps the lines that were new in it', async () => {
    const { cut, page } = await enter('A', 'B')
    await write(page, `N\nA\nB\n${'x'.repeat(1_001)}`)
    await page.getByText('Not sent').waitFor()
    await button(page, 'Edit lyrics').click()
    await area(page).fill('N\nA\nB')
    await button(page, 'Discard').click()
    await button(page, 'Save').click()
    await until('all is on the server', async () => (await linesOf(cut.id)).join() === 'N,A,B')
    await page.locator('.lyrics li', { hasText: 'N' }).waitFor()
  })

  it('a draft that was begun over a save is saved over it once it is confirmed, without a question, also after a reload', async () => {
    const { cut, page, context } = await enter('one')
    await leave(page, context)
    await write(page, 'one of Ann')
    await button(page, 'Edit lyrics').click()
    await area(page).fill('one of Ann, again')
    await page.getByText('What you saved before is not sent yet').waitFor()
    await context.setOffline(false)
    await page.reload()
    await until('the first is on the server', async () => (await linesOf(cut.id)).join() === 'one of Ann')
    await page.getByText('What you saved before is not sent yet').waitFor({ state: 'detached' })
    expect(await page.getByText('The lyrics have changed while you edit').count()).toBe(0)
    await button(page, 'Save').click()
    await until('the second is on the server', async () => (await linesOf(cut.id)).join() === 'one of Ann, again')
    expect(await page.getByText('Difference 1 of 1').count()).toBe(0)
  })
})
