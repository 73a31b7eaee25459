import { join } from 'node:path'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { addMember, createCut, createProject, type Person, register, request } from '../support/people.ts'
import { until } from '../support/until.ts'
import { annAndBen, button, heading, signInOn } from './people.ts'

describeInBrowser('what the console says of its state', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, ben, project } = await annAndBen(app()))
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
    const title = async () => (await ann.must<{ title: string }>('GET', `/api/tasks/${task.id}`)).title
    await until('mine is on the server', async () => (await title()) === 'Mix of Ann')
    await page.getByRole('cell', { name: 'Mix of Ben' }).waitFor({ state: 'detached' })
  })

  it('changes of a task, a cut and its lyrics are drawn at once while offline, and sent later, each over the one before', async () => {
    const task = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Strings' })
    const { cut } = await createCut(ann, project.id)
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `${board()}?task=${task.id}`)
    const dialog = page.getByRole('dialog')
    await button(dialog, 'Edit').waitFor()
    // the parts of the page that are needed offline are loaded
    await page.getByRole('dialog').getByText('Nothing was said').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Cuts' }).click()
    await page.getByRole('link', { name: 'Take 1' }).click()
    await button(page, 'Write lyrics').waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()

    for (const [name, tempo] of [
      ['Take 2', '90'],
      ['Take 3', '92'],
    ] as const) {
      await button(page, 'Change').click()
      await dialog.getByLabel('Name of the cut').fill(name)
      await dialog.getByLabel('Tempo (bpm)').fill(tempo)
      await button(dialog, 'Save').click()
      await heading(page, name).waitFor()
    }
    await button(page, 'Write lyrics').click()
    await page.getByLabel('Lyrics, one line each').fill('one line')
    await button(page, 'Save').click()
    await page.locator('.lyrics.pending', { hasText: 'one line' }).waitFor()
    await page.getByRole('link', { name: 'Board' }).click()
    await page.getByRole('link', { name: 'Strings' }).click()
    await button(dialog, 'Edit').click()
    await dialog.getByLabel('Title').fill('More strings')
    await button(dialog, 'Save').click()
    await dialog.getByText('Will be sent', { exact: true }).waitFor()
    await heading(page, 'More strings').waitFor()
    await context.setOffline(false)
    await page.getByText('Will be sent', { exact: true }).first().waitFor({ state: 'detached' })
    await until('all is on the server', async () => {
      const { name, bpm } = await ann.must<{ name: string; bpm: number }>('GET', `/api/cuts/${cut.id}`)
      const { lyrics } = await ann.must<{ lyrics: { text: string }[] }>('GET', `/api/cuts/${cut.id}/lyrics`)
      const { title } = await ann.must<{ title: string }>('GET', `/api/tasks/${task.id}`)
      return [name, bpm, lyrics[0]?.text, title].join() === 'Take 3,92,one line,More strings'
    })
  })

  it('a change that was made offline, and that another person made too, shows both versions, also after a reload', async () => {
    const { cut } = await createCut(ann, project.id)
    const path = `${board()}/cuts/${cut.id}`
    const { page, context } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, path)
    await button(page, 'Change').waitFor()
    await context.setOffline(true)
    await page.getByText('Offline. Showing what was here').waitFor()
    await button(page, 'Change').click()
    await page.getByRole('dialog').getByLabel('Name of the cut').fill('Take of Ann')
    await button(page.getByRole('dialog'), 'Save').click()
    await page.getByText('Will be sent', { exact: true }).waitFor()
    await ben.must('PATCH', `/api/cuts/${cut.id}`, { name: 'Take of Ben' })
    await context.setOffline(false)
    await page.getByRole('cell', { name: 'Take of Ben' }).waitFor()
    await page.reload()
    await page.getByRole('cell', { name: 'Take of Ann' }).waitFor()
    await page.goto(`${app().url}${board()}/cuts`)
    const row = page.locator('.cut-row', { hasText: 'Take of Ann' })
    await row.getByText('Not sent').waitFor()
    await row.getByRole('link', { name: 'Compare' }).click()
    await button(page, 'Take theirs').click()
    await heading(page, 'Take of Ben').waitFor()
    await page.getByRole('cell', { name: 'Take of Ann' }).waitFor({ state: 'detached' })
    expect(await ann.must<{ name: string }>('GET', `/api/cuts/${cut.id}`)).toMatchObject({ name: 'Take of Ben' })
  })

  it('cards show who is there and what is new since the last visit', async () => {
    const own = await createProject(ann, 'Visited')
    await addMember(ann, own.id, ben)
    const [one, other] = [await open({ origin: app().url }), await open({ origin: app().url })]
    await signInOn(one.page, app().url, ann.email, `/projects/${own.id}`)
    await one.page.getByRole('textbox', { name: 'Add a task' }).waitFor()
    await one.page.getByText('No tasks yet').waitFor()
    await one.page.getByRole('link', { name: 'Cutroom: your projects' }).click()
    const card = one.page.locator('.project', { hasText: 'Visited' })
    await card.getByText('Changed').waitFor()
    expect(await card.getByText('since your last visit').count()).toBe(0)
    for (const title of ['Mix', 'Master']) await ben.must('POST', `/api/projects/${own.id}/tasks`, { title })
    await signInOn(other.page, app().url, ben.email, `/projects/${own.id}`)
    await other.page.getByText('Master').waitFor()
    await one.page.reload()
    await card.getByText('2 changes since your last visit').waitFor()
    await card.getByRole('img', { name: 'Here now: Ben' }).waitFor()
    expect([one.errors, other.errors]).toEqual([[], []])
  })

  it('the sample band is written step by step, and opens', async () => {
    const newcomer = await register(app(), 'Sam')
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, newcomer.email)
    // the progress is seen, however fast the server is
    const progress = page.getByRole('progressbar', { name: 'Writing the sample band' })
    await page.route('**/vibes', async (route) => {
      await progress.waitFor()
      await route.continue()
    })
    await button(page, 'Load the sample band').click()
    await heading(page, 'Board').waitFor()
    await page.getByText('Book the room for Saturday').waitFor()
    const { data } = await newcomer.must<{ data: { id: string }[] }>('GET', '/api/projects')
    const snapshot = await newcomer.must<{ tasks: object[]; vibes: object[]; cuts: object[]; comments: object[] }>(
      'GET',
      `/api/projects/${data[0]?.id}/snapshot`,
    )
    expect([data, snapshot.tasks, snapshot.vibes, snapshot.cuts, snapshot.comments].map(({ length }) => length)).toEqual([
      1, 6, 2, 3, 8,
    ])
    expect(errors).toEqual([])
  })

  it('who signs out in the page in which they signed in causes no error', async () => {
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, '/me')
    // what the page itself asks for is answered
    await page.getByText('This one').waitFor()
    await page.waitForLoadState('networkidle')
    await button(page, 'Sign out').click()
    await button(page, 'Sign in').waitFor()
    await page.waitForLoadState('networkidle')
    expect(errors).toEqual([])
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

  it('the settings of a project change what was written there alone, and show what others change', async () => {
    const own = await createProject(ann, 'Live set')
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${own.id}/settings`)
    await page.getByLabel('Description').fill('Recorded in May')
    await ann.must('PATCH', `/api/projects/${own.id}`, { name: 'Live set, second night' })
    await until(
      'the new name is there',
      async () => (await page.getByRole('textbox', { name: 'Name', exact: true }).inputValue()) === 'Live set, second night',
    )
    await button(page, 'Save').click()
    await page.getByText('Saved', { exact: true }).first().waitFor()
    expect(await ann.must('GET', `/api/projects/${own.id}`)).toMatchObject({
      name: 'Live set, second night',
      description: 'Recorded in May',
    })
    await until('it stays', async () => (await page.getByLabel('Description').inputValue()) === 'Recorded in May')
  })

  it('a project whose deletion is refused is still shown, with the reason; one that is deleted is left', async () => {
    const own = await createProject(ann, 'Demo tape')
    await addMember(ann, own.id, ben, 'owner')
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${own.id}/settings`)
    const dialog = page.getByRole('dialog')
    const type = async () => {
      await button(page, 'Delete this project').click()
      await dialog.getByRole('textbox').fill('Demo tape')
    }
    await type()
    await ben.must('PATCH', `/api/projects/${own.id}/members/${ann.id}`, { role: 'editor' })
    await button(dialog, 'Delete this project').click()
    await dialog.getByText('Your role does not allow this').waitFor()
    await page.keyboard.press('Escape')
    await heading(page, 'Demo tape').waitFor()
    await ben.must('PATCH', `/api/projects/${own.id}/members/${ann.id}`, { role: 'owner' })
    await type()
    await button(dialog, 'Delete this project').click()
    await heading(page, 'Your projects').waitFor()
    await until('it is not listed', async () => (await page.getByText('Demo tape', { exact: true }).count()) === 0)
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
