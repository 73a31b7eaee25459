import { join } from 'node:path'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import type { Person } from '../support/people.ts'
import { annAndBen, signInOn } from './people.ts'

describeInBrowser('the members of a project', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let project: { id: string }
  beforeAll(async () => {
    ;({ ann, project } = await annAndBen(app()))
  })

  it('a role that is refused is not shown as if it were given', async () => {
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/members`)
    const role = page.getByLabel('Role of Ann')
    await role.selectOption('viewer')
    await page.locator('.toasts').getByText('A project keeps at least one owner').waitFor()
    expect(await role.inputValue()).toBe('owner')
    await page.getByLabel('Role of Ben').selectOption('viewer')
    await expect
      .poll(async () =>
        (await ann.must<{ data: { role: string }[] }>('GET', `/api/projects/${project.id}/members`)).data.map(({ role }) => role),
      )
      .toContain('viewer')
    expect(await page.getByLabel('Role of Ben').inputValue()).toBe('viewer')
  })
})
