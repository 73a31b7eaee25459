import { randomBytes } from 'node:crypto'
import type { File } from '@cutroom/contract'
import type { Page } from 'playwright-core'
import { afterEach, beforeAll, expect, it } from 'vitest'
import { clientOf } from '../client/clients.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { describeInBrowser, useBrowser, type Watched } from '../support/browser.ts'
import { sha256, zipOf } from '../support/files.ts'
import { countObjects } from '../support/heap.ts'
import { bundlePage, usePages } from '../support/pages.ts'
import { createCut, createProject, createTeam, login, PASSWORD, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import type { Given, Shown } from './driver.ts'

/** How often a room is mounted, joined, unmounted and left. The server takes ten of them per second, so the full 1,000 are for CI. */
const MOUNTS = Number(process.env.MOUNTS ?? 100)

/** Counts timers that are to come. */
const countTimers = `{
  const timers = (window.timers = new Set())
  const { setTimeout, clearTimeout } = window
  window.setTimeout = (run, ms, ...args) => {
    const id = setTimeout(() => { timers.delete(id); run(...args) }, ms)
    timers.add(id)
    return id
  }
  window.clearTimeout = (id) => { timers.delete(id); clearTimeout(id) }
}`

/** The same behaviour, whatever draws it. @param entry the page, from the root of the repository */
export function hooksSuite(title: string, entry: string, alias: Record<string, string> = {}): void {
  describeInBrowser(title, () => {
    const open = useBrowser()
    const pages = usePages()
    let app: TestApp
    let seen: Watched | undefined
    beforeAll(async () => {
      app = await startApp({ env: { CORS_ORIGINS: pages().origin } })
      const bundle = await bundlePage(entry, { alias })
      const script = [...bundle.files.keys()].find((name) => /^\/(react|vue)\.js$/.test(name))
      pages().serve(
        `<!doctype html><title>Test</title><div id="root"></div><script type="module" src="${script}"></script>`,
        bundle,
      )
      return () => app.close()
    })
    afterEach(async () => {
      const errors = seen?.errors
      await seen?.context.close()
      seen = undefined
      expect(errors ?? []).toEqual([])
    })

    /** A window in which a person is logged in. */
    async function visit(person: Person | null, given: Partial<Given> = {}): Promise<Watched> {
      const { url } = app
      const tokens = person && { accessToken: person.token, refreshToken: person.refreshToken }
      const all: Given = { url, tokens, targetId: person?.id ?? '', keepRoomsMs: 0, isOwn: false, ...given }
      seen = await open({ origin: 'http://127.0.0.1' })
      await seen.page.addInitScript(`window.given = ${JSON.stringify(all)}; ${countTimers}`)
      await seen.page.goto(pages().origin)
      // Preact runs effects after a frame
      await seen.page.waitForFunction(() => globalThis.driver !== undefined)
      return seen
    }
    const show = (page: Page, ...boards: (string | Shown)[]) =>
      page.evaluate(
        (boards) => globalThis.driver.show(boards),
        boards.map((board) => (typeof board === 'string' ? { projectId: board } : board)),
      )
    const text = async (page: Page, selector: string) => (await page.locator(selector).allTextContents()).join('|')
    const shows = (page: Page, selector: string, wanted: string) =>
      until(`${selector} shows ${wanted}`, async () => (await text(page, selector)) === wanted)
    const sockets = () => app.app.io.of('/').sockets.size
    const isJoined = (projectId: string) => app.app.io.of('/').adapter.rooms.has(`project:${projectId}`)
    async function add(page: Page, title: string): Promise<void> {
      await page.getByLabel('Title').first().fill(title)
      await page.getByLabel('Title').first().press('Enter')
    }

    it('a stored login is restored and connected; components that show one project share its room', async () => {
      const { project, owner } = await createTeam(app)
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
      const { page } = await visit(owner)
      await shows(page, '#me', 'Olga Owner')
      await shows(page, '#connection', 'online ')
      await shows(page, '#projects', '1')
      await show(page, project.id, project.id)
      await shows(page, 'li', 'Mix|Mix')
      expect(sockets()).toBe(1)
      // one of the two goes: the other one's room stays
      await show(page, project.id)
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Master' })
      await shows(page, 'li', 'Mix|Master')
      await show(page)
      await until('the room is left', () => !isJoined(project.id))
      expect(sockets()).toBe(1)
    })

    it('another project takes the place of the first in the same component', async () => {
      const { project, owner } = await createTeam(app)
      const other = await createProject(owner, 'Second album')
      await owner.must('POST', `/api/projects/${other.id}/tasks`, { title: 'Strings' })
      const { page } = await visit(owner)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      await show(page, other.id)
      await shows(page, 'li', 'Strings')
      await until('the first room is left', () => !isJoined(project.id))
      expect(isJoined(other.id)).toBe(true)
    })

    it('components that share a room follow another choice of comments together', async () => {
      const { project, owner } = await createTeam(app)
      const { cut } = await createCut(owner, project.id)
      await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder here' })
      const { page } = await visit(owner)
      const all = { projectId: project.id }
      const none = { projectId: project.id, comments: 'none' }
      await show(page, none, none, none)
      await shows(page, '[data-show=comments]', '0|0|0')
      await show(page, all, all, all)
      await shows(page, '[data-show=comments]', '1|1|1')
      // one follows, one is mounted in the place of another
      await show(page, { ...none, name: 'next' }, none, none)
      await shows(page, '[data-show=comments]', '0|0|0')
      await show(page, all, all, { ...all, name: 'last' })
      await shows(page, '[data-show=comments]', '1|1|1')
      await show(page)
      await until('the room is left', () => !isJoined(project.id))
    })

    it('a component that asks for another choice than one beside it fails, and holds nothing', async () => {
      const { project, owner } = await createTeam(app)
      const { cut } = await createCut(owner, project.id)
      await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder here' })
      const { page, errors } = await visit(owner)
      const all = { projectId: project.id }
      const none = { projectId: project.id, comments: 'none' }
      await show(page, all, all)
      await shows(page, '[data-show=comments]', '1|1')
      await show(page, all, none)
      await shows(page, '[data-show=error]', 'This room is open with another choice of state or comments; leave it first')
      await shows(page, '[data-show=comments]', '1')
      await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'And here' })
      await shows(page, '[data-show=comments]', '2')
      // the one that failed holds nothing
      await show(page, none)
      await shows(page, '[data-show=comments]', '0')
      await show(page)
      await until('the room is left', () => !isJoined(project.id))
      // what the frameworks say of it
      errors.splice(0)
    })

    it('the same choice from another object keeps the room and the typing', async () => {
      const { project, owner, editor } = await createTeam(app, 'editor')
      const { cut, vibe } = await createCut(owner, project.id)
      const { page } = await visit(owner, { targetId: cut.id })
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      const room = clientOf(app, editor).client.room(project.id)
      await room.ready()
      const told: [string, boolean][] = []
      room.on('typing', ({ targetId, isTyping }) => told.push([targetId, isTyping]))
      await page.getByLabel('Title').fill('x')
      await until('typing is told', () => told.length === 1)
      await show(page, project.id)
      // on the same socket, behind what the drawing sends
      await page.evaluate(
        ([projectId, targetId]) => globalThis.driver.client?.room(projectId as string).setTyping(targetId as string, true),
        [project.id, vibe.id],
      )
      await until('typing is told', () => told.some(([targetId]) => targetId === vibe.id))
      expect(told).toEqual([
        [cut.id, true],
        [vibe.id, true],
      ])
      expect(await page.evaluate(() => globalThis.driver.rooms.size)).toBe(1)
      await show(page, { projectId: project.id, targetId: vibe.id })
      await until('typing ends with its target', () => told.length > 2)
    })

    it('typing goes on when another component with the same target goes', async () => {
      const { project, owner, editor } = await createTeam(app, 'editor')
      const { cut, vibe } = await createCut(owner, project.id)
      const { page } = await visit(owner, { targetId: cut.id })
      await show(page, project.id, project.id)
      await shows(page, '[data-show=people]', 'Olga Owner board|Olga Owner board')
      const room = clientOf(app, editor).client.room(project.id)
      await room.ready()
      const told: [string, boolean][] = []
      room.on('typing', ({ targetId, isTyping }) => told.push([targetId, isTyping]))
      await page.getByLabel('Title').first().fill('x')
      await until('typing is told', () => told.length === 1)
      const unmounts = () => page.evaluate(() => globalThis.driver.unmounts)
      const before = await unmounts()
      await show(page, project.id)
      await until('the second is unmounted', async () => (await unmounts()) > before)
      // on the same socket, behind what the second one has sent
      await page.evaluate(
        ([projectId, targetId]) => globalThis.driver.client?.room(projectId as string).setTyping(targetId as string, true),
        [project.id, vibe.id],
      )
      await until('typing is told', () => told.some(([targetId]) => targetId === vibe.id))
      expect(told).toEqual([
        [cut.id, true],
        [vibe.id, true],
      ])
    })

    it('a project that goes and comes back is drawn in its new room, never in the one that was left', async () => {
      const { project, owner } = await createTeam(app)
      const { page } = await visit(owner)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      await show(page, '')
      await until('the room is left', () => !isJoined(project.id))
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      expect(await page.evaluate(() => globalThis.driver.ended)).toBe(0)
    })

    it('a write from an effect of a child is made with the options that were drawn with it', async () => {
      const { project, owner } = await createTeam(app)
      const other = await createProject(owner, 'Second album')
      const { page, context, errors } = await visit(owner)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      await context.setOffline(true)
      await show(page, { projectId: other.id, adds: 'Mix' })
      const projectIds = () => page.evaluate(() => globalThis.driver.client?.mutations.map(({ projectId }) => projectId))
      await until('the write is there', async () => (await projectIds())?.length === 1)
      expect(await projectIds()).toEqual([other.id])
      await context.setOffline(false)
      await shows(page, 'li[data-drawn=false]', 'Mix')
      // what the browser says of the network
      errors.splice(0)
    })

    it('picks that make another list each time are drawn once for each change', async () => {
      const { project, owner } = await createTeam(app)
      const { page } = await visit(owner)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      const draws = () => page.evaluate(() => globalThis.driver.draws)
      const before = await draws()
      for (let n = 0; n < 20; n++) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: `Task ${n}` })
      await until('all are shown', async () => (await page.locator('li').count()) === 20)
      // twice in StrictMode, and again for presence and position
      expect((await draws()) - before).toBeLessThanOrEqual(20 * 4)
      const after = await draws()
      await page.evaluate('new Promise((next) => setTimeout(next, 200))')
      expect(await draws()).toBe(after)
    })

    it('a write is drawn while offline, and confirmed when the network is back', async () => {
      const { project, owner } = await createTeam(app)
      const { page, context, errors } = await visit(owner)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      await context.setOffline(true)
      await add(page, 'Mix')
      await shows(page, 'li[data-drawn=true]', 'Mix')
      await shows(page, '[data-show=pending]', 'pending')
      await context.setOffline(false)
      await shows(page, 'li[data-drawn=false]', 'Mix')
      await shows(page, '[data-show=pending]', 'idle')
      // what the browser says of the network
      errors.splice(0)
    })

    it('a refused write is taken back, with its problem, and no error goes uncaught', async () => {
      const { project, viewer } = await createTeam(app, 'viewer')
      const { page, errors } = await visit(viewer)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      await add(page, 'Mix')
      await shows(page, '[data-show=problem]', 'forbidden')
      await shows(page, 'li', '')
      expect(errors.filter((error) => !error.includes('403'))).toEqual([])
      errors.splice(0)
    })

    it('M1 a file is sent in parts and shown with its progress; a refusal is shown with its problem', async () => {
      const { project, owner } = await createTeam(app)
      const { cut } = await createCut(owner, project.id)
      const { page, errors } = await visit(owner, { targetId: cut.id })
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      const bytes = zipOf(6 * 2 ** 20)
      await page.getByLabel('File').setInputFiles({ name: 'stems.zip', mimeType: 'application/zip', buffer: bytes })
      await shows(page, '[data-show=upload]', `done ${bytes.length} stems.zip`)
      const { data } = await owner.must<{ data: File[] }>('GET', `/api/projects/${project.id}/files`)
      expect(data).toMatchObject([{ name: 'stems.zip', sha256: sha256(bytes) }])
      const noise = randomBytes(1000)
      await page.getByLabel('File').setInputFiles({ name: 'noise.wav', mimeType: 'audio/wav', buffer: noise })
      await until('it is refused', async () => (await text(page, '[data-show=upload]')).endsWith('unsupported-media-type'))
      expect(errors.splice(0)).toEqual([expect.stringContaining('415')])
    })

    it('people who are there and who type are shown, to each other', async () => {
      const { project, owner, editor } = await createTeam(app, 'editor')
      const { cut } = await createCut(owner, project.id)
      const { page } = await visit(owner, { targetId: cut.id })
      await show(page, project.id)
      await shows(page, '[data-show=people]', 'Olga Owner board')
      const room = clientOf(app, editor).client.room(project.id)
      await shows(page, '[data-show=people]', 'Olga Owner board,Mo editor ?')
      room.setPresence({ view: 'cut' })
      await shows(page, '[data-show=people]', 'Olga Owner board,Mo editor cut')
      room.setTyping(cut.id, true)
      await shows(page, '[data-show=typing]', editor.id)
      room.setTyping(cut.id, false)
      await shows(page, '[data-show=typing]', '')
      await page.getByLabel('Title').fill('x')
      await until('typing is told', () => room.typing.get(cut.id)?.[0] === owner.id)
      await show(page)
      await until('typing ends with the component', () => !room.typing.has(cut.id))
    })

    it('a component stays mounted while its person is removed, and shows the project when they are added again', async () => {
      const { project, owner, editor } = await createTeam(app, 'editor')
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
      const { page } = await visit(editor)
      await show(page, project.id)
      await shows(page, 'li', 'Mix')
      await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
      await page.locator('[data-status=offline]').waitFor()
      await shows(page, 'li', '')
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Master' })
      await owner.must('POST', `/api/projects/${project.id}/members`, { userId: editor.id, role: 'viewer' })
      await page.locator('[data-status=live]').waitFor()
      await shows(page, 'li', 'Mix|Master')
      await shows(page, '[data-show=people]', 'Mo editor board')
    })

    it('a logout closes everything; the next login sees what is theirs', async () => {
      const { project, owner, editor } = await createTeam(app, 'editor')
      const stranger = await register(app, 'Zoe')
      const { page, errors } = await visit(owner)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      await page.evaluate(() => globalThis.driver.client?.logout())
      await shows(page, '#me', 'nobody')
      await shows(page, '#projects', '')
      expect(await page.locator('[data-status]').count()).toBe(0)
      await until('the socket is closed', () => sockets() === 0)
      const enter = (email: string) =>
        page.evaluate((body) => globalThis.driver.client?.login(body).then(() => {}), { email, password: PASSWORD })
      await enter(editor.email)
      await shows(page, '#me', 'Mo editor')
      await page.locator('[data-status=live]').waitFor()
      await shows(page, '[data-show=people]', 'Mo editor board')
      await page.evaluate(() => globalThis.driver.client?.logout())
      await enter(stranger.email)
      await page.locator('[data-status=offline]').waitFor()
      await shows(page, '#projects', '0')
      errors.splice(0)
    })

    it('a session that is closed elsewhere leaves nobody logged in; the same person’s rooms come back with a login', async () => {
      const { project, owner } = await createTeam(app)
      const { page, errors } = await visit(owner)
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      const elsewhere = await login(app, owner)
      await elsewhere.must('POST', '/api/auth/logout-all', {})
      await shows(page, '#me', 'nobody')
      await shows(page, '#connection', 'offline session-revoked')
      await page.evaluate((body) => globalThis.driver.client?.login(body).then(() => {}), {
        email: owner.email,
        password: PASSWORD,
      })
      await shows(page, '#me', 'Olga Owner')
      await page.locator('[data-status=live]').waitFor()
      errors.splice(0)
    })

    it('nobody is known to be logged in without a stored login', async () => {
      const { page } = await visit(null)
      await shows(page, '#me', 'nobody')
      await shows(page, '#connection', 'idle ')
    })

    it('a client that the provider has made is closed with it', async () => {
      const { project, owner } = await createTeam(app)
      const { page } = await visit(owner, { isOwn: true })
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      expect(sockets()).toBe(1)
      await page.evaluate(() => globalThis.driver.unmount())
      await until('the socket is closed', () => sockets() === 0)
      await shows(page, '#root', '')
    })

    it('a write that waits when the provider closes its client leaves no uncaught error', async () => {
      const { project, owner } = await createTeam(app)
      const { page, context, errors } = await visit(owner, { isOwn: true })
      await show(page, project.id)
      await page.locator('[data-status=live]').waitFor()
      await context.setOffline(true)
      await add(page, 'Mix')
      await shows(page, '[data-show=pending]', 'pending')
      await page.evaluate(() => globalThis.driver.unmount())
      await shows(page, '#root', '')
      // what the browser says of the network, also of a WebSocket that is closed while it connects
      const others = errors.splice(0).filter((error) => !error.startsWith('WebSocket connection'))
      expect(others.filter((error) => error.includes('closed'))).toEqual([])
    })

    it(
      `${MOUNTS} mounts and unmounts of a room leave no room, listener, timer, socket or memory`,
      async () => {
        const { project, owner } = await createTeam(app)
        for (let n = 0; n < 50; n++) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: `Task ${n}` })
        const { page, context } = await visit(owner)
        const devtools = await context.newCDPSession(page)
        await devtools.send('Performance.enable')
        const cycle = (times: number) =>
          page.evaluate(([id, times]) => globalThis.driver.cycle(id as string, times as number), [project.id, times])
        async function measure() {
          await until('the room is left', () => !isJoined(project.id))
          // what React notes down in development
          await page.evaluate('performance.clearMeasures()')
          for (let n = 0; n < 3; n++) await devtools.send('HeapProfiler.collectGarbage')
          const { metrics } = await devtools.send('Performance.getMetrics')
          const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN
          const rooms = await page.evaluate(() => [...globalThis.driver.rooms].filter((room) => room.deref()).length)
          const timers = await page.evaluate(() => globalThis.timers.size)
          const objects = await countObjects(devtools)
          return { rooms, timers, listeners: of('JSEventListeners'), nodes: of('Nodes'), objects, heap: of('JSHeapUsedSize') }
        }
        await cycle(50)
        const before = await measure()
        const began = Date.now()
        await cycle(MOUNTS)
        const took = Date.now() - began
        const after = await measure()
        console.log(`${title}: ${MOUNTS} mounts in ${(took / 1000).toFixed(1)} s`, before, after)
        expect(after.rooms).toBeLessThanOrEqual(2)
        expect(after.timers).toBeLessThanOrEqual(before.timers + 1)
        expect(after.listeners).toBeLessThanOrEqual(before.listeners)
        expect(after.nodes).toBeLessThanOrEqual(before.nodes + 10)
        // one object for each mount would be a leak; compiled code and what DevTools notes down are none
        expect(after.objects - before.objects).toBeLessThan(MOUNTS / 2)
        expect(sockets()).toBe(1)
      },
      120_000 + MOUNTS * 500,
    )
  })
}
