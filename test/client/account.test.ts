import { createClient } from '@cutroom/client'
import { me } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { PASSWORD, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { createJar, createNetwork } from './network.ts'

const app = useApp()
const openSessions = async (people: Person[]): Promise<string[]> => {
  const { rows } = await app().db.query<{ id: string; userId: string }>(
    'SELECT id, "userId" FROM "Session" WHERE "revokedAt" IS NULL AND "userId" = ANY($1)',
    [people.map(({ id }) => id)],
  )
  return rows.map(({ userId }) => people.find(({ id }) => id === userId)?.name ?? '?').sort()
}

/** Three people without a session, and a client in which Zoe is logged in. */
async function setup(mode: 'bearer' | 'cookie') {
  const people = await Promise.all(['Zoe', 'Ann', 'Bob'].map((name) => register(app(), name)))
  for (const person of people) await person.must('POST', '/api/auth/logout')
  const [zoe, ann, bob] = people as [Person, Person, Person]
  const network = createNetwork(mode === 'cookie' ? createJar().fetch : fetch)
  const client = createClient({ url: app().url, mode, fetch: network.fetch, onError: () => {} })
  onTestFinished(() => client.close())
  const enter = (person: Person) => client.login({ email: person.email, password: PASSWORD })
  await enter(zoe)
  return { client, network, people, zoe, ann, bob, enter }
}

type Action = 'login' | 'logout' | 'refresh' | 'close'
/** Who is logged in after the second of two actions; the second login is Bob's. */
const outcomes: Record<Action, Record<Action, 'Zoe' | 'Ann' | 'Bob' | null>> = {
  login: { login: 'Bob', logout: null, refresh: 'Ann', close: 'Ann' },
  logout: { login: 'Bob', logout: null, refresh: null, close: null },
  refresh: { login: 'Bob', logout: null, refresh: 'Zoe', close: 'Zoe' },
  close: { login: 'Bob', logout: null, refresh: 'Zoe', close: 'Zoe' },
}
const actions = Object.keys(outcomes) as Action[]
const pairs = actions.flatMap((first) => actions.map((second) => [first, second, outcomes[first][second]] as const))

describe.each(['bearer', 'cookie'] as const)('account actions that overlap, by %s', (mode) => {
  for (const late of [true, false])
    it.each(pairs)(
      `U3 %s, then %s, with the first answer ${late ? 'late' : 'in time'}: %s is logged in, one session is open`,
      async (first, second, expected) => {
        const { client, network, people, ann, bob, enter } = await setup(mode)
        const act = (action: Action, person: Person): Promise<unknown> =>
          action === 'login' ? enter(person) : Promise.resolve(client[action]())
        let holding = late
        network.rule((path) => {
          if (!holding || !path.startsWith('/api/auth')) return 'pass'
          holding = false
          return 'hold'
        })
        const outcome = (promise: Promise<unknown>) =>
          promise.then(
            () => 'done',
            (error: { code?: string }) => error.code,
          )
        const one = outcome(act(first, ann))
        if (late && first !== 'close') await until('the first is held', () => network.held.length > 0)
        await network.held[0]?.answered
        holding = false
        const other = outcome(act(second, bob))
        // by token nothing waits for the first answer
        if (mode === 'bearer' && !(first === 'refresh' && second === 'refresh')) await other
        for (const { release } of network.held) release()

        const overtaken = mode === 'bearer' && first === 'login' && (second === 'login' || second === 'logout')
        if (overtaken) expect(await one).toBe('superseded')
        else if (first === 'refresh' && (second === 'login' || second === 'logout'))
          expect(['done', 'session-revoked', 'token-missing']).toContain(await one)
        else expect(await one).toBe('done')
        if (second === 'refresh' && expected !== 'Zoe')
          expect(['session-revoked', 'token-missing', 'done']).toContain(await other)
        else expect(await other).toBe('done')

        const who = await client.call(me.get).then(
          ({ name }) => name,
          () => null,
        )
        expect(who).toBe(expected)
        await until('the sessions are those that should be', async () => {
          const open = await openSessions(people)
          return JSON.stringify(open) === JSON.stringify(expected === null ? [] : [expected])
        })
      },
    )
})
