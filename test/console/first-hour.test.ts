import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { describeInBrowser, useBrowser, type Watched } from '../support/browser.ts'
import { createDatabase } from '../support/database.ts'
import { type ServerProcess, spawnServer } from '../support/spawn-server.ts'
import { until } from '../support/until.ts'
import { button, heading, registerOn, spoken } from './people.ts'

/** In the page, whose types are not loaded here. */
const isFocused = (node: unknown) => node === (node as { ownerDocument: { activeElement: unknown } }).ownerDocument.activeElement

describeInBrowser('the console, as two people use it', () => {
  const open = useBrowser()
  let server: (ServerProcess & { end: () => Promise<void> }) | undefined
  let drop = async () => {}
  let ann: Watched
  let ben: Watched
  let email = ''

  beforeAll(async () => {
    const database = await createDatabase()
    drop = database.drop
    server = await spawnServer(join(inject('build'), 'server.js'), { databaseUrl: database.url })
    ann = await open({ origin: server.url })
    ben = await open({ origin: server.url })
  })
  afterAll(async () => {
    await server?.end()
    await drop()
  })

  it('two people register; one creates a project and adds the other, who sees it appear', async () => {
    const url = server?.url ?? ''
    await registerOn(ann.page, url, 'Ann')
    email = await registerOn(ben.page, url, 'Ben')
    await ann.page.getByLabel('Name of the project').fill('First album')
    await button(ann.page, 'Create project').click()
    await heading(ann.page, 'Board').waitFor()
    await ann.page.getByRole('link', { name: 'Members' }).click()
    await ann.page.getByLabel('E-mail of a person').fill(email)
    await button(ann.page, 'Add a member').click()
    await heading(ben.page, 'First album').click()
    await heading(ben.page, 'Board').waitFor()
    await ann.page.getByRole('img', { name: 'Here now: Ben' }).waitFor()
  })

  it('a task that one adds appears for the other, who moves it by keyboard, which is spoken to both', async () => {
    await ann.page.keyboard.press('g')
    await ann.page.keyboard.press('b')
    await heading(ann.page, 'Board').waitFor()
    for (const title of ['Mix the chorus', 'Order strings']) {
      await ann.page.getByRole('textbox', { name: 'Add a task' }).fill(title)
      await ann.page.keyboard.press('Enter')
    }
    const card = ben.page.getByRole('link', { name: 'Mix the chorus' })
    await ben.page.getByRole('region', { name: 'To do: 2 tasks' }).getByText('Order strings').waitFor()
    await card.focus()
    await ben.page.keyboard.press('ArrowDown')
    await until('the arrow goes to the next card', () =>
      ben.page.getByRole('link', { name: 'Order strings' }).evaluate(isFocused),
    )
    await card.focus()
    await ben.page.keyboard.press('m')
    await ben.page.getByRole('combobox', { name: 'Column' }).selectOption('Done')
    await ben.page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).press('Enter')
    await ben.page.getByRole('region', { name: 'Done: 1 task' }).getByText('Mix the chorus').waitFor()
    expect(await spoken(ben.page).textContent()).toBe('Mix the chorus moved to Done, position 1 of 1')
    await until('the focus is on the card again', () => card.evaluate(isFocused))
    await ann.page.getByRole('region', { name: 'Done: 1 task' }).getByText('Mix the chorus').waitFor()
    await until(
      'the other hears of it',
      async () => (await spoken(ann.page).textContent()) === 'Ben moved Mix the chorus to Done',
    )
  })

  it('a card is dragged into another column', async () => {
    // dragging is loaded when a pointer first moves over a card
    await ann.page.locator('article', { hasText: 'Order strings' }).hover()
    await ann.page.locator('article[draggable=true]', { hasText: 'Order strings' }).waitFor()
    await ann.page
      .locator('article', { hasText: 'Order strings' })
      .dragTo(ann.page.locator('section.column', { hasText: 'Review' }))
    for (const { page } of [ann, ben])
      await page.getByRole('region', { name: 'Review: 1 task' }).getByText('Order strings').waitFor()
  })

  it('a comment on a cut appears in the other window, with its time; a reply, a resolution and an edit come back', async () => {
    await ann.page.keyboard.press('g')
    await ann.page.keyboard.press('c')
    await ann.page.getByLabel('Name of the vibe').fill('Dusk')
    await button(ann.page, 'Add a vibe').click()
    await ann.page.getByLabel('Name of the cut').fill('Take 1')
    await button(ann.page, 'Add a cut').click()
    await ann.page.getByRole('link', { name: 'Take 1' }).click()
    await ben.page.getByRole('link', { name: 'Cuts' }).click()
    await ben.page.getByRole('link', { name: 'Take 1' }).click()
    for (const { page } of [ann, ben]) await heading(page, 'Take 1').waitFor()

    await ann.page.keyboard.press('c')
    await ann.page.keyboard.type('Louder here')
    await ben.page.getByText('Ann writing …').waitFor()
    await ann.page.getByLabel('At (like 1:02)').fill('0:42')
    await button(ann.page, 'Send').click()
    await ben.page.getByText('Louder here').waitFor()
    await ben.page.getByText('0:42').waitFor()

    await button(ben.page, 'Reply').click()
    await ben.page.getByLabel('Reply to Ann').fill('On it')
    await ben.page.keyboard.press('Control+Enter')
    await ann.page.getByText('On it').waitFor()
    await button(ben.page, 'Resolve').click()
    await ann.page.getByText('Resolved by Ben').waitFor()
    await button(ann.page, 'Edit').click()
    await ann.page.getByRole('textbox', { name: 'Edit', exact: true }).fill('Much louder here')
    await button(ann.page, 'Save').click()
    await ben.page.getByText('Much louder here').waitFor()
    await ben.page.getByText('edited').waitFor()
  })

  it('two people who write lyrics at the same time merge them line by line, and lose no line', async () => {
    const write = async ({ page }: Watched, name: string, text: string) => {
      await button(page, name).click()
      await page.getByLabel('Lyrics, one line each').fill(text)
    }
    await write(ann, 'Write lyrics', 'one\ntwo\nthree\nfour')
    await button(ann.page, 'Save').click()
    await ben.page.getByText('three').waitFor()
    await write(ann, 'Edit lyrics', 'ONE\ntwo\n[1:02] three of Ann\nfour')
    await write(ben, 'Edit lyrics', 'one\ntwo\nthree of Ben\nfour\nfive')
    await button(ann.page, 'Save').click()
    await ben.page.getByText('The lyrics have changed while you edit').waitFor()
    await button(ben.page, 'Save').click()
    await ben.page.getByText('Difference 1 of 1').waitFor()
    expect(await button(ben.page, 'Save the merge').isDisabled()).toBe(true)
    await ben.page.getByLabel('Keep both').check()
    await button(ben.page, 'Save the merge').click()
    const lines = ann.page.locator('.lyrics li')
    await until('the merge is there', async () => (await lines.count()) === 6)
    expect(await lines.allTextContents()).toEqual(['ONE', 'two', '1:02three of Ann', 'three of Ben', 'four', 'five'])
  })

  it('a reload keeps lyrics that were not saved', async () => {
    await button(ann.page, 'Edit lyrics').click()
    await ann.page.getByLabel('Lyrics, one line each').fill('not saved yet')
    await ann.page.reload()
    expect(await ann.page.getByLabel('Lyrics, one line each').inputValue()).toBe('not saved yet')
    await button(ann.page, 'Cancel').click()
  })

  it('the inspector shows events as they come, replays the log, and shows a connection resume', async () => {
    await ben.page.getByLabel('Write a comment').fill('longer than its window '.repeat(60))
    await button(ben.page, 'Send').click()
    await ann.page.getByText('longer than its window').waitFor()
    await ann.page.locator('h1').click()
    await ann.page.keyboard.press('i')
    const drawer = ann.page.getByRole('complementary', { name: 'Inspector' })
    await drawer.waitFor()
    const fromEnd = () =>
      ann.page.evaluate<number>(`(() => {
      const { scrollHeight, scrollTop, clientHeight } = document.querySelector('.comments .windowed')
      return scrollHeight - scrollTop - clientHeight
    })()`)
    await until('the comments are at their end, narrower now', async () => (await fromEnd()) < 2)
    await drawer.getByText('lyrics:updated').first().waitFor()
    const position = async () => Number(await drawer.locator('[data-position]').textContent())
    const before = await position()
    await button(drawer, 'Cut my connection').click()
    await ann.page.getByText('Offline. Showing what was here').waitFor()
    await ben.page.getByLabel('Write a comment').fill('While Ann was away')
    await button(ben.page, 'Send').click()
    await ben.page.getByText('While Ann was away').waitFor()
    expect(await position()).toBe(before)
    await button(drawer, 'Come back').click()
    await ann.page.getByText('Resumed: 1 event caught up').first().waitFor()
    await ann.page.getByText('While Ann was away').waitFor()
    expect(await position()).toBe(before + 1)

    await drawer.getByLabel('Replay after seq').fill('2')
    await button(drawer, 'Replay').click()
    await drawer.getByText(`Replayed ${before - 1} events`, { exact: false }).waitFor()
    await drawer.locator('[data-seq="3"]').getByRole('button').click()
    await drawer.getByText('"seq": 3').waitFor()
    await ann.page.keyboard.press('Escape')
  })

  it('who is removed is told so, and is there again when added; who signs out sees the way in', async () => {
    await ann.page.getByRole('link', { name: 'Members' }).click()
    const row = ann.page.locator('.member', { hasText: 'Ben' })
    await button(row, 'Remove').click()
    await button(ann.page.getByRole('dialog'), 'Remove').click()
    await heading(ben.page, 'You are no longer in this project').waitFor()
    await ben.page.getByText('An owner has removed you').waitFor()
    await ann.page.getByLabel('E-mail of a person').fill(email)
    await button(ann.page, 'Add a member').click()
    await heading(ben.page, 'Take 1').waitFor()
    await ben.page.getByText('While Ann was away').waitFor()
    await ann.page.getByRole('link', { name: 'You', exact: true }).click()
    await button(ann.page, 'Sign out').click()
    await button(ann.page, 'Sign in').waitFor()
  })

  it('no script failed, nothing broke the policy, and nothing was asked of another host', () => {
    expect(ann.errors).toEqual([])
    // the browser's own word for the answer that began the merge
    expect(ben.errors.filter((error) => !error.includes('412'))).toEqual([])
  })
})
