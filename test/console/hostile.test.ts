import { join } from 'node:path'
import { expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { createProject, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { picture } from './modes.ts'
import { signInOn } from './people.ts'

const TASKS = 1_000

describeInBrowser('a board beyond measure', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()

  it('1,000 tasks with 20 labels each draw what can be seen, and arrow keys reach those that cannot', async () => {
    const ann = await register(app(), `𝕬nn ${'Ñ'.repeat(90)}`)
    const project = await createProject(ann, 'W'.repeat(200))
    await app().db.query(
      `INSERT INTO "Task" (id, "projectId", title, status, rank, labels, "authorId", "assigneeId")
       SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $1, 'Task number ' || n, 'todo', 'a' || lpad(n::text, 5, '0'),
         (SELECT array_agg('label ' || n || '.' || l) FROM generate_series(1, 20) l), $2, $2
       FROM generate_series(1, $3::int) n`,
      [project.id, ann.id, TASKS],
    )
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}`)
    const first = page.getByRole('link', { name: 'Task number 1', exact: true })
    await first.waitFor()
    expect(await page.locator('article').count()).toBeLessThan(40)
    await first.focus()
    const focused = () => page.evaluate<string>('document.activeElement.textContent')
    for (let n = 2; n <= 25; n++) {
      await page.keyboard.press('ArrowDown')
      await until(`the focus is on task ${n}`, async () => (await focused()) === `Task number ${n}`)
    }
    await picture(page, 'hostile')
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
    expect(errors).toEqual([])
  })
})
