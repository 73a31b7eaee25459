import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { processed, textOf, uploadFile, zipOf } from '../support/files.ts'
import { addMember, createCut, createProject, type Person, register } from '../support/people.ts'
import { blackPng } from '../support/pictures.ts'
import { wav } from '../support/sound.ts'
import { until } from '../support/until.ts'
import { lookAt, looks } from './modes.ts'
import { breaches, button, heading, signInOn } from './people.ts'

const LONG = 'A title that does not know when to stop, '.repeat(5).slice(0, 200)

describeInBrowser('every view of the console', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let ben: Person
  let project: { id: string }
  let cut: { id: string }
  let task: { id: string }

  async function fill(): Promise<void> {
    const at = `/api/projects/${project.id}`
    const create = (body: object) => ann.must<{ id: string }>('POST', `${at}/tasks`, body)
    task = await create({
      title: 'Mix the chorus',
      labels: ['mix', 'chorus', 'urgent'],
      assigneeId: ben.id,
      dueAt: '2027-03-01T00:00:00Z',
      description: 'Softer drums, and the second voice to the left.\n\nReference: take 3.',
    })
    await create({
      title: LONG,
      labels: Array.from({ length: 50 }, (_, n) => `label number ${n}`),
      dueAt: '2020-01-01T00:00:00Z',
    })
    await create({ title: 'Order strings', status: 'doing', assigneeId: ann.id })
    await create({ title: 'הקלטת השירה', status: 'review' })
    await create({ title: 'Book the studio', status: 'done' })
    await ben.must('POST', `/api/tasks/${task.id}/comments`, { body: 'I start tonight.' })
    await ann.must('PATCH', at, { description: 'Ten songs by spring.' })
    const made = await createCut(ann, project.id)
    cut = made.cut
    await ann.must('PATCH', `/api/cuts/${cut.id}`, { bpm: 92, timeSignature: '6/8' })
    await ann.must('PATCH', `/api/vibes/${made.vibe.id}`, { theme: 'Late, slow, close to the microphone' })
    await ann.must('POST', `/api/vibes/${made.vibe.id}/cuts`, { name: LONG })
    await ann.must('POST', `${at}/vibes`, { name: 'Choruses' })
    const text = ['Salt on the window, light on the floor', 'You left your coat on the back of the door', '', 'Hold on, hold on']
    await ann.must('PUT', `/api/cuts/${cut.id}/lyrics`, {
      lyrics: text.map((line, n) => ({ text: line, atMs: n === 0 ? 12_000 : null })),
    })
    await addFiles()
    const thread = await ben.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, {
      body: `Louder here, the voice drowns, @[Ann Archer](${ann.id}).`,
      atMs: 42_000,
    })
    await ann.must('POST', `/api/comments/${thread.id}/replies`, { body: 'Two decibels?' })
    const done = await ann.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'The count-in is too long.' })
    await ben.must('POST', `/api/comments/${done.id}/resolve`)
    await ben.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${LONG} ${'unbroken'.repeat(40)}` })
  }

  /** Two takes, the newer one in review, one that is broken on another cut, and what lies beside them. */
  async function addFiles(): Promise<void> {
    const shape = (_: number, second: number) => 0.1 + 0.85 * Math.abs(Math.sin(second / 9) * Math.cos(second / 2.3))
    const add = (bytes: Buffer, filename: string) => uploadFile(app(), ann, cut.id, bytes, { filename })
    const older = await add(wav({ seconds: 61, channels: 1, loudness: shape }), 'Morning, rough mix.wav')
    await ben.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'Breath before the chorus', atMs: 21_000, fileId: older.id })
    await processed(ann, older.id)
    await processed(ann, (await add(wav({ seconds: 63, channels: 1, loudness: shape }), `${LONG}.wav`)).id)
    await processed(ann, (await add(blackPng(320, 200), 'Cover.png')).id)
    await add(zipOf(4_000), 'Stems.zip')
    await add(textOf(900), 'Notes on the arrangement.txt')
    const range = { body: 'All of this is a little fast', atMs: 8_000, endMs: 19_000 }
    await ann.must('POST', `/api/cuts/${cut.id}/comments`, range)
    await ann.must('PUT', `/api/cuts/${cut.id}/state`, { state: 'review' })
    await ann.must('POST', `/api/cuts/${cut.id}/shares`, { password: 'strings attached', allows: 'download' })
  }

  beforeAll(async () => {
    ann = await register(app(), 'Ann Archer')
    ben = await register(app(), 'Ben Okonkwo')
    project = await createProject(ann, 'First album')
    await createProject(ann, LONG)
    await addMember(ann, project.id, ben)
    await fill()
  })

  /** Each view: how it is reached from the page before it, and what must be there. */
  const views: [name: string, show: (page: Page) => Promise<unknown>][] = [
    ['projects', (page) => heading(page, 'First album').waitFor()],
    [
      'board',
      async (page) => {
        await page.goto(`${app().url}/projects/${project.id}`)
        await page.getByText('Mix the chorus').waitFor()
      },
    ],
    [
      'move',
      async (page) => {
        await button(page, 'Move “Mix the chorus”').click()
        await heading(page, 'Move “Mix the chorus”').waitFor()
      },
    ],
    [
      'task',
      async (page) => {
        await page.keyboard.press('Escape')
        await page.getByRole('link', { name: 'Mix the chorus' }).click()
        await page.getByText('I start tonight.').waitFor()
      },
    ],
    [
      'task-edit',
      async (page) => {
        await button(page.getByRole('dialog'), 'Edit').first().click()
        await page.getByLabel('Description').waitFor()
      },
    ],
    [
      'inspector',
      async (page) => {
        await page.keyboard.press('Escape')
        await button(page, 'Inspector').click()
        const seq = page.locator('[data-seq]').last()
        await seq.getByRole('button').click()
        await page.getByText('"payload"').waitFor()
      },
    ],
    [
      'keys',
      async (page) => {
        await page.keyboard.press('Escape')
        await page.keyboard.press('?')
        await heading(page, 'Keys').waitFor()
      },
    ],
    [
      'cuts',
      async (page) => {
        await page.goto(`${app().url}/projects/${project.id}/cuts`)
        await heading(page, 'Choruses').waitFor()
      },
    ],
    [
      'cut-dialog',
      async (page) => {
        await page.goto(`${app().url}/projects/${project.id}/cuts/${cut.id}`)
        await button(page, 'Change').click()
        await page.getByLabel('Tempo').waitFor()
      },
    ],
    [
      'cut',
      async (page) => {
        await page.keyboard.press('Escape')
        await page.getByText('Two decibels?').waitFor()
        await page.locator('.wave path').first().waitFor({ state: 'attached' })
      },
    ],
    [
      'files',
      async (page) => {
        const part = button(page, 'Takes and files')
        if (await part.isVisible()) await part.click()
        await page.getByText('Notes on the arrangement.txt').waitFor()
        await page.getByText('used', { exact: false }).first().waitFor()
      },
    ],
    [
      'file',
      async (page) => {
        await button(page, 'More about Take 2').click()
        await page.getByText('Audacity labels').waitFor()
      },
    ],
    [
      'share-links',
      async (page) => {
        await page.keyboard.press('Escape')
        await button(page, 'Share').click()
        await page.getByText('with password').waitFor()
      },
    ],
    [
      'share-made',
      async (page) => {
        await button(page, 'Create link').click()
        await page.getByLabel('Link', { exact: true }).waitFor()
      },
    ],
    [
      'lyrics',
      async (page) => {
        await page.keyboard.press('Escape')
        const part = button(page, 'Lyrics')
        if (await part.isVisible()) await part.click()
        await button(page, 'Edit lyrics').click()
        await page.getByLabel('Lyrics, one line each').fill('Salt on the window')
      },
    ],
    [
      'lyrics-merge',
      async (page) => {
        const { body } = await ann.call<{ lyrics: { text: string }[] }>('GET', `/api/cuts/${cut.id}/lyrics`)
        const [, ...rest] = body.lyrics
        await ann.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: `Salt on the mirror ${Date.now()}` }, ...rest] })
        await page.getByText('The lyrics have changed while you edit').waitFor()
        await button(page, 'Save').click()
        await heading(page, 'Theirs').first().waitFor()
      },
    ],
    [
      'members',
      async (page) => {
        await page.goto(`${app().url}/projects/${project.id}/members`)
        await button(page, 'Add a member').waitFor()
      },
    ],
    [
      'settings',
      async (page) => {
        await page.goto(`${app().url}/projects/${project.id}/settings`)
        await button(page, 'Delete this project').waitFor()
      },
    ],
    [
      'me',
      async (page) => {
        await page.goto(`${app().url}/me`)
        await page.getByText('This one').waitFor()
      },
    ],
    [
      'inbox',
      async (page) => {
        await page.goto(`${app().url}/inbox`)
        await page.getByText('the voice drowns').first().waitFor()
      },
    ],
    [
      'activity',
      async (page) => {
        await page.goto(`${app().url}/activity`)
        await page.getByText('Order strings').first().waitFor()
      },
    ],
    [
      'search',
      async (page) => {
        await page.goto(`${app().url}/search?q=chorus`)
        await heading(page, 'Tasks').waitFor()
      },
    ],
    [
      'unknown-project',
      async (page) => {
        await page.goto(`${app().url}/projects/${ann.id}`)
        await heading(page, 'There is no such page').waitFor()
      },
    ],
  ]

  it.each(looks)('has no breach of WCAG, fits its window, and no script fails: $name', async ({ modes }) => {
    const { page, errors } = await open({ ...modes[0], origin: app().url })
    const found: string[] = []
    const check = async (name: string) => void found.push(...(await lookAt(page, name, modes)))
    await page.goto(`${app().url}/`)
    await button(page, 'Sign in').waitFor()
    await check('sign-in')
    await button(page, 'No account yet? Create one').click()
    await page.getByLabel('Your name').waitFor()
    await check('register')
    await signInOn(page, app().url, ann.email)
    for (const [name, show] of views) {
      await show(page)
      await check(name)
    }
    expect(found).toEqual([])
    // the browser's own words for answers that are no success: the merge, and the project that is not there
    expect(errors.filter((error) => !/40[14]|412/.test(error))).toEqual([])
  })

  it('at 200 % zoom the comments of a cut can be read and written', async () => {
    const { page, errors } = await open({ width: 640, height: 400, zoom: 2, origin: app().url })
    await signInOn(page, app().url, ann.email, `/projects/${project.id}/cuts/${cut.id}`)
    await page.getByText('Two decibels?').waitFor()
    const height = await page.evaluate<number>(`document.querySelector('.comments .windowed').clientHeight`)
    expect(height).toBeGreaterThanOrEqual(120)
    await page.getByLabel('Write a comment').fill('Zoomed in')
    await button(page, 'Send').click()
    await page.getByText('Zoomed in').waitFor()
    expect(errors).toEqual([])
  })

  it('an account without projects, and a project without anything, say what to do first', async () => {
    const { page, errors } = await open({ origin: app().url })
    const newcomer = await register(app(), 'Nia')
    await signInOn(page, app().url, newcomer.email)
    await heading(page, 'Create your first project').waitFor()
    expect(await breaches(page)).toEqual([])
    await page.getByLabel('Name of the project').fill('Demos')
    await button(page, 'Create project').click()
    await heading(page, 'No tasks yet').waitFor()
    expect(await breaches(page)).toEqual([])
    await page.getByRole('link', { name: 'Cuts' }).click()
    await heading(page, 'No vibes yet').waitFor()
    expect(await breaches(page)).toEqual([])
    await until('the title says where', async () => (await page.title()) === 'Demos · Cutroom')
    expect(errors).toEqual([])
  })
})
