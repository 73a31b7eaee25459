import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { processed, uploadFile } from '../support/files.ts'
import { createCut, createProject, type Person, register } from '../support/people.ts'
import { share } from '../support/shares.ts'
import { wav } from '../support/sound.ts'
import { until } from '../support/until.ts'
import { lookAt, looks } from './modes.ts'
import { breaches, button, heading, signInOn } from './people.ts'

const slider = (page: Page) => page.getByRole('slider', { name: 'Position' })

describeInBrowser('what a link shows to people without an account', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let cutId: string
  let projectId: string
  let fileId: string

  beforeAll(async () => {
    ann = await register(app(), 'Ann Archer')
    const project = await createProject(ann, 'First album')
    projectId = project.id
    cutId = (await createCut(ann, project.id)).cut.id
    const swell = (_: number, second: number) => 0.1 + 0.8 * Math.abs(Math.sin(second / 4))
    const content = wav({ seconds: 63, channels: 1, loudness: swell })
    fileId = (await uploadFile(app(), ann, cutId, content, { filename: 'Morning.wav' })).id
    await processed(ann, fileId)
  })
  const pageOf = (token: string) => `${app().url}/shared/${token}`

  it.each(looks)('it plays with its waveform, says whose it is, and asks for nothing else: $name', async ({ modes }) => {
    const { token } = await share(ann, { cutId }, { allows: 'listen' })
    const { page, errors } = await open({ ...modes[0], origin: app().url })
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    await page.goto(pageOf(token))
    await heading(page, 'Take 1').waitFor()
    await page.getByText('Shared by Ann Archer').waitFor()
    await page.locator('.wave path').first().waitFor({ state: 'attached' })
    await button(page, 'Play').click()
    await until('it plays', async () => Number(await slider(page).inputValue()) > 0)
    await button(page, 'Pause').click()
    await slider(page).focus()
    await page.keyboard.press('PageUp')
    await until('it went on', async () => Number(await slider(page).inputValue()) > 10_000)
    expect(await page.getByRole('link', { name: 'Download' }).count()).toBe(0)
    expect(await lookAt(page, 'shared', modes)).toEqual([])
    expect(asked.filter((path) => path.startsWith('/api/') && !path.startsWith(`/api/shared/${token}`))).toEqual([])
    expect(await page.context().cookies()).toEqual([])
    expect(errors).toEqual([])
  })

  it('what could not be loaded is loaded anew by Play; one that may only be heard is not to be downloaded', async () => {
    const { token } = await share(ann, { cutId }, { allows: 'listen' })
    const { page } = await open({ origin: app().url })
    await page.route(/\/content$/, (route) => route.abort(), { times: 1 })
    await page.goto(pageOf(token))
    const failed = page.getByRole('alert').filter({ hasText: 'could not be loaded or played' })
    expect(await failed.textContent()).not.toMatch(/download/i)
    await button(page, 'Play').click()
    await until('it plays', async () => Number(await slider(page).inputValue()) > 0)
    await failed.waitFor({ state: 'detached' })
  })

  it('one with a password opens by it, and may be saved where the link allows that', async () => {
    const { token } = await share(ann, { fileId }, { allows: 'download', password: 'strings attached' })
    const { page, errors } = await open({ origin: app().url })
    await page.goto(pageOf(token))
    await page.getByLabel('Password').fill('guessed wrongly')
    await button(page, 'Open').click()
    await page.getByText('The password is wrong.').waitFor()
    expect(await breaches(page)).toEqual([])
    await page.getByLabel('Password').fill('strings attached')
    await button(page, 'Open').click()
    await heading(page, 'Morning.wav').waitFor()
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download' }).click()
    expect((await download).suggestedFilename()).toBe('Morning.wav')
    // the browser's own words for the answers before it was open
    expect(errors.filter((error) => !/403/.test(error))).toEqual([])
  })

  it('one that has expired, and one that was revoked, say so plainly', async () => {
    const expired = await share(ann, { fileId })
    await app().db.query(`UPDATE "Share" SET "expiresAt" = now() - interval '1 minute' WHERE id = $1`, [expired.id])
    const { page } = await open({ origin: app().url })
    await page.goto(pageOf(expired.token))
    await heading(page, 'This link has expired').waitFor()
    expect(await breaches(page)).toEqual([])
    const revoked = await share(ann, { fileId })
    await ann.must('DELETE', `/api/shares/${revoked.id}`)
    await page.goto(pageOf(revoked.token))
    await heading(page, 'There is nothing at this link').waitFor()
    await page.goto(pageOf('mistyped'))
    await heading(page, 'There is nothing at this link').waitFor()
  })

  it('an editor makes a link on the page of the cut, sends it, sees it played, and revokes it', async () => {
    const editor = await open({ origin: app().url })
    await signInOn(editor.page, app().url, ann.email, `/projects/${projectId}/cuts/${cutId}`)
    await editor.page.getByRole('listitem').filter({ hasText: 'Take 1' }).waitFor()
    const { body } = await ann.call<{ data: { id: string }[] }>('GET', `/api/projects/${projectId}/shares`)
    for (const { id } of body.data) await ann.must('DELETE', `/api/shares/${id}`)
    await button(editor.page, 'Share').click()
    await button(editor.page, 'Create link').click()
    const url = await editor.page.getByLabel('Link', { exact: true }).inputValue()
    expect(url).toMatch(new RegExp(`^${app().url}/shared/[\\w-]{43}$`))
    await editor.page.getByText('0 plays').waitFor()
    const visitor = await open({ origin: app().url })
    await visitor.page.goto(url)
    await button(visitor.page, 'Play').click()
    await until('it plays', async () => Number(await slider(visitor.page).inputValue()) > 0)
    await editor.page.getByText('1 play', { exact: false }).waitFor()
    await editor.page.getByRole('button', { name: 'Revoke the link' }).click()
    await editor.page.getByText('No links yet.').waitFor()
    await visitor.page.reload()
    await heading(visitor.page, 'There is nothing at this link').waitFor()
    expect(editor.errors).toEqual([])
  })
})
