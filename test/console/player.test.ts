import { join } from 'node:path'
import type { Page, Route } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { processed, uploadFile } from '../support/files.ts'
import { createCut, createProject, type Person, register } from '../support/people.ts'
import { wav } from '../support/sound.ts'
import { until } from '../support/until.ts'
import { button, signInOn } from './people.ts'

const slider = (page: Page) => page.getByRole('slider', { name: 'Position' })
const plays = (page: Page) => until('it plays', async () => Number(await slider(page).inputValue()) > 0)
const failed = (page: Page) => page.getByRole('alert').filter({ hasText: 'could not be loaded or played' })
const CONTENT = /\/api\/files\/[^/]+\/content/

/** Keeps the elements that are played; to be asked before the page is opened. */
const watchSound = (page: Page) =>
  page.addInitScript(`
    window.played = new Set()
    const { play } = HTMLMediaElement.prototype
    HTMLMediaElement.prototype.play = function () {
      window.played.add(this)
      return play.call(this)
    }
  `)
const isHeard = (page: Page) => page.evaluate<boolean>('[...played].some(({ paused }) => !paused)')

describeInBrowser('the player, where a recording goes or fails', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let projectId: string
  beforeAll(async () => {
    ann = await register(app(), 'Ann')
    projectId = (await createProject(ann, 'First album')).id
  })

  /** A cut with takes of a minute each, the newest last. */
  async function cutWithTakes(takes = 1): Promise<{ cutId: string; fileIds: string[] }> {
    const cutId = (await createCut(ann, projectId)).cut.id
    const fileIds: string[] = []
    for (let n = 1; n <= takes; n++) {
      const content = wav({ seconds: 60 + n, channels: 1 })
      const { id } = await uploadFile(app(), ann, cutId, content, { filename: `Take ${n}.wav` })
      await processed(ann, id)
      fileIds.push(id)
    }
    return { cutId, fileIds }
  }

  it('it falls silent when the last take is deleted, and a comment then names no take', async () => {
    const { cutId, fileIds } = await cutWithTakes()
    const { page } = await open({ origin: app().url })
    await watchSound(page)
    await signInOn(page, app().url, ann.email, `/projects/${projectId}/cuts/${cutId}`)
    await button(page, 'Play').click()
    await plays(page)
    expect(await isHeard(page)).toBe(true)
    await ann.must('DELETE', `/api/files/${fileIds[0]}`)
    await page.getByText('No recording yet').waitFor()
    await until('it is silent', async () => !(await isHeard(page)))
    await page.getByLabel('Write a comment').fill('It was too fast here')
    await page.getByLabel('At (like 1:02)').fill('0:05')
    await button(page, 'Send').click()
    await until('the comment is there', async () => {
      const { body } = await ann.call<{ data: { atMs: number; fileId: string | null }[] }>('GET', `/api/cuts/${cutId}/comments`)
      return body.data.some(({ atMs, fileId }) => atMs === 5_000 && fileId === null)
    })
    // a take that comes then is shown, and waits
    await uploadFile(app(), ann, cutId, wav({ seconds: 50, channels: 1 }), { filename: 'Again.wav' })
    await button(page, 'Play').waitFor()
    expect(await isHeard(page)).toBe(false)
  })

  it('it falls silent when the cut is deleted', async () => {
    const { cutId } = await cutWithTakes()
    const { page } = await open({ origin: app().url })
    await watchSound(page)
    await signInOn(page, app().url, ann.email, `/projects/${projectId}/cuts/${cutId}`)
    await button(page, 'Play').click()
    await plays(page)
    await ann.must('DELETE', `/api/cuts/${cutId}`)
    await page.getByText('This cut is gone.').waitFor()
    await until('it is silent', async () => !(await isHeard(page)))
  })

  it('what could not be loaded is loaded anew by Play, and begins where it was to begin', async () => {
    const { cutId } = await cutWithTakes()
    const { page } = await open({ origin: app().url })
    await page.route(CONTENT, (route) => route.abort(), { times: 1 })
    await signInOn(page, app().url, ann.email, `/projects/${projectId}/cuts/${cutId}?t=0:33`)
    await failed(page).getByText('Press Play to try again, or download it.').waitFor()
    await button(page, 'Play').click()
    await until('it plays from there', async () => Number(await slider(page).inputValue()) > 33_000)
    await failed(page).waitFor({ state: 'detached' })
  })

  it('where Play was pressed before it could not be loaded, one more press plays it', async () => {
    const { cutId } = await cutWithTakes()
    const { page } = await open({ origin: app().url })
    const held: Route[] = []
    await page.route(CONTENT, (route) => void held.push(route), { times: 1 })
    await signInOn(page, app().url, ann.email, `/projects/${projectId}/cuts/${cutId}`)
    await button(page, 'Play').click()
    await button(page, 'Pause').waitFor()
    await until('its content is asked for', () => held.length > 0)
    await held[0]?.abort()
    await failed(page).waitFor()
    await button(page, 'Play').click()
    await plays(page)
    await failed(page).waitFor({ state: 'detached' })
  })

  it('a take that could not be loaded is loaded anew when it is chosen again', async () => {
    const { cutId } = await cutWithTakes(2)
    const { page } = await open({ origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${projectId}/cuts/${cutId}`)
    await button(page, 'Play').waitFor()
    await page.route(CONTENT, (route) => route.abort(), { times: 1 })
    await button(page, 'Listen to Take 1').click()
    await failed(page).waitFor()
    await button(page, 'Listen to Take 2').click()
    await failed(page).waitFor({ state: 'detached' })
    const answered = page.waitForResponse(CONTENT)
    await button(page, 'Listen to Take 1').click()
    await answered
    await button(page, 'Play').click()
    await plays(page)
    expect(await failed(page).count()).toBe(0)
  })
})
