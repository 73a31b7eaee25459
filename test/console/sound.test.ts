import { join } from 'node:path'
import type { File } from '@cutroom/contract'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser, type Watched } from '../support/browser.ts'
import { processed, uploadFile } from '../support/files.ts'
import { addMember, createCut, createProject, type Person, register } from '../support/people.ts'
import { wav } from '../support/sound.ts'
import { until } from '../support/until.ts'
import { picture } from './modes.ts'
import { button, signInOn } from './people.ts'

/** Of the recordings, s. */
const LENGTH = 70
/** Bytes a second that a window may send, while an upload is looked at. */
const SLOW = 400_000

/** A recording that swells and fades, with a pitch of its own by its length. */
const recording = (seconds = LENGTH) =>
  wav({ seconds, channels: 1, loudness: (_, second) => 0.15 + 0.8 * Math.abs(Math.sin(second / 3 + seconds)) })

const slider = (page: Page) => page.getByRole('slider', { name: 'Position' })
const position = (page: Page) => slider(page).getAttribute('aria-valuetext')
const at = (page: Page, text: string) => until(`it stands at ${text}`, async () => (await position(page)) === text)
const take = (page: Page, n: number) => page.getByRole('listitem').filter({ hasText: `Take ${n}` })
const hasWave = (page: Page) => page.locator('.wave path').first().waitFor({ state: 'attached' })

