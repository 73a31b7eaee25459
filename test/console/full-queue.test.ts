import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { converse, say } from '../support/conversations.ts'
import { createCut, type Person } from '../support/people.ts'
import { annAndBen, button, signInOn } from './people.ts'

/** How many writes, and how many messages, wait at most. */
const MOST = 500
/** Where the page keeps the queue. */
const QUEUE = `'cutroom queue '`
const TOO_MANY = 'Too many changes wait to be sent'

describeInBrowser('what is written while as many writes wait as may', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, ben, project } = await annAndBen(app()))
  })

  /** The queue of Ann in this tab is full of writes that were refused, which wait for her. */
  function fillQueue(page: Page): Promise<unknown> {
    const item = {
      id: '',
      at: new Date(0).toISOString(),
      me: { id: ann.id },
      projectId: null,
      args: {},
      draws: [],
      state: 'refused',
    }
    const endpoint = { method: 'POST', url: '/api/projects', access: 'user' }
    const items = Array.from({ length: MOST }, (_, n) => ({ ...item, endpoint, key: `full ${n}` }))
    const text = JSON.stringify(JSON.stringify({ userId: ann.id, items }))
    return page.evaluate(`sessionStorage.setItem(${QUEUE}, ${text})`)
  }
  /** Ann at a path of the project, where nothing more can be queued. */
  async function enter(path: string) {
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email)
    await fillQueue(page)
    await page.goto(`${app().url}/projects/${project.id}${path}`)
    return { page, errors }
  }
  /** Sends what is written into a box, which stays there, with the reason. */
  async function write(page: Page, box: Locator, text: string, send: Locator): Promise<void> {
    await box.fill(text)
    await send.click()
    await page.locator('.note.bad', { hasText: TOO_MANY }).waitFor()
    expect(await box.inputValue()).toBe(text)
    const dismiss = page.locator('.toasts').getByRole('button')
    if (await dismiss.isVisible()) await dismiss.click()
  }

  it('stays in its box on the board and in a task, with the reason, until there is room', async () => {
    const task = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const { page, errors } = await enter('')
    const add = page.getByRole('textbox', { name: 'Add a task' })
    await add.waitFor()
    await write(page, add, 'A task of Ann', button(page, 'Add a task'))

    await page.goto(`${app().url}/projects/${project.id}?task=${task.id}`)
    const dialog = page.getByRole('dialog')
    await button(dialog, 'Edit').click()
    await write(page, dialog.getByLabel('Title'), 'A title of Ann', button(dialog, 'Save'))
    await button(dialog, 'Cancel').click()
    await write(page, dialog.getByLabel('Write a comment'), 'A comment of Ann', button(dialog, 'Send'))

    await page.evaluate(`sessionStorage.removeItem(${QUEUE})`)
    await page.reload()
    await dialog.getByText('Nothing was said').waitFor()
    expect(await dialog.getByLabel('Write a comment').inputValue()).toBe('A comment of Ann')
    await button(dialog, 'Send').click()
    await dialog.locator('article', { hasText: 'A comment of Ann' }).waitFor()
    expect(await dialog.getByLabel('Write a comment').inputValue()).toBe('')
    expect(errors).toEqual([])
  })

  it('stays in its box in all forms of a cut, and of the list of cuts', async () => {
    const { cut, vibe } = await createCut(ann, project.id)
    await ann.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'A thread.' })
    const { page, errors } = await enter(`/cuts/${cut.id}`)
    const thread = page.locator('[data-thread]')
    await button(thread, 'Reply').click()
    await write(
      page,
      page.getByLabel('Reply to Ann'),
      'A reply of Ann',
      thread.locator('form').getByRole('button', { name: 'Reply' }),
    )
    await button(thread, 'Cancel').click()
    await button(thread, 'Edit').click()
    await write(page, page.getByLabel('Edit', { exact: true }), 'An edit of Ann', button(thread, 'Save'))
    await button(thread, 'Cancel').click()
    await button(page, 'Change').click()
    const dialog = page.getByRole('dialog')
    await write(page, dialog.getByLabel('Name of the cut'), 'A cut of Ann', button(dialog, 'Save'))
    await button(dialog, 'Close').click()
    await button(page, 'Write lyrics').click()
    await write(page, page.getByLabel('Lyrics, one line each'), 'a line of Ann', button(page, 'Save'))

    await page.goto(`${app().url}/projects/${project.id}/cuts`)
    const vibes = page.getByLabel('Name of the vibe')
    await vibes.waitFor()
    await write(page, vibes, 'A vibe of Ann', button(page, 'Add a vibe'))
    const group = page.locator('section', { has: page.locator(`#vibe-${vibe.id}`) })
    await write(page, group.getByRole('textbox'), 'Another cut of Ann', button(group, 'Add a cut'))
    await group.getByRole('button', { name: 'Change the vibe' }).click()
    await write(page, dialog.getByLabel('Name of the vibe'), 'Another vibe of Ann', button(dialog, 'Save'))
    expect(errors).toEqual([])
  })

  it('stays in its box in a conversation: an edit of a message, and a new message where too many of those wait', async () => {
    const conversation = await converse(ann, [ben])
    await say(ann, conversation.id, 'A message')
    const { page } = await enter('')
    await page.goto(`${app().url}/chat/${conversation.id}`)
    const box = page.getByLabel('Message to Ben')
    await box.waitFor()
    await page.getByRole('button', { name: 'Edit “A message”' }).click()
    const editing = page.locator('.said form')
    await write(page, editing.getByRole('textbox'), 'An edit of Ann', button(editing, 'Save'))
    await button(editing, 'Cancel').click()

    await page.context().setOffline(true)
    const form = page.locator('form.message-box')
    await page.evaluate(`(async () => {
      const area = document.querySelector('form.message-box textarea')
      for (let n = 0; n < ${MOST}; n++) {
        area.value = 'message ' + n
        area.dispatchEvent(new Event('input', { bubbles: true }))
        await new Promise((drawn) => setTimeout(drawn))
        area.form.requestSubmit()
        await new Promise((drawn) => setTimeout(drawn))
      }
    })()`)
    await page.getByText(`message ${MOST - 1}`, { exact: true }).waitFor()
    await box.fill('One message more of Ann')
    await form.getByRole('button').click()
    await page.locator('.note.bad', { hasText: 'Too many messages wait to be sent' }).waitFor()
    expect(await box.inputValue()).toBe('One message more of Ann')
  })
})
