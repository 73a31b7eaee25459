import { join } from 'node:path'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { createCut, createProject, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { composeWith, heading, signInOn } from './people.ts'

describeInBrowser('searching on the page', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let project: { id: string }
  beforeAll(async () => {
    ann = await register(app(), 'Ann')
    project = await createProject(ann, 'First album')
    const { cut } = await createCut(ann, project.id)
    for (let n = 0; n < 12; n++) await ann.must('POST', `/api/cuts/${cut.id}/comments`, { body: `Trumpet number ${n}` })
    await ann.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Rent a trumpet' })
    await until('it is in the index', async () => {
      const { groups } = await ann.must<{ groups: object[] }>('GET', '/api/search?q=trumpet')
      return groups.length === 2
    })
  })

  it('by keyboard alone: / goes to the box, arrows to what is found, Enter opens it, at its comment', async () => {
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}`)
    await page.getByText('Rent a trumpet').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('trump')
    const options = page.getByRole('option')
    await page.getByRole('option', { name: 'Rent a trumpet' }).waitFor()
    expect(await page.locator('.search-panel mark').first().textContent()).toMatch(/trump/i)
    await page.keyboard.press('ArrowUp')
    await page.getByRole('option', { name: 'All results for “trump”', selected: true }).waitFor()
    await page.keyboard.press('ArrowDown')
    await until('nothing is chosen', async () => (await page.getByRole('option', { selected: true }).count()) === 0)
    await page.keyboard.press('ArrowDown')
    await page.getByRole('option', { name: 'Rent a trumpet', selected: true }).waitFor()
    await page.keyboard.press('ArrowDown')
    const chosen = page.getByRole('option', { name: 'Trumpet number', selected: true })
    const text = (await chosen.locator('.hit-text').textContent()) ?? ''
    await page.keyboard.press('Enter')
    await page.locator('[data-thread]:focus', { hasText: text }).waitFor()
    expect(await options.count()).toBe(0)
    await page.keyboard.press('/')
    await page.keyboard.press('Escape')
    expect(errors).toEqual([])
  })

  it('the page groups what is found, shows more of one kind, and is reached by Enter', async () => {
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email)
    await page.keyboard.press('/')
    await page.keyboard.type('trumpet')
    await page.keyboard.press('Enter')
    await heading(page, 'Tasks').waitFor()
    const comments = page.getByRole('region', { name: 'Comments' })
    expect(await comments.getByRole('listitem').count()).toBe(8)
    await comments.getByRole('button', { name: 'More of Comments' }).click()
    await until('all are there', async () => (await comments.getByRole('listitem').count()) === 12)
    expect(page.url()).toContain('types=comment')
    await page.goBack()
    await heading(page, 'Your projects').waitFor()
    await page.goForward()
    await until('the address keeps what was chosen', async () => (await comments.getByRole('listitem').count()) === 12)
    expect(errors).toEqual([])
  })

  it('keys of an input method choose among its words, and neither search nor leave the box', async () => {
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}`)
    const box = page.getByRole('combobox')
    await box.fill('trump')
    await page.getByRole('option', { name: 'Rent a trumpet' }).waitFor()
    const { pathname } = new URL(page.url())
    for (const key of ['Enter', 'ArrowDown', 'Escape']) await composeWith(box, key)
    // it is the first one that is chosen
    await page.keyboard.press('ArrowDown')
    await page.getByRole('option', { name: 'Rent a trumpet', selected: true }).waitFor()
    await composeWith(box, 'Enter')
    expect(new URL(page.url()).search).toBe('')
    expect(new URL(page.url()).pathname).toBe(pathname)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
  })

  it('says that nothing was found, which near words were, and that there is no connection', async () => {
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/search')
    await heading(page, 'What are you looking for?').waitFor()
    const input = page.getByLabel('Words to search for')
    await input.fill('xylophone')
    await page.getByText('Nothing found for “xylophone”').first().waitFor()
    await input.fill('trumpat')
    await page.getByText('Found in their place:').waitFor()
    await heading(page, 'Tasks').waitFor()
    await context.setOffline(true)
    await input.fill('tuba')
    await page.getByText('Searching needs the server').waitFor()
    await context.setOffline(false)
    await page.getByText('Nothing found for “tuba”').first().waitFor()
  })
})
