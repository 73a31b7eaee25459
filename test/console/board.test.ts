import { join } from 'node:path'
import type { Task } from '@cutroom/contract'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { createProject, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, heading, signInOn } from './people.ts'

describeInBrowser('the board', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, project } = await annAndBen(app()))
  })

  it('on a narrow screen a task that is added is seen, whatever column was shown', async () => {
    const { page } = await open({ origin: app().url, width: 380 })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}`)
    await button(page, 'Done').click()
    await page.getByRole('textbox', { name: 'Add a task' }).fill('Mix')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Mix' }).waitFor()
    expect(await button(page, 'To do').getAttribute('aria-pressed')).toBe('true')
  })

  it('Back after a task was closed does not open it again', async () => {
    const { id } = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Master' })
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email)
    await page.getByRole('link', { name: 'First album' }).first().click()
    await page.getByRole('link', { name: 'Master' }).click()
    expect(page.url()).toContain(id)
    await button(page.getByRole('dialog'), 'Close').click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.goBack()
    expect(page.url()).toBe(`${app().url}/projects/${project.id}`)
    await page.goBack()
    await heading(page, 'Your projects').waitFor()
  })

  it('a task moved behind another by the dialog stands there, also where the column has changed since', async () => {
    const other = await createProject(ann, 'Second album')
    const add = (title: string) => ann.must<{ id: string }>('POST', `/api/projects/${other.id}/tasks`, { title })
    const order = async () => {
      const { body } = await ann.call<{ data: { title: string }[] }>('GET', `/api/projects/${other.id}/tasks`)
      return body.data.map(({ title }) => title).join()
    }
    const { page } = await open({ origin: app().url })
    const added: Record<string, { id: string }> = {}
    for (const title of ['A', 'B', 'C', 'D', 'E', 'T']) added[title] = await add(title)
    await signInOn(page, app().url, ann.email, `/projects/${other.id}`)
    const dialog = page.getByRole('dialog')
    const behind = async (name: string) => {
      await button(page, 'Move “T”').click()
      await dialog.getByLabel('Position').selectOption(`After ${name}`)
    }
    const remove = async (name: string) => {
      await ann.must('DELETE', `/api/tasks/${added[name]?.id}`)
      await page.getByRole('link', { name, exact: true }).waitFor({ state: 'detached' })
    }
    await behind('B')
    await remove('A')
    await button(dialog, 'Move').click()
    await until('it stands behind B', async () => (await order()) === 'B,T,C,D,E')
    await behind('D')
    await remove('D')
    await button(dialog, 'Move').click()
    await until('it stands behind what was before D', async () => (await order()) === 'B,C,T,E')
  })

  it.each([
    ['west of Greenwich', 'America/Los_Angeles', '2027-03-10T20:00-08:00'],
    ['east of it', 'Pacific/Auckland', '2027-03-10T20:00+13:00'],
  ])('a task is due on the day that was chosen, and late from the next day on: %s', async (_, timezoneId, evening) => {
    const { page } = await open({ origin: app().url, timezoneId })
    await page.clock.setFixedTime(evening)
    const tasks = `/api/projects/${project.id}/tasks`
    const { id } = await ann.must<{ id: string }>('POST', tasks, { title: `Mix of ${timezoneId}` })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/tasks/${id}`)
    const dialog = page.getByRole('dialog')
    const card = page.getByRole('article').filter({ hasText: `Mix of ${timezoneId}` })
    const choose = async (day: string) => {
      await button(dialog, 'Edit').click()
      await dialog.getByLabel('Due').fill(day)
      await button(dialog, 'Save').click()
      await dialog.getByText(day).waitFor()
      // drawn before: what others write then comes after it
      await until('it is there', async () => (await ann.must<Task>('GET', `/api/tasks/${id}`)).dueAt?.startsWith(day) === true)
    }
    await choose('2027-03-10')
    await card.getByText('Due 10 Mar', { exact: true }).waitFor()
    await choose('2027-03-09')
    await card.getByText('Was due 9 Mar', { exact: true }).waitFor()
    // other programs name a time, too
    await ann.must('PATCH', `/api/tasks/${id}`, { dueAt: '2027-03-10T01:30:00+02:00' })
    await dialog.getByText('2027-03-09').waitFor()
    await ann.must('PATCH', `/api/tasks/${id}`, { dueAt: '2027-03-10T17:00:00.000Z' })
    await dialog.getByText('2027-03-10').waitFor()
    await card.getByText('Due 10 Mar', { exact: true }).waitFor()
  })
})
