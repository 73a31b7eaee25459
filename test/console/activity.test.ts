import { join } from 'node:path'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { createCut, createProject, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, heading, signInOn, spoken } from './people.ts'

describeInBrowser('activity on the page', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, ben, project } = await annAndBen(app()))
  })
  const path = () => `/projects/${project.id}/activity`
  const createTask = (who: Person, title: string) =>
    who.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title })

  it('lists by day what others did as unread, shows what arrives when asked to, and marks all as read on two devices', async () => {
    await createTask(ben, 'Mix the chorus')
    const [one, other] = [await open({ origin: app().url }), await open({ origin: app().url })]
    for (const { page } of [one, other]) {
      await signInOn(page, app().url, ann.email, path())
      await page.getByText('added the task Mix the chorus').waitFor()
    }
    const { page } = one
    await heading(page, 'Today').waitFor()
    await page.getByText('The log ends here.').waitFor()
    const unread = (at: typeof page) => at.locator('li.fresh')
    expect(await unread(page).count()).toBe(1)
    await createTask(ben, 'Order strings')
    await button(page, 'Show 1 new activity').click()
    await page.locator('li.fresh', { hasText: 'Order strings' }).waitFor()
    // one's own are read
    await createTask(ann, 'Book the studio')
    await button(page, 'Show 1 new activity').click()
    await page.getByText('added the task Book the studio').waitFor()
    expect(await unread(page).count()).toBe(2)
    await button(page, 'Mark all as read').click()
    for (const { page: each } of [one, other]) await until('nothing is unread', async () => (await unread(each).count()) === 0)
    await button(page, 'Unread').click()
    await heading(page, 'You have read everything').waitFor()
    expect([one.errors, other.errors]).toEqual([[], []])
  })

  it('an activity is dismissed by keyboard, and comes back by the undo of the message, on the other device too', async () => {
    await createTask(ben, 'Tune the piano')
    const [one, other] = [await open({ origin: app().url }), await open({ origin: app().url })]
    for (const { page } of [one, other]) await signInOn(page, app().url, ann.email, path())
    const row = (page: (typeof one)['page']) => page.getByRole('link', { name: 'Tune the piano' })
    for (const { page } of [one, other]) await row(page).waitFor()
    await one.page.keyboard.press('j')
    await one.page.locator('[data-row]:focus', { hasText: 'Tune the piano' }).waitFor()
    await one.page.keyboard.press('d')
    for (const { page } of [one, other]) await row(page).waitFor({ state: 'detached' })
    await spoken(one.page).getByText('Dismissed. The lists of others keep it.').waitFor({ state: 'attached' })
    await button(one.page, 'Dismissed').click()
    await row(one.page).waitFor()
    await button(one.page, 'All').click()
    await until('the list is there', async () => (await one.page.locator('[data-row]').count()) > 1)
    await button(one.page, 'Undo').click()
    for (const { page } of [one, other]) await row(page).waitFor()
    await button(one.page, 'Dismiss: Ben added the task Tune the piano').click()
    await row(one.page).waitFor({ state: 'detached' })
    await one.page.keyboard.press('z')
    await row(one.page).waitFor()
    expect([one.errors, other.errors]).toEqual([[], []])
  })

  it('filters by kind and person are in the address, and can be cleared by going back', async () => {
    const { cut } = await createCut(ben, project.id)
    await ben.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder here' })
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, path())
    const rows = () => page.locator('[data-row]').allTextContents()
    await page.getByText('Louder here').waitFor()
    await page.getByLabel('Kind').selectOption({ label: 'Comments' })
    await until('only comments are listed', async () => (await rows()).every((text) => text.includes('commented')))
    expect(page.url()).toContain('kind=comments')
    await page.getByLabel('Person').selectOption({ label: 'Ann' })
    await heading(page, 'Nothing fits the filters').waitFor()
    await page.reload()
    await heading(page, 'Nothing fits the filters').waitFor()
    await page.getByLabel('Person').selectOption({ label: 'Ben' })
    await page.getByText('Louder here').waitFor()
    expect(errors).toEqual([])
  })

  it('what was dismissed is listed by the filter that is chosen, though an answer for the one before comes later', async () => {
    await createTask(ben, 'Find a drummer')
    const { data } = await ann.must<{ data: { id: string; target: { title?: string } }[] }>('GET', '/api/me/activity?limit=1')
    await ann.must('PUT', `/api/me/activity/${data[0]?.id}/dismissed`)
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, path())
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let isAnswered = false
    await page.route(/dismissed=true/, async (route) => {
      if (route.request().url().includes('action=')) return route.continue()
      await held
      await route.continue()
    })
    page.on('requestfinished', (request) => {
      if (/dismissed=true/.test(request.url()) && !request.url().includes('action=')) isAnswered = true
    })
    await button(page, 'Dismissed').click()
    await page.getByLabel('Kind').selectOption({ label: 'Comments' })
    await heading(page, 'You have dismissed nothing').waitFor()
    release()
    await until('the late answer is there', () => isAnswered)
    await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
    expect(await page.locator('[data-row]').count()).toBe(0)
    await page.getByLabel('Kind').selectOption({ index: 0 })
    await page.getByRole('link', { name: 'Find a drummer' }).waitFor()
    expect(errors).toEqual([])
  })

  it('what was dismissed, asked for offline, is said to be out of reach, and listed once the network is back', async () => {
    await createTask(ben, 'Rent a tuba')
    const { data } = await ann.must<{ data: { id: string }[] }>('GET', '/api/me/activity?limit=1')
    await ann.must('PUT', `/api/me/activity/${data[0]?.id}/dismissed`)
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, path())
    await until('the list is there', async () => (await page.locator('[data-row]').count()) > 0)
    await context.setOffline(true)
    await button(page, 'Dismissed').click()
    const wrong = page.locator('.note.bad', { hasText: 'Try again' })
    await wrong.getByText('The server could not be reached').waitFor()
    await button(wrong, 'Try again').click()
    await wrong.waitFor({ state: 'detached' })
    await wrong.waitFor()
    await context.setOffline(false)
    await page.getByRole('link', { name: 'Rent a tuba' }).waitFor()
    expect(await wrong.count()).toBe(0)
  })

  it('a link opens the comment that it names, of a cut and of a task', async () => {
    const { cut } = await createCut(ben, project.id)
    for (let n = 0; n < 30; n++) await ben.must('POST', `/api/cuts/${cut.id}/comments`, { body: `remark ${n}` })
    const task = await createTask(ben, 'Write the bridge')
    await ben.must('POST', `/api/tasks/${task.id}/comments`, { body: 'Half of it is there' })
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/activity')
    await page.getByRole('link', { name: 'Half of it is there' }).click()
    await page.getByRole('dialog').locator('[data-thread]:focus', { hasText: 'Half of it is there' }).waitFor()
    await page.goBack()
    await page.getByRole('link', { name: 'remark 3', exact: false }).last().click()
    await page.locator('[data-thread]:focus', { hasText: 'remark 3' }).waitFor()
    expect(errors).toEqual([])
  })

  it('across projects it names each project, and opens those pages of the server that links in mails lead to', async () => {
    const second = await createProject(ann, 'Second album')
    const task = await ann.must<{ id: string }>('POST', `/api/projects/${second.id}/tasks`, { title: 'Find a title' })
    const vibe = await ann.must<{ id: string }>('POST', `/api/projects/${second.id}/vibes`, { name: 'Dawn' })
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/activity')
    await page.locator('.feed li', { hasText: 'Find a title' }).getByText('Second album').waitFor()
    await page.getByLabel('Project', { exact: true }).selectOption({ label: 'Second album' })
    await page.getByText('added the task Mix the chorus').waitFor({ state: 'detached' })
    await page.goto(`${app().url}/projects/${second.id}/tasks/${task.id}`)
    await page.getByRole('dialog', { name: 'Find a title' }).waitFor()
    await page.goto(`${app().url}/projects/${second.id}/vibes/${vibe.id}`)
    await page.locator('h2:focus', { hasText: 'Dawn' }).waitFor()
    expect(errors).toEqual([])
  })
})
