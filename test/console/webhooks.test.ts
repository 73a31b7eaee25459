import { join } from 'node:path'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { QUICK } from '../support/consumers.ts'
import { addMember, createProject, type Person, register } from '../support/people.ts'
import { makeTasks, startReceiver } from '../support/webhooks.ts'
import { lookAt, looks } from './modes.ts'
import { button, signInOn } from './people.ts'

describeInBrowser('webhooks', () => {
  const app = useApp({
    env: { WEBHOOKS_PRIVATE: 'on' },
    seams: { consoleFolder: join(inject('build'), 'console'), jobs: { timings: QUICK } },
  })
  const open = useBrowser()
  let ann: Person
  let project: { id: string }
  const settings = () => `/projects/${project.id}/settings`
  beforeAll(async () => {
    ann = await register(app(), 'Ann Archer')
    project = await createProject(ann, 'First album')
  })

  it('an owner adds one, keeps its secret, looks at what was sent, sends it again, and deletes it; another window follows', async () => {
    const receiver = await startReceiver()
    const [first, second] = [await open({ origin: app().url }), await open({ origin: app().url })]
    const { page, errors } = first
    await signInOn(second.page, app().url, ann.email, settings())
    await signInOn(page, app().url, ann.email, settings())
    await page.getByText('Nothing is sent anywhere.').waitFor()
    await button(page, 'Add a webhook').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('URL').fill('nowhere')
    await button(dialog, 'Add a webhook').click()
    await dialog.locator('.wrong').waitFor()
    await dialog.getByLabel('URL').fill(receiver.url)
    await dialog.getByLabel('Events').fill('task.created, task.deleted')
    await button(dialog, 'Add a webhook').click()
    expect(await dialog.getByLabel('Secret').inputValue()).toMatch(/^whsec_/)
    await button(dialog, 'I have kept it').click()
    for (const each of [page, second.page]) await each.getByText('2 types of events').waitFor()

    await makeTasks(ann, project.id, 2)
    await receiver.got(2)
    await button(page, `Deliveries: ${receiver.url}`).click()
    await dialog.getByText('Delivered').nth(1).waitFor()
    await button(dialog, 'Send a test').click()
    await dialog.getByRole('listitem').getByText('a test').waitFor()
    await dialog
      .getByRole('button', { name: /^Send again/ })
      .first()
      .click()
    await receiver.got(4)
    expect(receiver.received[3]?.body).toBe(receiver.received[1]?.body)
    await dialog.getByRole('listitem').getByText('sent again').waitFor()
    await button(dialog, 'Close').click()

    await button(page, `Switch off: ${receiver.url}`).click()
    await page.getByText('Off', { exact: true }).waitFor()
    await second.page.getByText('Off', { exact: true }).waitFor()
    await button(page, `New secret: ${receiver.url}`).click()
    await button(dialog, 'New secret').click()
    await page.getByText('Until tomorrow at this time').waitFor()
    await button(dialog, 'I have kept it').click()
    await button(page, `Delete: ${receiver.url}`).click()
    await button(dialog, 'Delete').click()
    for (const each of [page, second.page]) await each.getByText('Nothing is sent anywhere.').waitFor()
    expect(errors.filter((error) => !error.includes('422'))).toEqual([])
  })

  it('deliveries that come while older ones are shown hide none, and what has ended does not begin again', async () => {
    const { id } = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/webhooks`, {
      url: 'https://example.com/',
      events: ['project.updated'],
    })
    const url = 'https://example.com/'
    let last = 0
    const deliver = (count: number) => {
      last += count
      return app().db.query(
        `INSERT INTO "WebhookDelivery" (id, "webhookId", "projectId", "eventId", seq, name, cause, status, attempts)
         SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $1, $2, gen_random_uuid(), n, 'task:created', 'event', 'delivered', 1
         FROM generate_series($3::int, $4::int) n`,
        [id, project.id, last - count + 1, last],
      )
    }
    await deliver(45)
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, settings())
    await button(page, `Deliveries: ${url}`).click()
    const dialog = page.getByRole('dialog')
    const older = button(dialog, 'Older')
    const position = (n: number) => dialog.getByText(`position ${n} · one attempt`, { exact: true })
    /** All down to the oldest, in order. */
    const loadAll = async () => {
      for (let oldest = last - 19; oldest > 1; oldest = Math.max(1, oldest - 20)) {
        await position(oldest).waitFor()
        await older.click()
      }
      await position(1).waitFor()
      await older.waitFor({ state: 'detached' })
      const said = await dialog.getByRole('listitem').allTextContents()
      return said.map((text) => Number(/position (\d+)/.exec(text)?.[1]))
    }
    const all = () => Array.from({ length: last }, (_, n) => last - n)
    expect(await loadAll()).toEqual(all())
    await deliver(5)
    await position(50).waitFor()
    expect(await dialog.getByRole('listitem').count()).toBe(50)
    expect(await older.count()).toBe(0)
    // more than a page: the list begins anew
    await deliver(30)
    await position(80).waitFor()
    expect(await loadAll()).toEqual(all())
    await ann.must('DELETE', `/api/webhooks/${id}`)
  })

  it('those who are no owners see none of it', async () => {
    const ed = await register(app(), 'Ed')
    await addMember(ann, project.id, ed, 'editor')
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ed.email, settings())
    await page.getByText('First album').first().waitFor()
    await button(page, 'Leave this project').waitFor()
    expect(await page.getByText('Webhooks').count()).toBe(0)
  })

  it.each(looks)('its pages fit and keep WCAG ($name)', async ({ name, modes }) => {
    const receiver = await startReceiver((_, response, n) => (n % 2 === 0 ? 500 : void response.writeHead(204).end()))
    const made = await ann.must<{ id: string }>('POST', `/api/projects/${project.id}/webhooks`, { url: receiver.url })
    const { page } = await open({ origin: app().url })
    await page.setViewportSize(modes[0])
    await signInOn(page, app().url, ann.email, settings())
    await button(page, `Deliveries: ${receiver.url}`).waitFor()
    const wrong = await lookAt(page, `webhooks-${name}`, modes)
    await makeTasks(ann, project.id, 3)
    await receiver.got(4)
    await button(page, `Deliveries: ${receiver.url}`).click()
    await page.getByText('Waiting').first().waitFor()
    wrong.push(...(await lookAt(page, `webhook-deliveries-${name}`, modes)))
    await button(page.getByRole('dialog'), 'Close').click()
    await button(page, 'Add a webhook').click()
    wrong.push(...(await lookAt(page, `webhook-add-${name}`, modes)))
    expect(wrong).toEqual([])
    await ann.must('DELETE', `/api/webhooks/${made.id}`)
  })
})
