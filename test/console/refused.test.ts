import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { uploadFile, wavOf } from '../support/files.ts'
import { createCut, createProject, PASSWORD, register } from '../support/people.ts'
import { picture } from './modes.ts'
import { breaches, button, signInOn } from './people.ts'

/** Of the recording, s. */
const LENGTH = 20
/** Refused by the server alone: there is nothing to see in it. */
const INVISIBLE = '\u200b'

describeInBrowser('what is refused', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  const box = (page: Page) => page.getByLabel('Write a comment')
  const from = (page: Page) => page.getByLabel('At (like 1:02)')
  const to = (page: Page) => page.getByLabel('To', { exact: true })

  async function openCut({ hasTake }: { hasTake: boolean }) {
    const ann = await register(app(), 'Ann')
    const project = await createProject(ann)
    const { cut } = await createCut(ann, project.id)
    if (hasTake) await uploadFile(app(), ann, cut.id, wavOf(LENGTH), { filename: 'Morning.wav' })
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/cuts/${cut.id}`)
    await box(page).waitFor()
    return { page, errors, ann, cut }
  }

  it('a name that is empty is said in words, and no more is taken than a name may have', async () => {
    const { page } = await open({ origin: app().url })
    await page.goto(app().url)
    await button(page, 'No account yet? Create one').click()
    await page.getByLabel('E-mail').fill('no-name@example.com')
    await page.getByLabel('Password').fill(PASSWORD)
    await button(page, 'Create an account').click()
    await page.getByText('must not be empty').waitFor()
    expect(await page.getByLabel('Your name').getAttribute('maxlength')).toBe('100')
  })

  it('a moment beyond the recording is said before it is sent', async () => {
    const { page, errors } = await openCut({ hasTake: true })
    await page.getByRole('slider', { name: 'Position' }).waitFor()
    await box(page).fill('Where is this?')
    await from(page).fill('5:00')
    await page.getByText('The recording ends at 0:20').waitFor()
    expect(await breaches(page)).toEqual([])
    expect(await button(page, 'Send').isDisabled()).toBe(true)
    await from(page).fill('0:05')
    expect(await button(page, 'Send').isDisabled()).toBe(false)
    await to(page).fill('0:21')
    await page.getByText('The recording ends at 0:20').waitFor()
    expect(await button(page, 'Send').isDisabled()).toBe(true)
    await to(page).fill('0:20')
    await button(page, 'Send').click()
    await button(page, 'Go to 0:05–0:20').waitFor()
    expect(errors).toEqual([])
  })

  for (const hasTake of [true, false])
    it(`a comment, a reply and an edit that were refused are edited where they were written (with a take: ${hasTake})`, async () => {
      const { page, ann, cut } = await openCut({ hasTake })
      if (hasTake) await page.getByRole('slider', { name: 'Position' }).waitFor()
      const refused = page.locator('.comment').filter({ hasText: 'Not sent' })
      await box(page).fill(INVISIBLE)
      await from(page).fill('0:05')
      await button(page, 'Send').click()
      await refused.waitFor()
      await box(page).fill('Begun since')
      await button(refused, 'Edit').click()
      await refused.waitFor({ state: 'detached' })
      expect([await box(page).inputValue(), await from(page).inputValue()]).toEqual([`${INVISIBLE}\nBegun since`, '0:05'])
      await button(page, 'Send').click()
      const thread = page.locator('[data-thread]')
      await thread.getByText('Begun since').waitFor()

      await button(thread, 'Reply').click()
      const reply = page.getByLabel('Reply to Ann')
      await reply.fill(INVISIBLE)
      await page.keyboard.press('Control+Enter')
      await refused.waitFor()
      await button(refused, 'Edit').click()
      expect(await reply.inputValue()).toBe(INVISIBLE)
      await button(thread, 'Cancel').click()

      await button(thread, 'Edit').click()
      await page.getByLabel('Edit', { exact: true }).fill(INVISIBLE)
      await button(thread, 'Save').click()
      await refused.waitFor()
      await button(refused, 'Edit').click()
      expect(await page.getByLabel('Edit', { exact: true }).inputValue()).toBe(INVISIBLE)
      await button(thread, 'Cancel').click()
      await thread.getByText('Begun since').waitFor()
      const { data } = await ann.must<{ data: unknown[] }>('GET', `/api/cuts/${cut.id}/comments`)
      expect(data).toHaveLength(1)
    })

  for (const width of [1280, 390])
    it(`a deletion in a dialog is answered in it, where that is read out and can be dismissed (${width} px wide)`, async () => {
      const ann = await register(app(), 'Ann')
      const project = await createProject(ann)
      const task = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
      for (let n = 1; n <= 9; n++) await ann.must('POST', `/api/tasks/${task.id}/comments`, { body: `Comment ${n}.` })
      const { page } = await open({ origin: app().url, width })
      const problem = { type: 'about:blank', title: 'Conflict', status: 409, code: 'conflict', detail: 'It stays here' }
      await page.route('**/api/comments/*', (route) =>
        route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify(problem) }),
      )
      await signInOn(page, app().url, ann.email, `/projects/${project.id}?task=${task.id}`)
      const dialog = page.getByRole('dialog', { name: 'Mix' })
      const comment = dialog.locator('.comment', { hasText: 'Comment 9.' })
      const remove = async () => {
        await button(comment, 'Delete').click()
        await button(page.getByRole('dialog', { name: 'Delete this comment?' }), 'Delete').click()
      }
      await remove()
      const note = dialog.getByRole('region', { name: 'Notices' }).locator('.note')
      await note.getByText('It stays here').waitFor()
      await comment.waitFor()
      const told = page.getByRole('status').getByText('It stays here')
      await dialog.getByRole('status').getByText('It stays here').waitFor({ state: 'attached' })
      expect([await told.count(), await page.locator('.note', { hasText: 'It stays here' }).count()]).toEqual([1, 1])
      await picture(page, `refused-in-dialog-${width}`)
      expect(await breaches(page)).toEqual([])

      // a dialog over the dialog shows it, too, and does not say it again
      await button(comment, 'Delete').click()
      const above = page.getByRole('dialog', { name: 'Delete this comment?' })
      await above.locator('.note').getByText('It stays here').waitFor()
      await picture(page, `refused-under-dialog-${width}`)
      await button(above, 'Cancel').click()
      await above.waitFor({ state: 'detached' })
      await note.waitFor()
      expect(await told.count()).toBe(0)
      await button(note, 'Dismiss').click()
      await note.waitFor({ state: 'detached' })

      // the page shows what the dialog has not
      await remove()
      await note.waitFor()
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      await button(page.locator('.note', { hasText: 'It stays here' }), 'Dismiss').click()
      await page.locator('.note').waitFor({ state: 'detached' })
    })
})
