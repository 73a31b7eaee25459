import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { createTeam } from '../support/people.ts'
import { createRandom } from '../support/random.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { type Follower, follow, type Ledger, newLedger, type Plan } from './support/follower.ts'
import { judgeDeliveries, judgeTypedClients, judgeWrites, type LogOnDisk, readLogOnDisk } from './support/oracle.ts'
import { cutReplies, noTrouble, troubled } from './support/resp.ts'
import { openStage } from './support/stage.ts'
import { startTypedClients } from './support/typed-clients.ts'
import { populate } from './support/world.ts'
import type { Write } from './support/writer.ts'

const stageOf = (databaseUrl = '') => {
  const stage = openStage({ entry: '', databaseUrl, seed: 1, short: true })
  onTestFinished(stage.close)
  return stage
}
const broken = (stage: ReturnType<typeof stageOf>) =>
  stage.figures.filter((figure) => figure.invariant && !figure.ok).map(({ what, measured }) => `${measured} ${what}`)

// An oracle that cannot say no proves nothing: each of its questions is asked about a run that is wrong in just that.
describe('the oracle', () => {
  const write = (key: string, outcome: Write['outcome']): Write => ({
    key,
    projectId: 'p',
    sentAt: 0,
    answeredAt: 0,
    triedAt: 0,
    ms: 0,
    tries: 1,
    outcome,
    status: 0,
    node: 0,
  })
  const log = (times: Record<string, number>, broken: string[] = []): LogOnDisk => ({
    entries: new Map([
      [
        'p',
        new Map([
          [1, 'a'],
          [2, 'b'],
        ]),
      ],
    ]),
    heads: new Map([['p', 2]]),
    times: new Map(Object.entries(times)),
    broken,
  })

  it.each([
    ['an answered write that is not in the log', [write('k', 'acked')], log({}), '1 answered writes that are not in the log'],
    ['an answered write that is there twice', [write('k', 'acked')], log({ k: 2 }), '1 writes that are in the log twice'],
    ['an unanswered one that is there twice', [write('k', 'unknown')], log({ k: 2 }), '1 writes that are in the log twice'],
    ['a refused one that is there', [write('k', 'refused')], log({ k: 1 }), '1 events of writes that were rolled back'],
    ['an event without a write', [], log({ k: 1 }), '1 events without a write'],
    ['a hole in the log', [], log({}, ['p: 1, 3']), '1 rooms whose log does not count 1, 2, 3 … head'],
  ])('sees %s', (_, writes, disk, words) => {
    const stage = stageOf()
    judgeWrites(stage, disk, writes)
    expect(broken(stage)).toEqual([words])
  })
  it('lets an unanswered write be there or not', () => {
    const stage = stageOf()
    judgeWrites(stage, log({ a: 1, c: 1 }), [
      write('a', 'unknown'),
      write('b', 'unknown'),
      write('c', 'acked'),
      write('d', 'refused'),
    ])
    expect(broken(stage)).toEqual([])
  })

  const seen = (last: number, ids: [number, string][], change: Partial<Ledger> = {}) => ({
    ledger: { ...newLedger(), views: new Map([['p e', { epoch: 'e', ids: new Map(ids) }]]), ...change },
    positions: [{ projectId: 'p', epoch: 'e', start: 0, last }],
  })
  it.each([
    ['a follower short of the head', seen(1, [[1, 'a']]), '1 lost events (holes, or short of the head)'],
    [
      'an event that is another one in the log',
      seen(2, [
        [1, 'a'],
        [2, 'x'],
      ]),
      '1 delivered events that differ from the log',
    ],
    [
      'an event that the log does not have',
      seen(2, [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ]),
      '1 delivered events that differ from the log',
    ],
    ['a join that was refused', seen(2, [], { refused: ['not-found'] }), '1 joins refused'],
  ])('sees %s', (_, run, words) => {
    const stage = stageOf()
    judgeDeliveries(stage, log({}), run)
    expect(broken(stage)).toEqual([words])
  })
})

