import { describe, expect, it, onTestFinished } from 'vitest'
import { createDownloads, type Download } from '../../src/http/downloads.ts'
import { until } from '../support/until.ts'

type Options = Parameters<typeof createDownloads>[0]

function make(options: Partial<Options> = {}) {
  const errors: unknown[] = []
  const downloads = createDownloads({ checkMs: 1, onError: (error) => errors.push(error), ...options })
  onTestFinished(() => downloads.close())
  return { downloads, errors }
}

const codeOf = ({ signal }: Download) => (signal.aborted ? (signal.reason as { code?: string }).code : 'running')

describe('downloads', () => {
  it('M2 one question asks for all that run; those whose access has ended are ended, the others go on', async () => {
    const { downloads } = make()
    const asked: string[][] = []
    const ended = new Set<string>()
    const open = downloads.kind<string>(async (names) => {
      asked.push([...names])
      return names.map((name) => !ended.has(name))
    })
    const running = ['a', 'b', 'c'].map((name) => open('ann', name))
    await until('a question', () => asked.length > 0)
    expect(asked[0]).toEqual(['a', 'b', 'c'])
    ended.add('b')
    await until('the end of one', () => running.some(({ signal }) => signal.aborted))
    expect(running.map(codeOf)).toEqual(['running', 'not-found', 'running'])
    expect(downloads.running()).toBe(2)
    const before = asked.length
    await until('another question', () => asked.length > before + 1)
    expect(asked.at(-1)).toEqual(['a', 'c'])
  })

  it('M2 kinds are asked about apart, and not at all while none of theirs runs', async () => {
    const { downloads } = make()
    const asked = { files: 0, shares: 0 }
    const openFile = downloads.kind<number>(async (all) => {
      asked.files++
      return all.map(() => true)
    })
    const openShare = downloads.kind<number>(async (all) => {
      asked.shares++
      return all.map(() => false)
    })
    const file = openFile('ann', 1)
    await until('questions', () => asked.files > 3)
    expect(asked.shares).toBe(0)
    const share = openShare('network', 1)
    await until('its end', () => share.signal.aborted)
    file.close()
    file.close()
    expect(downloads.running()).toBe(0)
    const again = openFile('ann', 2)
    const { files } = asked
    await until('questions again', () => asked.files > files)
    expect(codeOf(again)).toBe('running')
  })

  it('M2 a short answer is no permission', async () => {
    const { downloads } = make()
    const open = downloads.kind<number>(async () => [true])
    const [first, second] = [open('ann', 1), open('ann', 2)]
    await until('the end of the second', () => second.signal.aborted)
    expect(codeOf(first)).toBe('running')
  })

  it('M2 O2 while access cannot be checked downloads go on for a moment, and end then', async () => {
    const { downloads, errors } = make({ unknownMs: 300 })
    let fails = true
    const open = downloads.kind<number>(async (all) => {
      if (fails) throw new Error('the database is away')
      return all.map(() => true)
    })
    const first = open('ann', 1)
    await until('a failure', () => errors.length > 0)
    expect(codeOf(first)).toBe('running')
    fails = false
    const { length } = errors
    const from = performance.now()
    await until('longer than may be unknown', () => performance.now() - from > 600)
    expect(codeOf(first)).toBe('running')
    expect(errors).toHaveLength(length)
    fails = true
    await until('its end', () => first.signal.aborted)
    expect(codeOf(first)).toBe('unavailable')
  })

  it('M2 a question that is never answered is a failed one, and others are asked after it', async () => {
    const { downloads, errors } = make({ unknownMs: 100 })
    const open = downloads.kind<number>(([first]) => (first === 1 ? new Promise(() => {}) : Promise.resolve([false])))
    const download = open('ann', 1)
    await until('its end', () => download.signal.aborted)
    expect(codeOf(download)).toBe('unavailable')
    expect(errors).toHaveLength(1)
    const next = open('ann', 2)
    await until('the end of the next', () => next.signal.aborted)
    expect(codeOf(next)).toBe('not-found')
  })

  it('B2 one person has so many at a time, and a node; places come back', () => {
    const { downloads } = make({ limits: { holder: 2, node: 3 }, checkMs: 60_000 })
    const open = downloads.kind<number>(async (all) => all.map(() => true))
    const [first] = [open('ann', 1), open('ann', 2)]
    expect(() => open('ann', 3)).toThrow(expect.objectContaining({ code: 'rate-limited', extra: { retryAfter: 1 } }))
    open('bob', 1)
    expect(() => open('eve', 1)).toThrow(expect.objectContaining({ code: 'unavailable' }))
    first?.close()
    open('ann', 3)
    expect(downloads.running()).toBe(3)
  })

  it('O1 a server that stops ends what runs, and opens nothing more', () => {
    const { downloads } = make()
    const open = downloads.kind<number>(async (all) => all.map(() => true))
    const download = open('ann', 1)
    downloads.close()
    expect(codeOf(download)).toBe('unavailable')
    expect(() => open('ann', 2)).toThrow(expect.objectContaining({ code: 'unavailable' }))
  })
})
