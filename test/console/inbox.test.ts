import { join } from 'node:path'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { addMember, createCut, createProject, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { button, heading, signInOn, spoken } from './people.ts'

describeInBrowser('the inbox on the page', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  let cut: { id: string }
  beforeAll(async () => {
    ann = await register(app(), 'Ann')
    ben = await register(app(), 'Ben')
    project = await createProject(ben, 'First album')
    await addMember(ben, project.id, ann)
    cut = (await createCut(ben, project.id)).cut
  })
  const mention = (text: string): Promise<{ id: string }> =>
    ben.must('POST', `/api/cuts/${cut.id}/comments`, { body: `@[Ann](${ann.id}) ${text}` })
  type Page = Awaited<ReturnType<typeof open>>['page']
  const bell = (page: Page, unseen: number) =>
    page.getByRole('link', { name: unseen === 0 ? 'Inbox' : `Inbox: ${unseen} unseen`, exact: true })

  it('a mention in one window rings the bell of another, on a board, and opens its thread', async () => {
    const [writer, reader] = [await open({ origin: app().url }), await open({ origin: app().url })]
    await signInOn(writer.page, app().url, ben.email, `/projects/${project.id}/cuts/${cut.id}`)
    await signInOn(reader.page, app().url, ann.email, `/projects/${project.id}`)
    // Ann was added
    await bell(reader.page, 1).waitFor()
    await writer.page.getByLabel('Write a comment').fill(`@[Ann](${ann.id}) the voice drowns`)
    await button(writer.page, 'Send').click()
    await bell(reader.page, 2).click()
    await heading(reader.page, 'Today').waitFor()
    const row = reader.page.getByRole('link', { name: 'Unseen: Ben mentioned you' })
    await reader.page.getByText('@Ann the voice drowns').waitFor()
    await row.click()
    await reader.page.locator('[data-thread]:focus', { hasText: 'the voice drowns' }).waitFor()
    // what was opened was seen
    await bell(reader.page, 1).waitFor()
    expect([writer.errors, reader.errors]).toEqual([[], []])
  })

  it('what is marked, deleted, or seen as a whole on one device is so on the other, and an edit is on both', async () => {
    for (const text of ['one', 'two', 'three']) await mention(text)
    const [first, second] = [await open({ origin: app().url }), await open({ origin: app().url })]
    const pages = [first.page, second.page]
    for (const page of pages) {
      await signInOn(page, app().url, ann.email, '/inbox')
      await page.getByText('@Ann three').waitFor()
    }
    await until('three mentions and the membership', async () => (await bell(first.page, 4).count()) === 1)
    await first.page.keyboard.press('j')
    await first.page.keyboard.press('u')
    for (const page of pages) await bell(page, 3).waitFor()
    await second.page.getByRole('button', { name: 'Delete: Ben mentioned you' }).nth(1).click()
    for (const page of pages) {
      await bell(page, 2).waitFor()
      await page.getByText('@Ann two').waitFor({ state: 'detached' })
    }
    await first.page.getByRole('button', { name: /^Unseen/ }).click()
    await first.page.getByText('@Ann three').waitFor({ state: 'detached' })
    await button(first.page, 'Mark all as seen').click()
    for (const page of pages) await bell(page, 0).waitFor()
    await heading(first.page, 'You have seen everything').waitFor()
    const four = await mention('four')
    await first.page.getByText('@Ann four').waitFor()
    await ben.must('PATCH', `/api/comments/${four.id}`, { body: `@[Ann](${ann.id}) five` })
    for (const page of pages) {
      await page.getByText('@Ann five').waitFor()
      expect(await page.getByText('@Ann four').count()).toBe(0)
      await bell(page, 1).waitFor()
    }
    await spoken(second.page).getByText('New in your inbox').waitFor({ state: 'attached' })
    expect([first.errors, second.errors]).toEqual([[], []])
  })

  it('how long ago something was goes on while nothing comes, with the days', async () => {
    const { page } = await open({ origin: app().url })
    await page.clock.install()
    await signInOn(page, app().url, ann.email, '/inbox')
    await mention('a day ago')
    const time = page.getByRole('listitem').filter({ hasText: '@Ann a day ago' }).locator('time')
    await time.getByText('just now').waitFor()
    await heading(page, 'Today').waitFor()
    await page.clock.fastForward(await page.evaluate<number>('new Date().setHours(24, 1) - Date.now()'))
    await time.getByText(/\d (minute|hour)s? ago/).waitFor()
    await heading(page, 'Yesterday').waitFor()
  })

  it('a newcomer is told what comes here', async () => {
    const newcomer = await register(app(), 'Nia')
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, newcomer.email)
    await page.keyboard.press('g')
    await page.keyboard.press('i')
    await heading(page, 'Nothing here yet').waitFor()
    expect(errors).toEqual([])
  })

  it('kinds, muted projects and mails are chosen in the preferences, and kept', async () => {
    const [first, second] = [await open({ origin: app().url }), await open({ origin: app().url })]
    await signInOn(first.page, app().url, ann.email, '/inbox')
    await first.page.getByRole('link', { name: 'What you are notified of' }).click()
    await signInOn(second.page, app().url, ann.email, '/me')
    const check = (page: Page, name: string) => page.getByRole('checkbox', { name, exact: true })
    await check(first.page, 'Another person adds a take').uncheck()
    await check(first.page, 'Mute First album').check()
    await check(first.page, 'What I have not seen for a while').uncheck()
    await first.page.getByLabel('Digest of what others did').selectOption({ label: 'Daily' })
    await first.page.getByLabel('Digest of First album').selectOption({ label: 'Never' })
    await until('it is so on the other device', async () => {
      const boxes = ['Another person adds a take', 'Mute First album', 'What I have not seen for a while']
      const states = await Promise.all(boxes.map((name) => check(second.page, name).isChecked()))
      return states.join() === 'false,true,false'
    })
    await until('the server has it', async () => {
      const kept = await ann.must<{ digest: string; projects: { digest: string }[] }>('GET', '/api/me/mail')
      return kept.digest === 'daily' && kept.projects[0]?.digest === 'off'
    })
    await first.page.reload()
    await until('it is kept', async () => (await check(first.page, 'Mute First album').isChecked()) === true)
    await mention('of a muted project')
    await check(first.page, 'Mute First album').uncheck()
    await until('it is not muted', async () => {
      const { projects } = await ann.must<{ projects: object[] }>('GET', '/api/me/notification-preferences')
      return projects.length === 0
    })
    await mention('heard again')
    await first.page.goto(`${app().url}/inbox`)
    await first.page.getByText('@Ann heard again').waitFor()
    expect(await first.page.getByText('of a muted project').count()).toBe(0)
    expect([first.errors, second.errors]).toEqual([[], []])
  })

  it('preferences, sessions and tokens that could not be loaded are there once the network is back', async () => {
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/inbox')
    const lists = /\/api\/me\/(mail|notification-preferences|sessions|tokens)$/
    await page.route(lists, (route) => route.abort())
    await page.goto(`${app().url}/me`)
    const part = (name: string) => page.getByRole('region', { name, exact: true })
    for (const name of ['Sessions', 'API tokens']) await part(name).locator('.note.bad').waitFor()
    await page.locator('.toasts .note.bad').nth(1).waitFor()
    expect(await part('Notifications').getByRole('checkbox').count()).toBe(0)
    await page.unroute(lists)
    await context.setOffline(true)
    await context.setOffline(false)
    await part('Notifications').getByRole('checkbox', { name: 'Another person adds a take' }).waitFor()
    await part('Notifications').getByLabel('Digest of what others did').waitFor()
    await part('Sessions').getByText('This one').waitFor()
    for (const name of ['Sessions', 'API tokens']) await part(name).locator('.note.bad').waitFor({ state: 'detached' })
  })
})
