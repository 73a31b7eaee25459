import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { tokenOf } from '../support/calls.ts'
import { upTo } from '../support/log.ts'
import { createTeam, PASSWORD, type Person, request } from '../support/people.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

/** The section of docs/clients.md, and its code by language. */
const section =
  /^## Without a socket\n(.*?)^## /ms.exec(readFileSync(join(import.meta.dirname, '../../docs/clients.md'), 'utf8'))?.[1] ?? ''
const codeIn = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(section)?.[1] ?? ''

const addTask = (person: Person, projectId: string, title: string) =>
  person.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title })

describe('docs/clients.md, without a socket', () => {
  const app = useApp()
  const commands = codeIn('sh')
    .split('\n')
    .filter((line) => line.startsWith('curl'))

  /** Runs a command of the page until it ends, or the test does. */
  function run(
    command: string | undefined,
    env: Record<string, string>,
  ): { output(): string; hasEnded(): boolean; stop(): void } {
    if (command === undefined) throw new Error('the page has no such command')
    // `exec`, so that curl itself is what is stopped.
    const child = spawn('sh', ['-c', `exec ${command}`], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const stop = () => void child.kill()
    onTestFinished(stop)
    let output = ''
    let ended = false
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.on('close', () => {
      ended = true
    })
    return { output: () => output, hasEnded: () => ended, stop }
  }

  it('R1 its three commands: all from the start, on behind an id, and the next page as soon as there is one', async () => {
    expect(commands).toHaveLength(3)
    const { owner, project } = await createTeam(app(), 'viewer')
    const env = { TOKEN: owner.token, CUTROOM: app().url, PROJECT: project.id }
    const all = run(commands[0], env)
    await until('ready', () => all.output().includes('event: ready'))
    await addTask(owner, project.id, 'Mix')
    await until('the event', () => all.output().includes('"title":"Mix"'))
    all.stop()
    const ids = [...all.output().matchAll(/^id: (.+)$/gm)].map(([, id = '']) => id)
    const epoch = app().app.rooms.log.epoch()
    expect(ids).toEqual([0, 1, 2].map((seq) => `${epoch}.${seq}`))
    await addTask(owner, project.id, 'Master')
    const on = run(commands[1], { ...env, ID: ids.at(-1) ?? '' })
    await until('what was missed', () => on.output().includes('"mode":"resumed"'))
    expect([...on.output().matchAll(/"title":"(\w+)"/g)].map(([, title]) => title)).toEqual(['Master'])
    const page = run(commands[2], { ...env, AFTER: '3', EPOCH: epoch })
    await until('it waits', () => app().app.rooms.streams.counts().polls === 1)
    await addTask(owner, project.id, 'Print')
    await until('the answer', () => page.hasEnded())
    expect(JSON.parse(page.output())).toMatchObject({ head: 4, data: [{ name: 'task:created', payload: { title: 'Print' } }] })
  })
})

describeInBrowser('docs/clients.md, without a socket, in a browser', () => {
  const open = useBrowser()
  const app = useApp({ env: { ACCESS_TOKEN_TTL: '5s' } })

  it('A2 R1 the EventSource shows each event once, through lost connections and ended tokens, and stops when its person is removed', async () => {
    const { owner, viewer, project } = await createTeam(app(), 'viewer')
    const wire = await openTcpProxy({ port: Number(new URL(app().url).port) }, onTestFinished)
    const origin = `http://127.0.0.1:${wire.port}`
    const { page, context } = await open({ origin })
    await page.goto(`${origin}/docs/events`)
    const code = codeIn('js')
    expect(code).toContain('new EventSource')
    await page.evaluate(
      async ([email, password]) => {
        const headers = { 'content-type': 'application/json' }
        await fetch('/api/auth/login', { method: 'POST', headers, body: JSON.stringify({ email, password }) })
      },
      [viewer.email, PASSWORD],
    )
    await page.evaluate(
      `window.shown = []; window.said = [];
       (({ projectId, after, epoch }) => {
         const show = (event) => shown.push(event.meta.seq)
         const [reload, stop] = [() => said.push('reload'), () => said.push('stop')]
         ${code}
       })(${JSON.stringify({ projectId: project.id, after: 1, epoch: app().app.rooms.log.epoch() })})`,
    )
    const shown = () => page.evaluate<number[]>('shown')
    const said = () => page.evaluate<string[]>('said')
    const token = tokenOf(app(), owner.token, 3_600)
    const send = async (method: string, path: string, body?: object) =>
      expect((await request(app().url, method, `/api/projects/${project.id}${path}`, { token, body })).status).toBeLessThan(300)
    // Longer than two tokens last, and with two cuts at least.
    const end = Date.now() + 12_000
    let head = 1
    for (; Date.now() < end || head <= 61; head++) {
      if (head % 30 === 0) await wire.cut()
      await send('POST', '/tasks', { title: `Task ${head}` })
      if (head % 30 === 0) await wire.pass()
      await new Promise((next) => setTimeout(next, 100))
    }
    await until('all came', async () => (await shown()).length === head - 1)
    expect(await shown()).toEqual(upTo(head).slice(1))
    expect(await said()).toEqual([])
    await send('DELETE', `/members/${viewer.id}`)
    await until('no stream is left', () => app().app.rooms.streams.counts().streams === 0)
    await send('POST', '/tasks', { title: 'After' })
    expect(await shown()).toHaveLength(head - 1)
    await context.close()
  })
})
