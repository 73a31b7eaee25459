import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Meta } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { tokenOf } from '../support/calls.ts'
import { createProject, PASSWORD, type Person, register, request } from '../support/people.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dirname, '../..')

type Line = { show: string; payload: { title?: string }; meta: Meta } | { reload: true } | { stop: { code?: string } | null }

/** The example of README.md in a process of its own, as it is printed but for the address; the arguments of its three functions. */
async function runExample(url: string, person: Person, projectId: string): Promise<{ lines: Line[]; errors: () => string }> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  const printed = /```js\n(import \{ io \} from 'socket\.io-client'\n[\s\S]*?)```/.exec(readme)?.[1]
  if (!printed?.includes('http://localhost:3000')) throw new Error('README.md has no example of a stock client')
  const given = { email: person.email, password: PASSWORD, projectId }
  const prelude = [
    ...Object.entries(given).map(([name, value]) => `const ${name} = ${JSON.stringify(value)}`),
    'const print = (line) => console.log(JSON.stringify(line))',
    'const show = (name, payload, meta) => print({ show: name, payload, meta })',
    'const reload = () => print({ reload: true })',
    'const stop = (problem) => print({ stop: problem ?? null })',
  ]
  await mkdir(join(ROOT, 'dist'), { recursive: true })
  const folder = await mkdtemp(join(ROOT, 'dist', '.readme-'))
  const file = join(folder, 'example.mjs')
  await writeFile(file, `${prelude.join('\n')}\n${printed.replaceAll('http://localhost:3000', url)}`)
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: Line[] = []
  let errors = ''
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line))
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  return { lines, errors: () => errors }
}

describe('the stock client of README.md', () => {
  const app = useApp({ env: { ACCESS_TOKEN_TTL: '2s' } })

  it('A2 R1 a stock client outlives its tokens: each event comes once and in order, also those it missed before its first one', async () => {
    const owner = await register(app(), 'Olga Owner')
    const project = await createProject(owner)
    const member = await register(app(), 'Mo Member')
    const token = tokenOf(app(), owner.token, 3_600)
    const post = async (path: string, body: object) =>
      expect((await request(app().url, 'POST', path, { token, body })).status).toBe(201)
    await post(`/api/projects/${project.id}/members`, { userId: member.id, role: 'editor' })
    const write = (title: string) => post(`/api/projects/${project.id}/tasks`, { title })
    const room = `project:${project.id}`
    let connections = 0
    app().app.io.on('connection', () => connections++)
    const isLive = () => app().app.io.of('/').adapter.rooms.has(room)

    const { lines, errors } = await runExample(app().url, member, project.id)
    const shown = () => lines.flatMap((line) => ('show' in line ? [line] : []))
    await until('it is in the room', isLive)
    const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [room])
    const head = Number(rows[0]?.head)
    await until('its token ends before anything was written', () => app().app.io.of('/').sockets.size === 0)
    await write('Missed')
    let count = 1
    await until('the missed one came', () => shown().length > 0)
    while (connections < 4) {
      await write(`Task ${count++}`)
      await new Promise((next) => setTimeout(next, 50))
    }
    await until('all came', () => shown().length >= count)
    expect(shown().map(({ meta }) => meta.seq)).toEqual(Array.from({ length: count }, (_, n) => head + 1 + n))
    expect(shown()[0]).toMatchObject({ payload: { title: 'Missed' }, meta: { replayed: true } })
    expect(lines.filter((line) => 'reload' in line)).toHaveLength(1)
    expect(lines.filter((line) => 'stop' in line)).toEqual([])
    expect(errors()).toBe('')
  })

  it('A2 A1 a stock client receives the reason of a refusal, and that its session was closed', async () => {
    const [owner, other] = [await register(app(), 'Olga Owner'), await register(app(), 'Otto Other')]
    const project = await createProject(owner)
    const outside = await runExample(app().url, other, project.id)
    await until('refused', () => outside.lines.length > 0)
    expect(outside.lines).toMatchObject([{ stop: { code: 'not-found' } }])

    const inside = await runExample(app().url, owner, project.id)
    await until('in the room', () => inside.lines.length > 0)
    const token = tokenOf(app(), owner.token, 3_600)
    await request(app().url, 'POST', '/api/auth/logout-all', { token })
    await until('told', () => inside.lines.length > 1)
    expect(inside.lines.at(-1)).toHaveProperty('stop')
  })
})
