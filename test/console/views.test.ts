import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { addMember, createCut, createProject, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { button, heading, signInOn } from './people.ts'

/** Where pictures of all views go; nowhere unless it is set. */
const PICTURES = process.env.CUTROOM_TEST_PICTURES
const LONG = 'A title that does not know when to stop, '.repeat(5).slice(0, 200)

const modes = [
  { name: 'light', dark: false, width: 1280, height: 800 },
  { name: 'dark', dark: true, width: 1280, height: 800 },
  { name: '390 px', dark: false, width: 390, height: 844 },
  { name: '390 px, dark', dark: true, width: 390, height: 844 },
] as const

/** Breaches of WCAG 2.2 AA and of good practice, by rule, with the elements. */
async function breaches(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<axe.AxeResults>('axe.run()')
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`))
}

/** How much wider the page is than its window, px. */
const overflow = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')

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
    const thread = await ben.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, {
      body: 'Louder here, the voice drowns.',
      atMs: 42_000,
    })
    await ann.must('POST', `/api/comments/${thread.id}/replies`, { body: 'Two decibels?' })
    const done = await ann.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'The count-in is too long.' })
    await ben.must('POST', `/api/comments/${done.id}/resolve`)
    await ben.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${LONG} ${'unbroken'.repeat(40)}` })
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
      },
    ],
    [
      'lyrics',
      async (page) => {
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
      'unknown-project',
      async (page) => {
        await page.goto(`${app().url}/projects/${ann.id}`)
        await heading(page, 'There is no such page').waitFor()
      },
    ],
  ]

  it.each(modes)('has no breach of WCAG, fits its window, and no script fails: $name', async (mode) => {
    const { page, errors } = await open({ ...mode, origin: app().url })
    const picture = async (name: string) => {
      if (PICTURES === undefined) return
      await mkdir(PICTURES, { recursive: true })
      await page.screenshot({ path: join(PICTURES, `${name}-${mode.name.replaceAll(/\W+/g, '-')}.png`) })
    }
    const found: string[] = []
    const check = async (name: string) => {
      await picture(name)
      const wide = await overflow(page)
      found.push(
        ...(await breaches(page)).map((breach) => `${name}: ${breach}`),
        ...(wide > 0 ? [`${name}: ${wide} px too wide`] : []),
      )
    }
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