describe('the oracle, on a server', () => {
  const app = useApp()

  /** A follower behind a proxy that loses, repeats or exchanges WebSocket frames with the word in them. */
  async function followBehind(
    trouble: 'lose' | 'repeat' | 'swap',
  ): Promise<{ ledger: Ledger; say: (word: string) => Promise<void> }> {
    const { project, owner } = await createTeam(app())
    let held: Buffer | null = null
    // The frames of this little room come one by one: a chunk is a frame.
    let done = false
    const down = () => (chunk: Buffer, push: (bytes: Buffer) => void) => {
      // Once: when it is caught up, what was lost comes in one chunk with other frames.
      const odd = !done && chunk.includes('odd')
      done ||= odd
      if (!odd) {
        push(chunk)
        if (!held || !chunk.includes('even')) return
        push(held)
        held = null
      } else if (trouble === 'repeat') push(Buffer.concat([chunk, chunk]))
      else if (trouble === 'swap') held = chunk
    }
    const proxy = await openTcpProxy({ port: Number(new URL(app().url).port), down }, onTestFinished)
    const ledger = newLedger()
    const plan: Plan = { token: owner.token, projectId: project.id, urls: [proxy.url], first: 0 }
    const follower: Follower = follow('one', plan, createRandom(1), ledger)
    onTestFinished(follower.close)
    await until('live', follower.live)
    let at = follower.position()?.last ?? 0
    return {
      ledger,
      async say(word) {
        await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: word })
        at++
        // The next one must not come in one chunk with it.
        if (word === 'odd') await until('the odd one has come by', () => done)
        else await until(`#${at} is there`, () => (follower.position()?.last ?? 0) >= at)
      },
    }
  }

  it('reports a lost frame, once', async () => {
    const { ledger, say } = await followBehind('lose')
    for (const word of ['even', 'odd', 'even', 'even']) await say(word)
    expect(ledger).toMatchObject({ gaps: [expect.any(String)], repeats: [], disorders: [] })
  })
  it('sees a repeated frame', async () => {
    const { ledger, say } = await followBehind('repeat')
    for (const word of ['even', 'odd', 'even']) await say(word)
    expect(ledger).toMatchObject({ gaps: [], repeats: [expect.any(String)], disorders: [] })
  })
  it('sees frames that come in another order', async () => {
    const { ledger, say } = await followBehind('swap')
    for (const word of ['even', 'odd', 'even', 'even']) await say(word)
    expect(ledger).toMatchObject({ gaps: [expect.any(String)], disorders: [expect.any(String)] })
  })

  it('sees a states of typed clients that is not the snapshot, and lets a right one pass', async () => {
    const stage = stageOf()
    const world = await populate(app(), { people: 1, projects: 1, members: 1 })
    const [place] = world.projects
    const typed = await startTypedClients(stage, world, [app().url], 1)
    const log = async () => readLogOnDisk(app().databaseUrl, world)
    await judgeTypedClients(stage, typed, app().url, await log())
    expect(broken(stage)).toEqual([])
    const cuts = typed.rooms[0]?.state?.cuts as Map<string, unknown> | undefined
    cuts?.clear()
    await judgeTypedClients(stage, typed, app().url, await log())
    expect(broken(stage)).toEqual(['1 states of typed clients unlike a fresh snapshot'])
    expect(stage.notes).toEqual([expect.stringContaining(`${place?.id} differs from a fresh snapshot in cuts`)])
  })
})

describe('the proxy of Redis', () => {
  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`
  const reply = fc.oneof(
    fc.constantFrom('+OK\r\n', ':7\r\n', '$-1\r\n', '*0\r\n', '_\r\n', '%1\r\n+a\r\n:1\r\n'),
    fc.string({ maxLength: 8 }).map((text) => bulk(Buffer.from(text).toString('hex'))),
    fc.integer({ min: 0, max: 999 }).map((n) => `*3\r\n${bulk('message')}${bulk('channel')}${bulk(`m\r\n${n}`)}`),
    fc.integer({ min: 0, max: 999 }).map((n) => `>3\r\n${bulk('message')}${bulk('channel')}${bulk(`p${n}`)}`),
  )

  it('is cut into whole replies, however it comes in pieces', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 20 }), fc.integer({ min: 1, max: 17 }), (replies, size) => {
        const bytes = Buffer.from(replies.join(''))
        const cut = cutReplies()
        const out: string[] = []
        for (let at = 0; at < bytes.length; at += size) out.push(...cut(bytes.subarray(at, at + size)).map(String))
        expect(out).toEqual(replies)
      }),
    )
  })
  it('loses, repeats and shuffles what was published, and nothing else', () => {
    const trouble = { ...noTrouble(), lose: 0.3, repeat: 0.1, window: 50 }
    const out: string[] = []
    const filter = troubled(trouble, createRandom(7))()
    const sent = Array.from({ length: 2_000 }, (_, n) => `*3\r\n${bulk('message')}${bulk('c')}${bulk(`${n}`)}`)
    for (const message of sent) filter(Buffer.from(`${message}+OK\r\n`), (bytes) => out.push(String(bytes)))
    expect(out.filter((one) => one === '+OK\r\n')).toHaveLength(2_000)
    const { passed, lost, repeated, shuffled } = trouble.done
    expect(passed + lost).toBe(2_000)
    expect(lost).toBeGreaterThan(500)
    expect(lost).toBeLessThan(700)
    expect(repeated).toBeGreaterThan(100)
    expect(shuffled).toBeGreaterThan(1_000)
    const arrived = out.filter((one) => one.startsWith('*'))
    expect(arrived.length).toBeGreaterThan(passed + repeated - 60)
    const known = new Set(sent)
    expect(arrived.filter((one) => !known.has(one))).toEqual([])
  })
})
