import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { createCut, createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dirname, '../..')
const BOT = join(ROOT, 'examples', 'bot', 'bot.ts')

describe('examples/bot', () => {
  const app = useApp()

  it('R1 the bot answers each question once, also those of while it was away, and ends with its token', async () => {
    const { owner, project } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const input = { name: 'Bot', role: 'commenter', projectIds: [project.id] }
    const { id, token } = await owner.must<{ id: string; token: string }>('POST', '/api/me/tokens', input)
    const cwd = await mkdtemp(join(tmpdir(), 'cutroom-bot-'))
    onTestFinished(() => rm(cwd, { recursive: true, force: true }))
    const start = () => {
      const env = { PATH: process.env.PATH, CUTROOM_URL: app().url, CUTROOM_TOKEN: token, PROJECT: project.id }
      const loader = join(ROOT, 'node_modules', 'tsx', 'dist', 'loader.mjs')
      const child = spawn(process.execPath, ['--import', loader, BOT], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      let errors = ''
      child.stderr.on('data', (chunk) => {
        errors += chunk
      })
      return { child, exited: once(child, 'exit'), errors: () => errors }
    }
    const isInRoom = () => app().app.rooms.counts().sockets > 0
    const say = (body: string) => owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body })
    const replies = async () => {
      const { data } = await owner.must<{ data: { parentId: string | null; body: string }[] }>(
        'GET',
        `/api/cuts/${cut.id}/comments`,
      )
      return data.flatMap(({ parentId }) => (parentId === null ? [] : [parentId]))
    }
    const position = () => readFile(join(cwd, `${project.id}.json`), 'utf8').catch(() => '')
    const first = start()
    await until('the bot is connected', isInRoom)
    // Its first join is from now on; each comment before that is not its business.
    let asked: string[] = []
    await until('the first answer', async () => {
      if ((await replies()).length > 0) return true
      asked.push((await say('Louder here?')).id)
      return false
    })
    await until('its position', async () => (await position()) !== '')
    asked = await replies()
    await say('Nice.')
    first.child.kill('SIGKILL')
    await first.exited
    await until('the bot is gone', () => !isInRoom())
    const before = asked.length
    const away = [await say('And here?'), await say('Done.'), await say('Again?')]
    const second = start()
    await until('the answers to what it missed', async () => (await replies()).includes(away[2]?.id ?? ''))
    const all = await replies()
    expect(all.length).toBeGreaterThanOrEqual(before + 2)
    expect(new Set(all).size).toBe(all.length)
    expect(all).not.toContain(away[1]?.id)
    await owner.must('DELETE', `/api/me/tokens/${id}`)
    const [code] = await second.exited
    expect({ code, errors: second.errors() }).toEqual({ code: 1, errors: 'The session was closed\n' })
  })
})