describeInBrowser('sound on the page of a cut', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Watched
  let ben: Watched
  let owner: Person
  let projectId: string
  let cutId: string

  beforeAll(async () => {
    owner = await register(app(), 'Ann Archer')
    const other = await register(app(), 'Ben Okonkwo')
    const project = await createProject(owner, 'First album')
    await addMember(owner, project.id, other, 'commenter')
    projectId = project.id
    cutId = (await createCut(owner, project.id)).cut.id
    ann = await open({ origin: app().url, height: 900 })
    ben = await open({ origin: app().url, height: 900 })
    await signInOn(ann.page, app().url, owner.email, `/projects/${projectId}/cuts/${cutId}`)
    await signInOn(ben.page, app().url, other.email, `/projects/${projectId}/cuts/${cutId}`)
  })

  it('a recording is uploaded with its progress, paused and resumed, and is a take with a waveform in both windows', async () => {
    const { page, context } = ann
    await page.getByText('No recording yet').waitFor()
    const network = await context.newCDPSession(page)
    const limits = { offline: false, latency: 0, downloadThroughput: -1 }
    await network.send('Network.enable')
    await network.send('Network.emulateNetworkConditions', { ...limits, uploadThroughput: SLOW })
    const content = recording()
    await page.getByLabel('Add a file').setInputFiles({ name: 'Morning.wav', mimeType: 'audio/wav', buffer: content })
    const bar = page.getByRole('progressbar', { name: 'Progress of Morning.wav' })
    await until('some of it was sent', async () => {
      const sent = await bar.evaluate((node) => (node as unknown as { value: number }).value)
      return sent > 0 && sent < content.length
    })
    await button(page, 'Pause Morning.wav').click()
    await page.getByText('Paused').waitFor()
    await network.send('Network.emulateNetworkConditions', { ...limits, uploadThroughput: -1 })
    await button(page, 'Go on with Morning.wav').click()
    for (const { page } of [ann, ben]) {
      await take(page, 1).waitFor()
      await hasWave(page)
      await at(page, '0:00 of 1:10')
    }
    await bar.waitFor({ state: 'detached' })
    await page.getByText('of 20 GB used').waitFor()
  })

  it('a waveform that could not be loaded is drawn once the network is back', async () => {
    const { page, context } = await open({ origin: app().url })
    await page.route('**/peaks', (route) => route.abort())
    await signInOn(page, app().url, owner.email, `/projects/${projectId}/cuts/${cutId}`)
    await page.getByText('The waveform could not be loaded').waitFor()
    await page.unroute('**/peaks')
    await context.setOffline(true)
    await context.setOffline(false)
    await hasWave(page)
    await page.getByText('The waveform could not be loaded').waitFor({ state: 'detached' })
  })

  it('it plays and is paused, and is gone through by keyboard', async () => {
    const { page } = ann
    await button(page, 'Play').click()
    await until('it plays', async () => Number(await slider(page).inputValue()) > 0)
    await button(page, 'Pause').waitFor()
    await page.locator('h1').click()
    await page.keyboard.press(' ')
    await button(page, 'Play').waitFor()
    await slider(page).focus()
    await page.keyboard.press('Home')
    await at(page, '0:00 of 1:10')
    for (let n = 0; n < 4; n++) await page.keyboard.press('PageUp')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('.')
    await page.keyboard.press('.')
    await at(page, '0:43 of 1:10')
    await page.keyboard.press(',')
    await at(page, '0:42 of 1:10')
  })

  it('c begins a comment at the moment; the other window shows it there, and goes there', async () => {
    await ann.page.keyboard.press('c')
    expect(await ann.page.getByLabel('At (like 1:02)').inputValue()).toBe('0:42')
    await ann.page.getByLabel('Write a comment').fill('The voice drowns here')
    await ann.page.keyboard.press('Control+Enter')
    await ben.page.getByText('The voice drowns here').waitFor()
    await button(ben.page, 'Go to 0:42').click()
    await at(ben.page, '0:42 of 1:10')
    expect(await ben.page.locator('.wave-mark').count()).toBe(1)
    const { body } = await owner.call<{ data: { atMs: number; fileId: string }[] }>('GET', `/api/cuts/${cutId}/comments`)
    expect(body.data).toMatchObject([{ atMs: 42_000, fileId: expect.any(String) }])
  })

  it('a range that is dragged with Shift is commented on', async () => {
    const { page } = ann
    const box = await page.locator('.wave').boundingBox()
    if (!box) throw new Error('the waveform has no size')
    await page.keyboard.down('Shift')
    await page.mouse.move(box.x + (box.width * 7) / 70, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + (box.width * 21) / 70, box.y + 20, { steps: 4 })
    await page.mouse.up()
    await page.keyboard.up('Shift')
    await page.getByText('Range 0:07 to 0:2').waitFor()
    await page.locator('h1').click()
    await page.keyboard.press('c')
    expect(await page.getByLabel('At (like 1:02)').inputValue()).toMatch(/^0:07/)
    expect(await page.getByLabel('To', { exact: true }).inputValue()).toMatch(/^0:2[01]/)
    await page.getByLabel('Write a comment').fill('All of this is too fast')
    await button(page, 'Send').click()
    await ben.page.getByText('All of this is too fast').waitFor()
  })

  it('buttons beside the fields take the moment, and the end of a range, from the player', async () => {
    const { page } = ann
    const [from, to] = [page.getByLabel('At (like 1:02)'), page.getByLabel('To', { exact: true })]
    await slider(page).focus()
    await page.keyboard.press('Home')
    for (let n = 0; n < 8; n++) await page.keyboard.press('ArrowRight')
    await button(page, 'At 0:08').click()
    expect([await from.inputValue(), await to.inputValue()]).toEqual(['0:08', ''])
    await slider(page).focus()
    await page.keyboard.press('ArrowRight')
    await button(page, 'To 0:09').focus()
    await page.keyboard.press('Enter')
    expect([await from.inputValue(), await to.inputValue()]).toEqual(['0:08', '0:09'])
    await page.getByText('Range 0:08 to 0:09').waitFor()
    // the other way round it is the same range
    await slider(page).focus()
    for (let n = 0; n < 4; n++) await page.keyboard.press('ArrowLeft')
    await button(page, 'To 0:05').click()
    expect([await from.inputValue(), await to.inputValue()]).toEqual(['0:05', '0:08'])
    await from.fill('')
    await to.fill('')
    await button(page, 'At 0:05–0:08').click()
    expect([await from.inputValue(), await to.inputValue()]).toEqual(['0:05', '0:08'])
    await from.fill('')
    await to.fill('')
    await button(page, 'Clear the range').click()
    await page.keyboard.press('?')
    await page.getByRole('dialog').getByText('a range of the waveform').waitFor()
    await page.keyboard.press('Escape')
  })

  it('open threads are carried to a newer take, and both takes are compared at one position', async () => {
    const { page } = ann
    await page.getByLabel('Add a file').setInputFiles({ name: 'Morning 2.wav', mimeType: 'audio/wav', buffer: recording(80) })
    await take(page, 2).waitFor()
    await button(page, 'Carry 2 open threads to take 2').click()
    await button(page, 'Carry 2 open threads to take 2').waitFor({ state: 'detached' })
    // it is seen from take 1, which is still shown
    await button(ben.page, 'Go to 0:42 · Take 2').click()
    await at(ben.page, '0:42 of 1:20')
    const { body } = await owner.call<{ data: File[] }>('GET', `/api/projects/${projectId}/files?cutId=${cutId}&kind=audio`)
    const newest = body.data.find(({ take }) => take === 2)
    const carried = await owner.call<{ data: unknown[] }>('GET', `/api/cuts/${cutId}/comments?fileId=${newest?.id}`)
    expect(carried.body.data).toHaveLength(2)

    await ben.page.getByLabel('Compare with').selectOption('Take 1')
    await ben.page.locator('h1').click()
    await ben.page.keyboard.press('x')
    await at(ben.page, '0:42 of 1:10')
    await button(ben.page, 'Switch to Take 2').click()
    await at(ben.page, '0:42 of 1:20')
  })

  it('a cut is sent to review, and its current take approved, which the other window says', async () => {
    await button(ann.page, 'Send to review').click()
    await ben.page.getByText('In review').waitFor()
    await button(ann.page, 'Approve take 2').click()
    await ben.page.getByText('Approved: take 2, by Ann Archer').waitFor()
    // a commenter may not change it
    expect(await button(ben.page, 'Back to review').count()).toBe(0)
    await hasWave(ben.page)
    await picture(ben.page, 'sound')
  })

  it('the address names a moment, or a comment with its moment', async () => {
    const { page } = ben
    await page.goto(`${app().url}/projects/${projectId}/cuts/${cutId}?t=0:33`)
    await at(page, '0:33 of 1:20')
    const { body } = await owner.call<{ data: { id: string; body: string; carriedFrom: string | null }[] }>(
      'GET',
      `/api/cuts/${cutId}/comments`,
    )
    const first = body.data.find(({ body, carriedFrom }) => body === 'The voice drowns here' && carriedFrom === null)
    await page.goto(`${app().url}/projects/${projectId}/cuts/${cutId}?comment=${first?.id}`)
    // it is on take 1
    await at(page, '0:42 of 1:10')
  })

  it('markers come out as a file, and a CSV goes in', async () => {
    const { page } = ann
    await button(page, 'More about Take 2').click()
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Audacity labels' }).click()
    expect((await download).suggestedFilename()).toMatch(/\.txt$/)
    const csv = Buffer.from('atMs,endMs,body\n61000,,Breath before the last line\n')
    await page.getByLabel('Import a CSV').setInputFiles({ name: 'markers.csv', mimeType: 'text/csv', buffer: csv })
    await ben.page.getByText('Breath before the last line').waitFor()
    await page.keyboard.press('Escape')
  })

  it('what cannot be processed says why', async () => {
    const broken = recording(1)
    broken.writeUInt16LE(65_535, 22)
    const file = await processed(owner, (await uploadFile(app(), owner, cutId, broken, { filename: 'broken.wav' })).id)
    expect(file.status).toBe('failed')
    await take(ben.page, 3).getByText('Not processed').waitFor()
  })

  it('how much of the quota is used is told beside the files of a cut, and to each person beside theirs', async () => {
    const { page } = ann
    await page
      .getByRole('region', { name: 'Takes and files' })
      .getByText(/^\d[\d.]* MB of 20 GB used$/)
      .waitFor()
    await page.goto(`${app().url}/me`)
    await page
      .getByRole('region', { name: 'Your files' })
      .getByText(/^\d[\d.]* MB of 50 GB used$/)
      .waitFor()
  })

  it('no script has failed, the policy of the page was kept, and nothing came from another host', () => {
    // the browser's own words for a recording that it cannot play
    expect([...ann.errors, ...ben.errors]).toEqual([])
  })
})
