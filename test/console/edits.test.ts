import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import type { Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, heading, signInOn } from './people.ts'

describeInBrowser('several changes of one task that are not confirmed', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, ben, project } = await annAndBen(app()))
  })

  /** Ann at a task, offline. */
  async function enter() {
    const task = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}?task=${task.id}`)
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Nothing was said').waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    const change = (body: object) => ben.must('PATCH', `/api/tasks/${task.id}`, body)
    const read = async () => {
      const { title, description } = await ann.must<Record<'title' | 'description', string>>('GET', `/api/tasks/${task.id}`)
      return { title, description }
    }
    return { page, context, dialog, change, read }
  }
  async function edit(page: Page, label: 'Title' | 'Description', value: string): Promise<void> {
    const dialog = page.getByRole('dialog')
    await button(dialog, 'Edit').click()
    await dialog.getByLabel(label).fill(value)
    await button(dialog, 'Save').click()
    await button(dialog, 'Edit').waitFor()
  }
  const cell = (page: Page, name: string) => page.getByRole('cell', { name, exact: true })

  it.each([true, false])(
    'another person was faster: both are shown beside the other version, and go together (mine: %s)',
    async (isMine) => {
      const { page, context, change, read } = await enter()
      await edit(page, 'Title', 'Mix of Ann')
      await edit(page, 'Description', 'of Ann')
      await edit(page, 'Title', 'New mix of Ann')
      await change({ title: 'Mix of Ben', description: 'of Ben' })
      await context.setOffline(false)
      for (const name of ['New mix of Ann', 'Mix of Ben', 'of Ann', 'of Ben']) await cell(page, name).waitFor()
      expect(await read()).toEqual({ title: 'Mix of Ben', description: 'of Ben' })
      await button(page, isMine ? 'Keep mine' : 'Take theirs').click()
      await cell(page, 'Mix of Ben').waitFor({ state: 'detached' })
      await heading(page, isMine ? 'New mix of Ann' : 'Mix of Ben').waitFor()
      const expected = isMine ? 'New mix of Ann,of Ann' : 'Mix of Ben,of Ben'
      await until('it is on the server', async () => Object.values(await read()).join() === expected)
      expect(await page.getByText('Not sent').count()).toBe(0)
    },
  )

  it('what is saved in a form that was open when a change was refused is asked about, too', async () => {
    const { page, context, dialog, change, read } = await enter()
    await edit(page, 'Title', 'Mix of Ann')
    await button(dialog, 'Edit').click()
    await dialog.getByLabel('Description').fill('of Ann')
    await change({ title: 'Mix of Ben' })
    const refused = page.waitForResponse((response) => response.status() === 412)
    await context.setOffline(false)
    await refused
    await page.locator('article', { hasText: 'Not sent' }).waitFor()
    await button(dialog, 'Save').click()
    await cell(page, 'Mix of Ben').waitFor()
    await cell(page, 'of Ann').waitFor()
    expect(await read()).toEqual({ title: 'Mix of Ben', description: null })
    await button(page, 'Keep mine').click()
    await until('it is on the server', async () => Object.values(await read()).join() === 'Mix of Ann,of Ann')
  })

  it('a move to the place where a task stands sends nothing', async () => {
    const { id } = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Stays' })
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}`)
    const sent: string[] = []
    page.on('request', (request) => {
      if (request.method() !== 'GET') sent.push(new URL(request.url()).pathname)
    })
    await button(page, 'Move “Stays”').click()
    await button(page.getByRole('dialog'), 'Move').click()
    await page.getByRole('textbox', { name: 'Add a task' }).fill('Behind it')
    await button(page, 'Add a task').click()
    // writes of a project are sent one after the other
    await until('the next write is sent', () => sent.includes(`/api/projects/${project.id}/tasks`))
    expect(sent).not.toContain(`/api/tasks/${id}/move`)
  })
})
