import { readFile } from 'node:fs/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createMedia, type MediaOptions } from '../../src/media/index.ts'
import { fixturePath } from '../support/sound.ts'
import { until } from '../support/until.ts'

const flac = fixturePath('tone.flac')

function open(options: MediaOptions) {
  const media = createMedia(options)
  onTestFinished(() => media.close())
  return media
}

/** Processes that read media for this one. Linux alone tells. */
async function workers(): Promise<number[]> {
  const children = (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')).split(' ').filter(Boolean)
  const lines = await Promise.all(children.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.flatMap((line, n) => (line.includes('media-worker.js') ? [Number(children[n])] : []))
}

describe.skipIf(process.platform !== 'linux')('the processes that read media', () => {
  it('B1 there are no more at a time than were asked for, the others wait, and none is left behind', async () => {
    const media = open({ parallel: 2 })
    let most = 0
    let finished = false
    const all = Promise.all(Array.from({ length: 6 }, () => media.analyseAudio(flac, 'audio/flac'))).finally(() => {
      finished = true
    })
    await until('all are done', async () => {
      most = Math.max(most, (await workers()).length)
      return finished
    })
    expect((await all).map(({ ok }) => ok)).toEqual(Array(6).fill(true))
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(2)
    expect(await workers()).toEqual([])
  })

  it('B1 more than may wait are refused at once, with an error that says nothing about the file', async () => {
    const media = open({ parallel: 1, queue: 1 })
    const accepted = [media.analyseAudio(flac, 'audio/flac'), media.analyseAudio(flac, 'audio/flac')]
    await expect(media.analyseAudio(flac, 'audio/flac')).rejects.toThrow('too many files wait')
    expect((await Promise.all(accepted)).map(({ ok }) => ok)).toEqual([true, true])
    expect(await media.analyseAudio(flac, 'audio/flac')).toMatchObject({ ok: true })
  })

  it('O1 close ends what runs and what waits, and resolves when no process is left', async () => {
    const media = createMedia({ parallel: 1 })
    const results = Promise.allSettled(Array.from({ length: 3 }, () => media.analyseAudio(flac, 'audio/flac')))
    await until('one runs', async () => (await workers()).length === 1)
    await media.close()
    expect(await workers()).toEqual([])
    for (const result of await results) expect(result).toMatchObject({ status: 'rejected', reason: { message: 'media: closed' } })
    await expect(media.thumbnail(flac)).rejects.toThrow('media: closed')
  })

  it('O1 a caller that gives up ends its process, and no other', async () => {
    const media = open({ parallel: 2 })
    const stopping = new AbortController()
    const [given, kept] = [media.analyseAudio(flac, 'audio/flac', stopping.signal), media.analyseAudio(flac, 'audio/flac')]
    const refused = expect(given).rejects.toThrow('enough')
    await until('both run', async () => (await workers()).length === 2)
    stopping.abort(new Error('enough'))
    await refused
    expect(await kept).toMatchObject({ ok: true })
    await expect(media.analyseAudio(flac, 'audio/flac', stopping.signal)).rejects.toThrow('enough')
  })

  it('B3 a process that is killed, as the kernel does without memory, fails its file alone', async () => {
    const media = open({ parallel: 2 })
    const [killed, other] = [media.analyseAudio(flac, 'audio/flac'), media.thumbnail(flac)]
    let pids: number[] = []
    await until('both run', async () => {
      pids = await workers()
      return pids.length === 2
    })
    process.kill(Math.min(...pids), 'SIGKILL')
    expect(await killed).toEqual({ ok: false, reason: 'out-of-memory' })
    expect(await other).toEqual({ ok: false, reason: 'unsupported' })
  })

  it('B3 a file that cannot be read is an error of the system, and not of the file', async () => {
    const media = open({})
    await expect(media.analyseAudio('/nowhere/song.flac', 'audio/flac')).rejects.toThrow('ENOENT')
    await expect(media.thumbnail('/nowhere/cover.png')).rejects.toThrow('ENOENT')
  })

  it('O3 of the environment, with its secrets, nothing comes to them, and they stand behind the server', async () => {
    process.env.CUTROOM_TEST_SECRET = 'SECRET'
    onTestFinished(() => {
      delete process.env.CUTROOM_TEST_SECRET
    })
    const media = open({})
    const done = media.analyseAudio(flac, 'audio/flac')
    let environment = ''
    let nice = 0
    await until('its environment is seen', async () => {
      const [pid] = await workers()
      if (pid === undefined) return false
      environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      nice = Number((await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).split(') ')[1]?.split(' ')[16] ?? 0)
      return nice > 0
    })
    await done
    expect(environment).not.toContain('SECRET')
    expect(environment).not.toContain('PATH=')
    expect(nice).toBeGreaterThanOrEqual(10)
  })
})
