import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { tokenOf } from '../support/calls.ts'
import { createProject, PASSWORD, type Person, register, request } from '../support/people.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dirname, '../..')

interface Line {
  seq?: number
  name?: string
  loaded?: number
  tasks?: number
  stop?: { code?: string }
}

/** The example as it is, in a process of its own. */
function runExample(url: string, person: Person, projectId: string): { lines: Line[]; errors(): string } {
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const child = spawn(process.execPath, ['--import', tsx, join(ROOT, 'examples/socket-io/resume.ts')], {
    env: { PATH: process.env.PATH, CUTROOM_URL: url, EMAIL: person.email, PASSWORD, PROJECT: projectId },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: Line[] = []
  let errors = ''
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line))
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  return { lines, errors: () => errors }
}

describe('examples/socket-io', () => {
  const app = useApp({ env: { ACCESS_TOKEN_TTL: '3s' } })

  it('R1 keeps a project as it is through cut connections and ended tokens: each change once, in order', async () => {
    const owner = await register(app(), 'Olga Owner')
    const token = tokenOf(app(), owner.token, 3_600)
    const send = async (method: string, path: string, body?: object) => {
      const answer = await request<{ id: string }>(app().url, method, path, { token, body })
      expect(answer.status).toBeLessThan(300)
      return answer.body
    }
    const project = await createProject(owner)
    const write = (title: string) => send('POST', `/api/projects/${project.id}/tasks`, { title })
    await write('Before')
    const { port } = new URL(app().url)
    const wire = await openTcpProxy({ port: Number(port) }, onTestFinished)
    const { lines, errors } = runExample(`http://127.0.0.1:${wire.port}`, owner, project.id)
    await until('it has loaded the project', () => lines.length > 0)
    expect(lines[0]).toMatchObject({ tasks: 1 })
    const start = lines[0]?.loaded ?? 0

    let sockets = 0
    app().app.io.on('connection', () => sockets++)
    for (let round = 0; round < 3; round++) {
      const missed = await write(`Cut ${round}`)
      const before = sockets
      await wire.cut()
      await write(`Missed ${round}`)
      if (round === 1) await send('DELETE', `/api/tasks/${missed.id}`)
      await wire.pass()
      await until('it is back', () => sockets > before)
    }
    // longer than a token lasts
    const end = Date.now() + 4_000
    for (let n = 0; Date.now() < end; n++) {
      await write(`Later ${n}`)
      await new Promise((next) => setTimeout(next, 100))
    }
    const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [`project:${project.id}`])
    const head = Number(rows[0]?.head)
    await until('it has all', () => lines.at(-1)?.seq === head)
    expect(lines.slice(1).map(({ seq }) => seq)).toEqual(Array.from({ length: head - start }, (_, n) => start + 1 + n))
    const { rows: tasks } = await app().db.query('SELECT id FROM "Task" WHERE "projectId" = $1', [project.id])
    expect(lines.at(-1)?.tasks).toBe(tasks.length)
    expect(errors()).toBe('')
  })

  it('stops with the reason where it may not be', async () => {
    const [owner, stranger] = [await register(app(), 'Olga Owner'), await register(app(), 'Zoe')]
    const project = await createProject(owner)
    const { lines } = runExample(app().url, stranger, project.id)
    await until('it has stopped', () => lines.length > 0)
    expect(lines).toMatchObject([{ stop: { code: 'not-found' } }])
  })
})
