import { join } from 'node:path'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { addMember, createProject, type Person, register, request } from '../support/people.ts'
import { until } from '../support/until.ts'
import { button, heading, signInOn } from './people.ts'

describeInBrowser('what the console says of its state', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  beforeAll(async () => {
    ann = await register(app(), 'Ann')
    ben = await register(app(), 'Ben')
    project = await createProject(ann, 'First album')
    await addMember(ann, project.id, ben)
  })
  const board = () => `/projects/${project.id}`

  it('offline, writing goes on and is marked; back online it is sent, also when the page was loaded anew in between', async () => {
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, board())
    const add = page.getByRole('textbox', { name: 'Add a task' })
    await add.waitFor()
    await page.getByText('No tasks yet').waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await add.fill('Written in a tunnel')
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'To do: 1 task' }).getByText('Will be sent', { exact: true }).waitFor()
    await context.setOffline(false)
    await page.reload()
    await until('the task is on the server', async () => {
      const { data } = await ann.must<{ data: { title: string }[] }>('GET', `/api/projects/${project.id}/tasks`)
      return data.map(({ title }) => title).join() === 'Written in a tunnel'
    })
    await page.getByText('Will be sent', { exact: true }).waitFor({ state: 'detached' })
    await page.getByText('Written in a tunnel').waitFor()
  })

  it('a write that is refused stays, with the reason, to be tried again or discarded', async () => {
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ben.email, board())
    const add = page.getByRole('textbox', { name: 'Add a task' })
    await add.waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await add.fill('Against the rules')
    await page.keyboard.press('Enter')
    await page.getByText('Will be sent', { exact: true }).waitFor()
    await ann.must('PATCH', `/api/projects/${project.id}/members/${ben.id}`, { role: 'viewer' })
    await context.setOffline(false)
    const card = page.locator('article', { hasText: 'Against the rules' })
    await card.getByText('Your role does not allow this').waitFor()
    await add.waitFor({ state: 'detached' })
    await ann.must('PATCH', `/api/projects/${project.id}/members/${ben.id}`, { role: 'editor' })
    await add.waitFor()
    await button(card, 'Try again').click()
    await card.getByText('Not sent').waitFor({ state: 'detached' })
    await until('it is on the server', async () => {
      const { data } = await ann.must<{ data: { title: string }[] }>('GET', `/api/projects/${project.id}/tasks`)
      return data.some(({ title }) => title === 'Against the rules')
    })
  })

  it('a session that is ended elsewhere says so, and the same address is there after the next sign-in', async () => {
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `${board()}/members`)
    await heading(page, 'Members').waitFor()
    const { data } = await ann.must<{ data: { id: string; current: boolean }[] }>('GET', '/api/me/sessions')
    for (const { id, current } of data) if (!current) await ann.must('DELETE', `/api/me/sessions/${id}`)
    await page.getByText('this session was ended in another place').waitFor()
    await page.getByLabel('E-mail').fill(ann.email)
    await page.getByLabel('Password').fill('correct horse battery')
    await button(page, 'Sign in').click()
    await heading(page, 'Members').waitFor()
  })

  it('a task that somebody else changed meanwhile shows both versions', async () => {
    const task = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `${board()}?task=${task.id}`)
    await button(page.getByRole('dialog'), 'Edit').click()
    await page.getByLabel('Title').fill('Mix of Ann')
    await ben.must('PATCH', `/api/tasks/${task.id}`, { title: 'Mix of Ben' })
    await button(page, 'Save').click()
    await page.getByRole('cell', { name: 'Mix of Ben' }).waitFor()
    await page.getByRole('cell', { name: 'Mix of Ann' }).waitFor()
    await button(page, 'Keep mine').click()
    await page.getByRole('heading', { name: 'Mix of Ann' }).waitFor()
  })

  it('a token is made, shown once, works, and ends', async () => {
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/me')
    await page.getByLabel('What is it for?').fill('Nightly report')
    await button(page, 'Create token').click()
    const token = await page.getByLabel('The token').inputValue()
    const ask = async () => (await request(app().url, 'GET', `/api/projects/${project.id}`, { token })).status
    expect(await ask()).toBe(200)
    await button(page, 'I have kept it').click()
    await button(page, 'End Nightly report').click()
    await button(page.getByRole('dialog'), 'End').click()
    await page.getByText('Nightly report').waitFor({ state: 'detached' })
    await until('it is refused', async () => (await ask()) === 401)
  })

  it('a visitor who types a wrong password, or an e-mail that is none, is told by the field or the form', async () => {
    const { page } = await open({ origin: app().url })
    await page.goto(`${app().url}/`)
    await page.getByLabel('E-mail').fill(ann.email)
    await page.getByLabel('Password').fill('not it at all')
    await button(page, 'Sign in').click()
    await page.getByText('E-mail or password is wrong.').waitFor()
    await button(page, 'No account yet? Create one').click()
    await page.getByLabel('Your name').fill('Nia')
    await page.getByLabel('E-mail').fill('no mail')
    await button(page, 'Create an account').click()
    await until('the field is marked', async () => (await page.getByLabel('E-mail').getAttribute('aria-invalid')) === 'true')
  })
})
