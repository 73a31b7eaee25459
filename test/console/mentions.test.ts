import { join } from 'node:path'
import type { Comment } from '@cutroom/contract'
import type { Locator, Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { addMember, createCut, createProject, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { breaches, button, signInOn } from './people.ts'

describeInBrowser('mentions on the page', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let bos: Person[]
  let noa: Person
  let projectId: string

  beforeAll(async () => {
    ann = await register(app(), 'Ann')
    bos = [await register(app(), 'Bo Diddley'), await register(app(), 'Bo Diddley')]
    noa = await register(app(), 'נועה כהן')
    projectId = (await createProject(ann)).id
    await addMember(ann, projectId, bos[0] as Person, 'editor')
    await addMember(ann, projectId, bos[1] as Person, 'viewer')
    await addMember(ann, projectId, noa)
  })

  const box = (page: Page) => page.getByLabel('Write a comment')
  const option = (page: Page | Locator, name: RegExp) => page.getByRole('option', { name })
  const mentionOf = ({ name, id }: Person) => `@[${name}](${id})`

  async function openCut() {
    const { cut } = await createCut(ann, projectId)
    const window = await open({ origin: app().url })
    await signInOn(window.page, app().url, ann.email, `/projects/${projectId}/cuts/${cut.id}`)
    await box(window.page).waitFor()
    const bodies = async () =>
      (await ann.must<{ data: Comment[] }>('GET', `/api/cuts/${cut.id}/comments`)).data.map(({ body }) => body)
    return { ...window, bodies }
  }

  it('@ offers the members; the one who is chosen by keys stands there by name, is sent with the id, and stays in an edit', async () => {
    const { page, errors, bodies } = await openCut()
    await box(page).pressSequentially('Listen, @bo d')
    await option(page, /^Bo Diddley/)
      .nth(1)
      .waitFor()
    expect(await page.getByRole('option').count()).toBe(2)
    expect(await breaches(page)).toEqual([])
    const active = () => box(page).getAttribute('aria-activedescendant')
    expect(await active()).toBe(await page.getByRole('option', { selected: true }).getAttribute('id'))
    await page.keyboard.press('ArrowDown')
    await option(page, /Viewer/)
      .and(page.getByRole('option', { selected: true }))
      .waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('option').first().waitFor({ state: 'detached' })
    expect(await box(page).inputValue()).toBe('Listen, @Bo Diddley ')
    await box(page).pressSequentially('and @bo')
    await option(page, /Editor/).waitFor()
    await page.keyboard.press('Tab')
    expect(await box(page).inputValue()).toBe('Listen, @Bo Diddley and @Bo Diddley ')
    await page.keyboard.press('Control+Enter')
    await page.getByText('Listen, @Bo Diddley and @Bo Diddley', { exact: true }).waitFor()
    const [editor, viewer] = bos as [Person, Person]
    await until('it is there', async () => (await bodies()).length === 1)
    expect(await bodies()).toEqual([`Listen, ${mentionOf(viewer)} and ${mentionOf(editor)}`])

    await button(page, 'Edit').click()
    const edit = page.getByLabel('Edit', { exact: true })
    expect(await edit.inputValue()).toBe('Listen, @Bo Diddley and @Bo Diddley')
    // of two with one name the first is taken out
    await edit.evaluate((box) =>
      (box as unknown as { setSelectionRange(from: number, to: number): void }).setSelectionRange(8, 24),
    )
    await page.keyboard.press('Delete')
    await page.keyboard.press('End')
    await edit.pressSequentially('!')
    expect(await edit.inputValue()).toBe('Listen, @Bo Diddley!')
    await button(page, 'Save').click()
    await page.getByText('Listen, @Bo Diddley!').waitFor()
    await until('the edit is there', async () => (await bodies())[0] !== `Listen, ${mentionOf(viewer)} and ${mentionOf(editor)}`)
    expect(await bodies()).toEqual([`Listen, ${mentionOf(editor)}!`])
    expect(errors).toEqual([])
  })

  it('a name that is written from right to left is chosen by a click; a mention that is changed is plain text', async () => {
    const { page, errors, bodies } = await openCut()
    await box(page).pressSequentially('@כהן')
    await option(page, /נועה כהן/).click()
    await box(page).pressSequentially('היי @bo')
    await option(page, /Editor/).click()
    await page.keyboard.press('Backspace')
    await page.keyboard.press('Backspace')
    await page.keyboard.press('Escape')
    expect(await box(page).inputValue()).toBe('@נועה כהן היי @Bo Diddle')
    // it is kept with the id
    await page.reload()
    await box(page).waitFor()
    expect(await box(page).inputValue()).toBe('@נועה כהן היי @Bo Diddle')
    await button(page, 'Send').click()
    await until('it is there', async () => (await bodies()).length === 1)
    expect(await bodies()).toEqual([`${mentionOf(noa)} היי @Bo Diddle`])
    expect(errors).toEqual([])
  })

  it('Escape closes the list and nothing else; an address of mail offers no members', async () => {
    const { id } = await ann.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title: 'Mix' })
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${projectId}?task=${id}`)
    await box(page).pressSequentially('to ann@')
    await box(page).pressSequentially(' @')
    await option(page, /נועה כהן/).waitFor()
    expect(await page.getByRole('option').count()).toBe(3)
    await page.keyboard.press('Escape')
    await page.getByRole('option').first().waitFor({ state: 'detached' })
    await page.keyboard.press('Enter')
    expect(await box(page).inputValue()).toBe('to ann@ @\n')
    expect(errors).toEqual([])
  })
})
