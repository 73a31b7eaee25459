import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { fixturePath, storeLongWav } from '../support/sound.ts'
import { buildServer } from '../support/spawn-server.ts'
import { until } from '../support/until.ts'

describe('media in the server as it ships', () => {
  let build: Awaited<ReturnType<typeof buildServer>>
  beforeAll(async () => {
    build = await buildServer('test/support/read-media.ts')
  })
  afterAll(() => build.remove())

  const read = async (...args: string[]) => {
    // in another folder, without what the sources need
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [build.entry, ...args], { cwd: '/', env: {} })
    return { answer: JSON.parse(stdout) as unknown, stderr }
  }

  it('M3 the program that reads a sound is found beside the one that starts it, and prints nothing', async () => {
    const { answer, stderr } = await read(fixturePath('tone.mp3'), 'audio/mpeg')
    expect(answer).toMatchObject({ ok: true, audio: { codec: 'mp3', durationMs: 1000, tags: { title: 'Night drive' } } })
    expect(stderr).toBe('')
  })

  it('M3 what decoders print about a damaged sound does not come to the log', async () => {
    const { answer, stderr } = await read(fixturePath('tone.flac'), 'audio/flac', 'damaged')
    expect(answer).toEqual({ ok: false, reason: 'damaged' })
    expect(stderr).toBe('')
  })

  it.skipIf(process.platform !== 'linux')(
    'B3 it ends when the one that started it is killed in the middle of a sound',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'cutroom-media-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const path = join(folder, 'long.wav')
      await storeLongWav(path)
      const child = spawn(process.execPath, [build.entry, path, 'audio/wav'], { stdio: 'ignore' })
      const exited = once(child, 'exit')
      let worker = ''
      await until('the sound is read', async () => {
        if (child.exitCode !== null) throw new Error('it ended')
        worker = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim()
        // 20 MB of it
        const read = worker === '' ? '' : await readFile(`/proc/${worker}/io`, 'utf8').catch(() => '')
        return Number(/^rchar: (\d+)/m.exec(read)?.[1] ?? 0) > 20_000_000
      })
      child.kill('SIGKILL')
      await exited
      const isGone = () =>
        readFile(`/proc/${worker}/stat`, 'utf8').then(
          (text) => text.includes(') Z '),
          () => true,
        )
      await until('its worker is gone', isGone)
    },
  )
})
