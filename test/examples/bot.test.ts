import { type ChildProcess, spawn } from 'node:child_process'
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

interface Bot {
  child: ChildProcess
  exited: Promise<unknown[]>
  errors(): string
}

describe('examples/bot', () => {
  const app = useApp()

  /** A project, and the program of the example with a token for it. */
  async function prepareBot() {
    const { owner, project } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const input = { name: 'Bot', role: 'commenter', projectIds: [project.id] }
    const { id: tokenId, token } = await owner.must<{ id: string; token: string }>('POST', '/api/me/tokens', input)
    const cwd = await mkdtemp(join(tmpdir(), 'cutroom-bot-'))
    onTestFinished(() => rm(cwd, { recursive: true, force: true }))
    const start = (): Bot => {
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
    const kill = async ({ child, exited }: Bot) => {
      child.kill('SIGKILL')
      await exited
      await until('the bot is gone', () => !isInRoom())
    }
    const say = (body: string) => owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body })
    const replies = async () => {
      const { data } = await owner.must<{ data: { parentId: string | null; body: string }[] }>(
        'GET',
        `/api/cuts/${cut.id}/comments`,
      )
      return data.flatMap(({ parentId }) => (parentId === null ? [] : [parentId]))
    }
    const position = () => readFile(join(cwd, `${project.id}.json`), 'utf8').catch(() => '')
    return { owner, tokenId, start, kill, isInRoom, say, replies, position }
  }

  it('R1 the bot answers each question once, also those of while it was away, and ends with its token', async () => {
    const { owner, tokenId, start, kill, say, replies, position } = await prepareBot()
    const first = start()
    await until('its first position', async () => (await position()) !== '')
    const asked = await say('Louder here?')
    await until('the first answer', async () => (await replies()).includes(asked.id))
    await say('Nice.')
    await kill(first)
    const away = [await say('And here?'), await say('Done.'), await say('Again?')]
    const second = start()
    await until('the answers to what it missed', async () => (await replies()).includes(away[2]?.id ?? ''))
    expect((await replies()).sort()).toEqual([asked.id, away[0]?.id, away[2]?.id].sort())
    await owner.must('DELETE', `/api/me/tokens/${tokenId}`)
    const [code] = await second.exited
    expect({ code, errors: second.errors() }).toEqual({ code: 1, errors: 'The session was closed\n' })
  })

  it('R1 a bot that had heard nothing when it was stopped answers what is asked before its next start', async () => {
    const { start, kill, isInRoom, say, replies, position } = await prepareBot()
    const first = start()
    await until('the bot is connected', isInRoom)
    await until('its first position', async () => (await position()) !== '')
    await kill(first)
    const asked = await say('Louder here?')
    start()
    await until('the answer', async () => (await replies()).includes(asked.id))
  })
})
