import { join } from 'node:path'
import type { Task } from '@cutroom/contract'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { converse } from '../support/conversations.ts'
import { createCut, PASSWORD, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, signInOn } from './people.ts'

const THREADS = 60

describeInBrowser('what is written and not sent', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }

  beforeAll(async () => {
    ;({ ann, ben, project } = await annAndBen(app()))
  })

  const comment = (page: Page) => page.getByLabel('Write a comment')
  const lyrics = (page: Page) => page.getByLabel('Lyrics, one line each')
  /** Signs in where the page asks for it. */
  async function signInAgain(page: Page, { email }: Person): Promise<void> {
    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password').fill(PASSWORD)
    await button(page, 'Sign in').click()
  }
  /** Ends the sessions of a person on the page from another place. */
  async function endSessions(person: Person): Promise<void> {
    const { data } = await person.must<{ data: { id: string; current: boolean }[] }>('GET', '/api/me/sessions')
    for (const { id, current } of data) if (!current) await person.must('DELETE', `/api/me/sessions/${id}`)
  }

  it('is kept for its author alone when a session ends, and forgotten by who signs out', async () => {
    const { cut } = await createCut(ann, project.id)
    const conversation = await converse(ann, [ben])
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/chat/${conversation.id}`)
    await page.getByLabel('Message to Ben').fill('A message of Ann')
    await page.goto(`${app().url}/projects/${project.id}/cuts/${cut.id}`)
    await comment(page).fill('A comment of Ann')
    await button(page, 'Write lyrics').click()
    await lyrics(page).fill('a line of Ann')

    await endSessions(ann)
    await page.getByText('this session was ended in another place').waitFor()
    await signInAgain(page, ben)
    await comment(page).waitFor()
    expect(await comment(page).inputValue()).toBe('')
    await button(page, 'Write lyrics').waitFor()
    await page.goto(`${app().url}/chat/${conversation.id}`)
    await page.getByLabel('Message to Ann').waitFor()
    expect(await page.getByLabel('Message to Ann').inputValue()).toBe('')
    await page.goto(`${app().url}/projects/${project.id}/cuts/${cut.id}`)
    await comment(page).waitFor()

    await endSessions(ben)
    await page.getByText('this session was ended in another place').waitFor()
    await signInAgain(page, ann)
    await comment(page).waitFor()
    expect(await comment(page).inputValue()).toBe('A comment of Ann')
    expect(await lyrics(page).inputValue()).toBe('a line of Ann')

    await page.getByRole('link', { name: 'You', exact: true }).click()
    await button(page, 'Sign out').click()
    await button(page, 'Sign in').waitFor()
    await expect.poll(() => page.evaluate<string>('JSON.stringify(sessionStorage)'), { timeout: 30_000 }).not.toContain('of Ann')
  })

  it('an edit of a comment stays when its row scrolls away, and over a reload, until it is cancelled', async () => {
    const { cut } = await createCut(ann, project.id)
    for (let n = 1; n <= THREADS; n++) await ann.must('POST', `/api/cuts/${cut.id}/comments`, { body: `Comment ${n}.` })
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/cuts/${cut.id}`)
    const thread = page.locator('[data-thread]').last()
    const box = page.getByLabel('Edit', { exact: true })
    const scrollTo = (top: number) => page.evaluate(`document.querySelector('.comments .windowed').scrollTop = ${top}`)
    await page.getByText(`Comment ${THREADS}.`, { exact: true }).waitFor()
    await button(thread, 'Edit').click()
    await box.fill('Half an edit')
    await scrollTo(0)
    await until('its row is not drawn', async () => (await box.count()) === 0)
    await scrollTo(1e6)
    await box.waitFor()
    expect(await box.inputValue()).toBe('Half an edit')

    await page.reload()
    await page.getByText(`Comment ${THREADS}.`, { exact: true }).waitFor()
    await button(thread, 'Edit').click()
    expect(await box.inputValue()).toBe('Half an edit')
    await button(thread, 'Cancel').click()
    await button(thread, 'Edit').click()
    expect(await box.inputValue()).toBe(`Comment ${THREADS}.`)
    expect(errors).toEqual([])
  })

  it('an edit of a task stays when its dialog is closed, and over a reload, until it is saved or cancelled', async () => {
    const { id } = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const { page, errors } = await open({ origin: app().url })
    const url = `/projects/${project.id}?task=${id}`
    await signInOn(page, app().url, ann.email, url)
    const description = page.getByLabel('Description', { exact: true })
    const edit = () => button(page.getByRole('dialog'), 'Edit').first().click()
    await edit()
    await description.fill('Half a description')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.locator(`a[data-task="${id}"]`).click()
    expect(await description.inputValue()).toBe('Half a description')
    await page.reload()
    await description.waitFor()
    expect(await description.inputValue()).toBe('Half a description')
    await button(page, 'Cancel').click()
    await page.getByText('No description').waitFor()

    await edit()
    expect(await description.inputValue()).toBe('')
    await description.fill('A whole description')
    await button(page, 'Save').click()
    await page.getByText('A whole description', { exact: true }).waitFor()
    const described = async () => (await ann.must<Task>('GET', `/api/tasks/${id}`)).description === 'A whole description'
    await until('it is saved, not only drawn', described)
    await page.reload()
    await page.getByText('A whole description', { exact: true }).waitFor()
    expect(await description.count()).toBe(0)
    expect(errors).toEqual([])
  })

  it.each(['vibe', 'cut'] as const)(
    'an edit of a %s stays when its dialog is closed, until it is saved or cancelled',
    async (kind) => {
      const { vibe, cut } = await createCut(ann, project.id)
      const [name, path] = kind === 'vibe' ? ['Warmth', 'cuts'] : ['Take 1', `cuts/${cut.id}`]
      await ann.must('PATCH', `/api/vibes/${vibe.id}`, { name: 'Warmth' })
      const { page, errors } = await open({ origin: app().url })
      await signInOn(page, app().url, ann.email, `/projects/${project.id}/${path}`)
      const edit = () => button(page, kind === 'vibe' ? 'Change the vibe Warmth' : 'Change').click()
      const dialog = page.getByRole('dialog')
      const field = dialog.getByRole('textbox').first()
      const closed = () => dialog.waitFor({ state: 'detached' })
      await edit()
      await field.fill('Half a na')
      await page.keyboard.press('Escape')
      await closed()
      await page.reload()
      await edit()
      expect(await field.inputValue()).toBe('Half a na')
      await button(dialog, 'Cancel').click()
      await closed()
      await edit()
      expect(await field.inputValue()).toBe(name)
      await field.fill('A whole name')
      await button(dialog, 'Save').click()
      await closed()
      await page.getByText('A whole name', { exact: true }).first().waitFor()
      await expect
        .poll(() => page.evaluate<string>('JSON.stringify(sessionStorage)'), { timeout: 30_000 })
        .not.toContain('whole name')
      expect(errors).toEqual([])
    },
  )

  it('an edit of a task that another person changed since is asked about after a reload, too', async () => {
    const { id } = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Master' })
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}?task=${id}`)
    await button(page.getByRole('dialog'), 'Edit').first().click()
    await page.getByLabel('Title').fill('Master by Ann')
    await ben.must('PATCH', `/api/tasks/${id}`, { title: 'Master by Ben' })
    await page.reload()
    await page.getByRole('heading', { name: 'Master by Ben' }).waitFor()
    await button(page, 'Save').click()
    await button(page, 'Keep mine').click()
    await page.getByRole('heading', { name: 'Master by Ann' }).waitFor()
  })

  it('an edit of a task that another person deletes can still be read', async () => {
    const { id } = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Print' })
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}?task=${id}`)
    await button(page.getByRole('dialog'), 'Edit').first().click()
    await page.getByLabel('Description', { exact: true }).fill('Long thoughts about paper')
    await ben.must('DELETE', `/api/tasks/${id}`)
    await page.getByRole('heading', { name: 'This task is gone.' }).waitFor()
    await page.getByText('Long thoughts about paper').waitFor()
    await page.reload()
    await page.getByText('Long thoughts about paper').waitFor()
    await button(page, 'Discard').click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await expect
      .poll(() => page.evaluate<string>('JSON.stringify(sessionStorage)'), { timeout: 30_000 })
      .not.toContain('about paper')
  })

  it('a comment that is not confirmed is neither answered, edited nor resolved: its id is not the one that it will have', async () => {
    const { cut } = await createCut(ann, project.id)
    const { page, context, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/cuts/${cut.id}`)
    await page.getByText('No comments yet').waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await comment(page).fill('Written in a tunnel')
    await button(page, 'Send').click()
    const thread = page.locator('[data-thread]')
    await thread.getByText('Will be sent').waitFor()
    expect([await button(thread, 'Reply').count(), await button(thread, 'Resolve').count()]).toEqual([0, 0])
    await thread.focus()
    await page.keyboard.press('e')
    await page.keyboard.press('r')
    await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
    expect([await thread.locator('textarea').count(), await thread.getByText('Resolved by').count()]).toEqual([0, 0])
    await context.setOffline(false)
    await button(thread, 'Reply').click()
    await page.getByLabel('Reply to Ann').fill('Half a reply')
    await page.reload()
    await button(thread, 'Reply').click()
    expect(await page.getByLabel('Reply to Ann').inputValue()).toBe('Half a reply')
    expect(errors.filter((text) => !text.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([])
  })

  it('a reply, and an edit, of what another person deletes stand before the new comment, also where it is opened later', async () => {
    const { cut } = await createCut(ann, project.id)
    const write = (who: Person, body: string) => who.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body })
    const [first, second, third] = [await write(ben, 'First'), await write(ben, 'Second'), await write(ben, 'Third')]
    const answer = await ben.must<{ id: string }>('POST', `/api/comments/${second.id}/replies`, { body: 'Not sure' })
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ben.email, `/projects/${project.id}/cuts/${cut.id}`)
    const thread = (text: string) => page.locator('[data-thread]').filter({ hasText: text })
    const reply = async (text: string, words: string) => {
      await button(thread(text), 'Reply').click()
      await thread(text).getByLabel('Reply to Ben').fill(words)
    }
    await comment(page).fill('Begun')
    await reply('First', 'To the first')
    await ann.must('DELETE', `/api/comments/${first.id}`)
    await until('it is before what was begun', async () => (await comment(page).inputValue()) === 'To the first\nBegun')
    await page.locator('#composer:focus').waitFor()

    await button(thread('Second').locator(`[data-comment="${answer.id}"]`), 'Edit').click()
    await page.getByLabel('Edit', { exact: true }).fill('Quite sure')
    await comment(page).fill('')
    await button(page, 'Write lyrics').click()
    await lyrics(page).focus()
    await ann.must('DELETE', `/api/comments/${second.id}`)
    await until('the edit is there', async () => (await comment(page).inputValue()) === 'Quite sure')
    expect(await page.locator('#composer:focus').count()).toBe(0)
    await lyrics(page).and(page.locator(':focus')).waitFor()

    await reply('Third', 'To the third')
    await page.goto(`${app().url}/projects/${project.id}/members`)
    await ann.must('DELETE', `/api/comments/${third.id}`)
    await page.goto(`${app().url}/projects/${project.id}/cuts/${cut.id}`)
    await until('it is found later', async () => (await comment(page).inputValue()) === 'To the third\nQuite sure')
    expect(errors).toEqual([])
  })

  it('a reply that was sent offline to a thread that was deleted by then stands before the new comment', async () => {
    const { cut } = await createCut(ann, project.id)
    const { id } = await ann.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'Gone soon' })
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ben.email, `/projects/${project.id}/cuts/${cut.id}`)
    await button(page.locator('[data-thread]'), 'Reply').waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await button(page, 'Reply').click()
    await page.getByLabel('Reply to Ann').fill('Said too late')
    await page.keyboard.press('Control+Enter')
    await page.getByText('Will be sent').first().waitFor()
    await ann.must('DELETE', `/api/comments/${id}`)
    await context.setOffline(false)
    await until('it is to be written anew', async () => (await comment(page).inputValue()) === 'Said too late')
  })
})
