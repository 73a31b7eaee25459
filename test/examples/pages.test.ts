import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { bundlePage, usePages } from '../support/pages.ts'
import { login, PASSWORD } from '../support/people.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dirname, '../..')

describeInBrowser('the pages of examples/', () => {
  const open = useBrowser()
  const pages = usePages()
  let app: TestApp
  beforeAll(async () => {
    app = await startApp({ env: { CORS_ORIGINS: pages().origin } })
    return () => app.close()
  })

  /** The page as it stands in the repository, but for the address of the server. */
  async function serve(name: string, script: string): Promise<void> {
    const html = await readFile(join(ROOT, 'examples', name, 'index.html'), 'utf8')
    expect(html).toContain(`src="./${script}"`)
    const built = script.replace(/\.tsx?$/, '.js')
    const page = html.replace('http://localhost:3000', app.url).replace(`./${script}`, `/${built}`)
    pages().serve(page, await bundlePage(`examples/${name}/${script}`))
  }

  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
  /** A window in which somebody has registered. */
  async function visit(name: string) {
    const email = `${name.toLowerCase()}-${randomUUID()}@example.com`
    const watched = await open({ origin: 'http://127.0.0.1' })
    const { page } = watched
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.goto(pages().origin)
    await page.getByPlaceholder('Name, for').fill(name)
    await page.getByPlaceholder('E-mail').fill(email)
    await page.getByPlaceholder('Password').fill(PASSWORD)
    await button(page, 'Enter').click()
    await button(page, 'Log out').waitFor()
    return { ...watched, email, asked }
  }
  /** Fills the field of a form, and submits it. */
  async function say(page: Page, label: string, text: string): Promise<void> {
    await page.getByLabel(label, { exact: true }).fill(text)
    await page.getByLabel(label, { exact: true }).press('Enter')
  }
  /** Adds a person to the only project of another. */
  async function addMember(ownerEmail: string, email: string): Promise<void> {
    const owner = await login(app, { email: ownerEmail })
    const list = await owner.must<{ data: { id: string }[] }>('GET', '/api/projects')
    await owner.must('POST', `/api/projects/${list.data[0]?.id}/members`, { email, role: 'editor' })
  }

  it('page: what one writes is shown to the other window, also after a reload of the page', async () => {
    await serve('page', 'page.ts')
    const { page, context, errors } = await visit('Ann')
    const field = page.getByPlaceholder('A task')
    await field.fill('First album')
    await field.press('Enter')
    await until('the project is chosen', async () => (await page.getByLabel('Project').inputValue()) !== '')
    await until('it is live', async () => (await page.locator('#status').textContent()) === 'live')
    // another window of the same person, with the same store
    const other = await context.newPage()
    await other.goto(pages().origin)
    await until('it is live', async () => (await other.locator('#status').textContent()) === 'live')
    await field.fill('Mix the chorus')
    await field.press('Enter')
    await other.getByText('Mix the chorus').waitFor()
    await page.reload()
    await page.getByText('Mix the chorus').waitFor()
    await button(page, 'Log out').click()
    await page.getByPlaceholder('E-mail').waitFor()
    await other.getByPlaceholder('E-mail').waitFor()
    expect(errors).toEqual([])
    await context.close()
  })

  it('react: a comment, who types, who is here and what happens reach the other person; a logout ends it', async () => {
    await serve('react', 'main.tsx')
    const ann = await visit('Ann')
    const ben = await visit('Ben')
    // once, in StrictMode too
    expect(ann.asked.filter((path) => path === '/api/session')).toHaveLength(1)
    await say(ann.page, 'A project', 'First album')
    await button(ann.page, 'First album').click()
    await say(ann.page, 'A vibe', 'Verse ideas')
    await say(ann.page, 'A cut of Verse ideas', 'Take 1')
    await button(ann.page, 'Take 1').click()
    await addMember(ann.email, ben.email)
    await ann.page.getByText('Ben joined', { exact: true }).waitFor()

    await button(ben.page, 'First album').click()
    await button(ben.page, 'Take 1').click()
    await until('Ann sees Ben', async () => (await ann.page.getByLabel('Here').textContent())?.includes('Ben') ?? false)
    await ben.page.getByLabel('Comment', { exact: true }).pressSequentially('Louder')
    await ann.page.getByText('Ben typing …').waitFor()
    await ben.page.getByLabel('Comment', { exact: true }).press('Enter')
    await ann.page.getByText('Ben: Louder').waitFor()
    await ann.page
      .getByLabel('Activity')
      .getByText(/^Ben .*/)
      .first()
      .waitFor()
    await button(ben.page, 'Log out').click()
    await ben.page.getByPlaceholder('E-mail').waitFor()
    await until('Ben has gone', async () => (await ann.page.getByLabel('Here').textContent()) === 'Ann')
    // the cookie keeps the login over a reload
    await ann.page.reload()
    await button(ann.page, 'First album').waitFor()
    // a logout by cookie closes the session of the token as well, which is closed by then
    expect([...ann.errors, ...ben.errors].filter((error) => !error.includes('401'))).toEqual([])
    await ann.context.close()
    await ben.context.close()
  })

  it('vue: a task that one moves is moved for the other', async () => {
    await serve('vue', 'main.tsx')
    const ann = await visit('Ann')
    const ben = await visit('Ben')
    await say(ann.page, 'A project', 'Second album')
    await button(ann.page, 'Second album').click()
    await addMember(ann.email, ben.email)
    await button(ben.page, 'Second album').click()
    await say(ann.page, 'A task', 'Mix the chorus')
    await ben.page.getByLabel('Column of Mix the chorus').selectOption('done')
    await ann.page.getByLabel('done', { exact: true }).getByText('Mix the chorus').waitFor()
    await until('they see each other', async () => (await ann.page.getByLabel('Here').textContent()) === 'Ann, Ben')
    for (const { errors, context } of [ann, ben]) {
      expect(errors).toEqual([])
      await context.close()
    }
  })
})
