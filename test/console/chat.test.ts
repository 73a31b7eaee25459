import { join } from 'node:path'
import { userRoom } from '@cutroom/contract'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { converse, say } from '../support/conversations.ts'
import { addMember, createCut, createProject, PASSWORD, type Person, register } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { lookAt, looks } from './modes.ts'
import { breaches, button, composeWith, heading, signInOn, spoken } from './people.ts'

const OLDER = 400

const message = (page: Page, text: string) => page.locator('.message', { hasText: text })
const chatLink = (page: Page, name: string) => page.getByRole('link', { name, exact: true })
const write = async (page: Page, to: string, text: string) => {
  await page.getByLabel(`Message to ${to}`).fill(text)
  await page.keyboard.press('Enter')
}

describeInBrowser('conversations', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }

  beforeAll(async () => {
    ann = await register(app(), 'Ann Archer')
    ben = await register(app(), 'Ben Okonkwo')
    project = await createProject(ann, 'First album')
    await addMember(ann, project.id, ben)
  })

  it('two people write to each other, see who types and what was read, on two devices of one of them', async () => {
    const first = await open({ origin: app().url })
    const second = await open({ origin: app().url })
    const device = await open({ origin: app().url })
    await signInOn(second.page, app().url, ben.email)
    await signInOn(device.page, app().url, ben.email)
    await signInOn(first.page, app().url, ann.email)
    await chatLink(first.page, 'Chat').click()
    await heading(first.page, 'No conversations yet').waitFor()
    await button(first.page, 'New conversation').click()
    await first.page.getByLabel('Find a person').fill('ben')
    await first.page.getByRole('checkbox', { name: 'Ben Okonkwo First album' }).check()
    await button(first.page, 'Start').click()
    await heading(first.page, 'Ben Okonkwo').waitFor()
    await write(first.page, 'Ben Okonkwo', 'Have you heard the chorus?')
    await message(first.page, 'Have you heard the chorus?').waitFor()

    for (const { page } of [second, device]) await chatLink(page, 'Chat: 1 unread').waitFor()
    await until('it was spoken', async () => (await spoken(second.page).textContent()) === 'New message from Ann Archer')
    await chatLink(second.page, 'Chat: 1 unread').click()
    await second.page.getByRole('link', { name: /Ann Archer/ }).click()
    await message(second.page, 'Have you heard the chorus?').waitFor()
    // read there: on the other device, too, and the author sees it
    for (const { page } of [second, device]) await chatLink(page, 'Chat').waitFor()
    await first.page.getByRole('img', { name: 'Read by Ben Okonkwo' }).waitFor()

    await second.page.getByLabel('Message to Ann Archer').pressSequentially('Not')
    await first.page.getByText('Ben Okonkwo writing …').waitFor()
    await write(second.page, 'Ann Archer', 'Not yet')
    await message(first.page, 'Not yet').waitFor()
    await until('no one types', async () => (await first.page.getByText('writing …').count()) === 0)
    expect([first.errors, second.errors, device.errors]).toEqual([[], [], []])
  })

  it('Enter that accepts words of an input method sends nothing', async () => {
    const conversation = await converse(ann, [ben])
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/chat/${conversation.id}`)
    const box = page.getByLabel('Message to Ben Okonkwo')
    await box.fill('明日')
    await composeWith(box, 'Enter')
    await box.pressSequentially('の朝')
    await page.keyboard.press('Enter')
    await message(page, '明日の朝').waitFor()
    expect(await box.inputValue()).toBe('')
  })

  it('a message is edited and deleted by its author, for all', async () => {
    const conversation = await converse(ann, [ben])
    await say(ann, conversation.id, 'At five o’clock')
    await say(ann, conversation.id, 'Bring strings')
    const [one, other] = [await open({ origin: app().url }), await open({ origin: app().url })]
    await signInOn(one.page, app().url, ann.email, `/chat/${conversation.id}`)
    await signInOn(other.page, app().url, ben.email, `/chat/${conversation.id}`)
    await message(other.page, 'Bring strings').waitFor()
    await message(one.page, 'At five').hover()
    await button(one.page, 'Edit “At five o’clock”').click()
    await one.page.getByLabel('Edit your message').fill('At six o’clock')
    await one.page.keyboard.press('Enter')
    await message(other.page, 'At six o’clock').getByText('edited').waitFor()
    await message(one.page, 'Bring strings').hover()
    await button(one.page, 'Delete “Bring strings”').click()
    await button(one.page.getByRole('dialog'), 'Delete').click()
    await until('it is gone', async () => (await message(other.page, 'Bring strings').count()) === 0)
    expect(await other.page.getByRole('button', { name: /^(Edit|Delete) “At six/ }).count()).toBe(0)
    expect([one.errors, other.errors]).toEqual([[], []])
  })

  it('older messages are loaded upwards without a jump, and few are drawn', async () => {
    const cy = await register(app(), 'Cy')
    await addMember(ann, project.id, cy)
    const conversation = await converse(ann, [cy])
    await app().db.query(
      `INSERT INTO "Message" (id, "conversationId", "authorId", body, "createdAt")
       SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 6, '0') || right($1::uuid::text, 6))::uuid, $1::uuid, CASE WHEN n % 3 = 0 THEN $2::uuid ELSE $3::uuid END,
         'Number ' || n || '.' || repeat(' and so on', n % 40), now() - interval '4 days' + n * interval '15 minutes'
       FROM generate_series(1, $4::int) n`,
      [conversation.id, ann.id, cy.id, OLDER],
    )
    await say(cy, conversation.id, 'The newest')
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/chat/${conversation.id}`)
    await message(page, 'The newest').waitFor()
    // where the last row in sight is, before and after each step
    const place = (key = '') =>
      page.evaluate<number | null>(
        `document.querySelector('.messages [data-key="${key}"]')?.getBoundingClientRect().bottom ?? null`,
      )
    const lastInSight = () =>
      page.evaluate<string | undefined>(`(() => {
        const { bottom } = document.querySelector('.messages').getBoundingClientRect()
        return [...document.querySelectorAll('.messages li')].findLast((row) => row.getBoundingClientRect().top < bottom)?.dataset.key
      })()`)
    const drawn = () => page.locator('.messages li').count()
    const jumps: number[] = []
    for (let step = 0; step < 200 && (await page.getByText('This is the beginning').count()) === 0; step++) {
      await page.evaluate(`document.querySelector('.messages').scrollTop -= 400`)
      // what came into sight is drawn a moment later
      let key: string | undefined
      await until('a message is in sight', async () => {
        key = await lastInSight()
        return key !== undefined
      })
      const before = await place(key)
      await page.waitForLoadState('networkidle')
      const after = await place(key)
      if (before !== null && after !== null) jumps.push(Math.abs(after - before))
      expect(await drawn()).toBeLessThan(80)
    }
    await page.getByText('This is the beginning').waitFor()
    expect(Math.max(...jumps)).toBeLessThan(2)
    await say(cy, conversation.id, 'One more')
    await button(page, '1 new below').click()
    await message(page, 'One more').waitFor()

    // a link, as those of a search, names one far back
    const [{ id: far }] = (await app().db.query<{ id: string }>(`SELECT id FROM "Message" WHERE body LIKE 'Number 20.%'`))
      .rows as [{ id: string }]
    await page.goto(`${app().url}/chat/${conversation.id}?message=${far}`)
    await until('it is in sight', () => message(page, 'Number 20.').isVisible())
    expect(await page.locator('.message.marked').textContent()).toContain('Number 20.')
    const gone = far.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    await page.goto(`${app().url}/chat/${conversation.id}?message=${gone}`)
    await page.getByText('This message is not there any more').first().waitFor()
    expect(errors).toEqual([])
  })

  it('who shares no project any more reads on; what was refused stays with the reason until it is discarded', async () => {
    const dee = await register(app(), 'Dee')
    const { id } = await createProject(ann, 'Side project')
    await addMember(ann, id, dee)
    const conversation = await converse(dee, [ann])
    await say(ann, conversation.id, 'Welcome')
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/chat/${conversation.id}`)
    await message(page, 'Welcome').waitFor()
    await ann.must('DELETE', `/api/projects/${id}/members/${dee.id}`)
    await write(page, 'Dee', 'Are you there?')
    const refused = message(page, 'Are you there?')
    await refused.getByText('Not sent').waitFor()
    await button(refused, 'Discard').click()
    await until('it is discarded', async () => (await refused.count()) === 0)
    await page.reload()
    await page.getByText('You share no project with Dee any more.').waitFor()
    await message(page, 'Welcome').waitFor()
    expect(await page.getByLabel('Message to Dee').count()).toBe(0)
    // the browser's own words for the answer to what was refused
    expect(errors.filter((error) => !error.includes('403'))).toEqual([])
  })

  it('a thing of a project is named by its address, and leads there', async () => {
    const { cut } = await createCut(ann, project.id)
    const conversation = await converse(ann, [ben])
    const { page, context, errors } = await open({ origin: app().url })
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await signInOn(page, app().url, ann.email, `/chat/${conversation.id}`)
    await page.evaluate(`navigator.clipboard.writeText('${app().url}/projects/${project.id}/cuts/${cut.id}')`)
    const box = page.getByLabel('Message to Ben Okonkwo')
    await box.fill('Listen: ')
    await page.keyboard.press('Control+v')
    await until('the address is a name', async () => (await box.inputValue()).includes(`(cut:${cut.id})`))
    await page.keyboard.press('Enter')
    await message(page, 'Listen: ')
      .getByRole('button', { name: /^(?!Edit|Delete)/ })
      .click()
    await until('the cut is shown', async () => page.url().endsWith(`/cuts/${cut.id}`))
    expect(errors).toEqual([])
  })

  it('who is online is asked for anew after a lost connection, and for the next person in the tab', async () => {
    const joan = await register(app(), 'Joan')
    const kim = await register(app(), 'Kim')
    for (const person of [joan, kim]) await addMember(ann, project.id, person)
    const conversation = await converse(ann, [kim])
    await converse(joan, [kim])
    const here = async () => {
      const window = await open({ origin: app().url })
      await signInOn(window.page, app().url, kim.email, '/chat')
      return window
    }
    const { page, context } = await open({ origin: app().url })
    const online = page.locator('.chat-head p').getByText('online', { exact: true })
    const { frames } = await connect(app(), ben)
    const isTold = (isOnline: boolean) =>
      until(`others hear that Kim is ${isOnline ? 'online' : 'offline'}`, () => {
        const last = frames.findLast(({ name, payload }) => name === 'chat:presence' && payload.userId === kim.id)
        return last?.payload.isOnline === isOnline
      })
    let other = await here()
    await isTold(true)
    await signInOn(page, app().url, ann.email, `/chat/${conversation.id}`)
    await online.waitFor()

    await context.setOffline(true)
    app().app.io.in(userRoom(ann.id)).disconnectSockets(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await other.context.close()
    await isTold(false)
    await context.setOffline(false)
    await page.getByText('Offline. Showing what was here').waitFor({ state: 'detached' })
    await until('Kim is not shown as online', async () => (await online.count()) === 0)

    other = await here()
    await isTold(true)
    await online.waitFor()
    await chatLink(page, 'You').click()
    await button(page, 'Sign out').click()
    await button(page, 'Sign in').waitFor()
    await other.context.close()
    await isTold(false)
    // without a load of the page
    await page.getByLabel('E-mail').fill(joan.email)
    await page.getByLabel('Password').fill(PASSWORD)
    await button(page, 'Sign in').click()
    await chatLink(page, 'Chat').click()
    await page.locator('.conversation', { hasText: 'Kim' }).click()
    await heading(page, 'Kim').waitFor()
    expect(await online.count()).toBe(0)
    await here()
    await online.waitFor()
  })

  it('a conversation of others is none', async () => {
    const conversation = await converse(ann, [ben])
    const eve = await register(app(), 'Eve')
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, eve.email, `/chat/${conversation.id}`)
    await heading(page, 'There is no such conversation').waitFor()
    await page.getByText('All conversations').click()
    await heading(page, 'No conversations yet').waitFor()
    expect(await breaches(page)).toEqual([])
  })

  it.each(looks)('has no breach of WCAG and fits its window: $name', async ({ modes }) => {
    const mia = await register(app(), 'Mia Long-Winded Montgomery-Featherstonehaugh')
    await addMember(ann, project.id, mia)
    const pair = await converse(ann, [mia])
    const group = await converse(ann, [ben, mia], 'Mixing, mastering and everything else that has to be done by spring')
    for (const [person, text] of [
      [ann, 'Shall we meet on Thursday?'],
      [mia, 'Yes. I bring the strings, and the notes on the arrangement.'],
      [mia, `${'unbroken'.repeat(30)} and a very long line after it, which wraps more than once in a window that is narrow`],
      [ben, 'כן, בשש'],
      [ann, 'Look at https://example.com/a/reference/track before'],
    ] as const)
      await say(person, group.id, text)
    await say(mia, pair.id, 'Only for you')
    const { page, errors } = await open({ ...modes[0], origin: app().url })
    const found: string[] = []
    const check = async (name: string) => void found.push(...(await lookAt(page, name, modes)))
    await signInOn(page, app().url, ann.email, '/chat')
    await page.getByText('Only for you').first().waitFor()
    await check('chat-list')
    await page.goto(`${app().url}/chat/${group.id}`)
    await message(page, 'Look at').waitFor()
    await message(page, 'Shall we meet').hover()
    await check('chat-group')
    await page.goto(`${app().url}/chat/${pair.id}`)
    await message(page, 'Only for you').waitFor()
    await check('chat-pair')
    if (modes[0].width > 760) await button(page, 'New conversation').click()
    else {
      await page.getByRole('link', { name: 'All conversations' }).click()
      await button(page, 'New conversation').click()
    }
    for (const name of ['Ben Okonkwo', 'Mia']) await page.getByRole('checkbox', { name }).first().check()
    await page.getByLabel('Name of the group').waitFor()
    await check('chat-new')
    expect(found).toEqual([])
    expect(errors).toEqual([])
  })
})
