import { randomUUID } from 'node:crypto'
import type { Problem } from '@cutroom/contract'
import { hash } from '@node-rs/argon2'
import fc from 'fast-check'
import { io, type Socket } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { claimsOf } from '../support/calls.ts'
import { type Answer, request } from '../support/people.ts'
import { until } from '../support/until.ts'
import { explain, type Made, type ModelState, requests, type Step, type TokenOf } from './accounts.model.ts'

/** What a client asks for. What closes sessions is rarer: most faults need one that lasts. */
const kind = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom('refresh', 'refresh with an old token', 'call', 'connect', 'renew a socket') },
  { weight: 4, arbitrary: fc.constantFrom('login', 'change the password', 'call as another person') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('logout by refresh token', 'logout by access token', 'logout everywhere', 'end a session'),
  },
)

/** One request: by which of the four clients, and whether its answer is lost on the way. */
const action = fc.record({
  kind,
  // One does more than the others: what follows upon what one client did is where faults are.
  client: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(3) }),
  isLost: fc.nat(3).map((n) => n === 0),
  pick: fc.nat(1_000),
})
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

const of = (kind: Action['kind'], client = 0, isLost = false): Action => ({ kind, client, isLost, pick: 0 })
/** Orders that are tried first, each time. */
const examples: [Action[][]][] = [
  // A successor that was used, in each way, and a thief.
  ...(['refresh', 'call', 'connect'] as const).map((use): [Action[][]] => [
    [[of('refresh')], [of(use)], [of('refresh with an old token')], [of('call')]],
  ]),
  [[[of('connect')], [of('refresh')], [of('renew a socket')], [of('refresh with an old token')]]],
  // A tunnel: answers lost at each step, and other actions in between.
  [[[of('refresh', 0, true)], [of('call')], [of('refresh', 0, true)], [of('refresh')], [of('call')], [of('refresh')]]],
  [[[of('refresh'), of('refresh'), of('refresh')], [of('call'), of('refresh', 0, true)], [of('refresh')]]],
  // Two sessions of one person at once.
  [
    [
      [of('change the password', 0), of('change the password', 1)],
      [of('login', 0), of('login', 1)],
      [of('call', 0), of('call', 1)],
    ],
  ],
  [[[of('change the password', 0), of('login', 1), of('call', 1)], [of('login', 1)]]],
  [
    [
      [of('connect'), of('connect', 1)],
      [of('logout everywhere', 1), of('refresh'), of('call')],
      [of('login'), of('login', 1)],
    ],
  ],
]

interface Tokens {
  accessToken: string
  refreshToken: string
}

/** A client of one person: what it has of the answers that reached it. */
interface Client {
  person: string
  tokens: Tokens
  /** Refresh tokens that it had before. */
  old: string[]
  sockets: { socket: Socket; sid: string; userId?: string }[]
}

/** Runs begin for this long, ms; longer where one looks for what is rare. */
const RUNS_MS = Number(process.env.ACCOUNTS_MS ?? 8_000)

const refreshClaims = (token: string): TokenOf => {
  const [sid = '', gen = ''] = token.split('.')
  return { sid, gen: Number(gen) }
}
const accessClaims = (token: string): TokenOf => {
  const { sid, gen } = claimsOf(token)
  return { sid, gen: Number(gen) }
}

describe('accounts', () => {
  const app = useApp()
  const FIRST = 'the first password'

  /** Two people with two clients each. */
  async function begin() {
    const people = [randomUUID(), randomUUID()]
    // Cheap to verify; what the test changes it to costs what it costs.
    const passwordHash = await hash(FIRST, { memoryCost: 256, timeCost: 1, parallelism: 1 })
    await app().db.query(
      `WITH made AS (INSERT INTO "User" (id, email, name, "passwordHash")
         SELECT id, id || '@example.com', 'P', $2 FROM unnest($1::uuid[]) AS id RETURNING id)
       INSERT INTO "Room" (id) SELECT 'user:' || id FROM made`,
      [people, passwordHash],
    )
    const state: ModelState = { passwords: Object.fromEntries(people.map((id) => [id, FIRST])), sessions: {} }
    const clients: Client[] = []
    for (const person of people)
      for (let n = 0; n < 2; n++) {
        const { body: tokens } = await login(person, FIRST)
        state.sessions[accessClaims(tokens.accessToken).sid] = { owner: person, open: true, generation: 0, confirmed: 0 }
        clients.push({ person, tokens, old: [], sockets: [] })
      }
    return { people, state, clients, tried: Object.fromEntries(people.map((id) => [id, [FIRST]])) as Record<string, string[]> }
  }
  type World = Awaited<ReturnType<typeof begin>>

  const login = (person: string, password: string) =>
    request<Tokens & Problem>(app().url, 'POST', '/api/auth/login', {
      body: { email: `${person}@example.com`, password, delivery: 'body' },
    })
  const codeOf = ({ status, body }: Answer): string => (status < 300 ? 'ok' : (body as Problem).code)

  /** The names of projects that were asked for, by who asked, and whether the answer was that it exists. */
  const calls: { name: string; person: string; answer: string }[] = []

  async function connect(client: Client, userId: string): Promise<string | null> {
    const { accessToken } = client.tokens
    const socket = io(app().url, {
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      auth: { token: accessToken, userId },
    })
    const entry: Client['sockets'][number] = { socket, sid: accessClaims(accessToken).sid }
    client.sockets.push(entry)
    return new Promise((resolve) => {
      socket.on('connected', (payload: { userId: string }) => {
        entry.userId = payload.userId
        resolve('ok')
      })
      socket.on('connect_error', (error: Error & { data?: Problem }) => resolve(error.data?.code ?? error.message))
      // Let in and closed before the answer came.
      socket.on('disconnect', () => resolve(null))
    })
  }

  /** Sends one request with the tokens that the client has now. Only an answer that is not lost changes the client. */
  async function make({ kind, client: index, isLost, pick }: Action, world: World): Promise<Made> {
    const client = world.clients[index] as Client
    const { person, tokens } = client
    const { url } = app()
    const access = accessClaims(tokens.accessToken)
    const tried = world.tried[person] ?? []
    const take = (next: Tokens) => {
      if (isLost) return
      client.old.push(client.tokens.refreshToken)
      client.tokens = next
    }
    const by = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      request(url, method, path, { token: tokens.accessToken, body, headers: { 'cutroom-user': person, ...headers } })
    const done = async (steps: Step[], answer: Promise<Answer>): Promise<Made> => ({ steps, answer: codeOf(await answer) })

    async function refresh(refreshToken: string): Promise<Made> {
      const answer = await request<Tokens & Problem>(url, 'POST', '/api/auth/refresh', { body: { refreshToken } })
      const code = codeOf(answer)
      if (code === 'ok') take(answer.body)
      return {
        steps: requests.refresh(refreshClaims(refreshToken)),
        answer: code === 'ok' ? `ok ${refreshClaims(answer.body.refreshToken).gen}` : code,
      }
    }

    switch (kind) {
      case 'login': {
        // The newest that was tried is not always the one: its answer may have been lost, or a refusal.
        const password = tried.at(-1 - (pick % 2)) ?? FIRST
        const answer = await login(person, password)
        const opened = answer.status === 200 ? accessClaims(answer.body.accessToken) : null
        if (opened) take(answer.body)
        return { steps: requests.login(person, password, opened), answer: codeOf(answer) }
      }
      case 'refresh':
        return refresh(tokens.refreshToken)
      case 'refresh with an old token':
        return refresh(client.old.at(-1 - (pick % 2)) ?? tokens.refreshToken)
      case 'logout by refresh token': {
        const body = { refreshToken: tokens.refreshToken }
        const answer = request(url, 'POST', '/api/auth/logout', { body, headers: { 'cutroom-user': person } })
        return done(requests.logoutByRefreshToken(refreshClaims(tokens.refreshToken)), answer)
      }
      case 'logout by access token':
        return done(requests.logoutByAccessToken(access), by('POST', '/api/auth/logout'))
      case 'logout everywhere':
        return done(requests.logoutAll(access), by('POST', '/api/auth/logout-all'))
      case 'end a session': {
        const own = Object.entries(world.state.sessions).filter(([, { owner }]) => owner === person)
        const [target = access.sid] = own[pick % own.length] ?? []
        return done(requests.endSession(access, target), by('DELETE', `/api/me/sessions/${target}`))
      }
      case 'change the password': {
        const current = tried.at(-1 - (pick % 2)) ?? FIRST
        const next = `password ${randomUUID()}`
        tried.push(next)
        return done(requests.changePassword(access, current, next), by('PUT', '/api/me/password', { current, next }))
      }
      case 'call': {
        const name = randomUUID()
        const made = await done(requests.act(access), by('POST', '/api/projects', { name }))
        calls.push({ name, person, answer: made.answer ?? '' })
        return made
      }
      case 'call as another person': {
        const name = randomUUID()
        const other = world.people.find((id) => id !== person) ?? ''
        const made = await done(requests.stray(), by('POST', '/api/projects', { name }, { 'cutroom-user': other }))
        calls.push({ name, person, answer: made.answer ?? '' })
        return made
      }
      case 'connect':
        return { steps: requests.act(access), answer: await connect(client, person) }
      case 'renew a socket': {
        const entry = client.sockets.find(({ socket }) => socket.connected)
        if (!entry) return { steps: [() => 'ok'], answer: 'ok' }
        const steps = entry.sid === access.sid ? requests.act(access) : [() => 'token-invalid']
        const answer = await new Promise<string | null>((resolve) => {
          entry.socket.once('disconnect', () => resolve(null))
          entry.socket.emit('session:refresh', { token: tokens.accessToken }, (ack: { ok: boolean; error?: Problem }) =>
            resolve(ack.ok ? 'ok' : (ack.error?.code ?? '')),
          )
        })
        return { steps, answer }
      }
    }
  }

  /** The sessions of the model as the database has them. */
  async function stored(people: string[]): Promise<string> {
    const { rows } = await app().db.query(
      `SELECT id, "userId" AS owner, "revokedAt" IS NULL AS open, generation, confirmed FROM "Session"
       WHERE "userId" = ANY($1::uuid[]) ORDER BY id`,
      [people],
    )
    return sessionsOf(Object.fromEntries(rows.map(({ id, ...session }) => [id, session])))
  }
  /** In one writing; of a closed session nothing more matters. */
  const sessionsOf = (sessions: ModelState['sessions']): string =>
    JSON.stringify(
      Object.entries(sessions)
        .map(([id, { owner, open, generation, confirmed }]) => [id, owner, open, ...(open ? [generation, confirmed] : [])])
        .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    )

  async function run(batches: Action[][]): Promise<void> {
    const world = await begin()
    const history: string[] = []
    try {
      let states = [world.state]
      for (const batch of batches) {
        const made = await Promise.all(batch.map((action) => make(action, world)))
        history.push(
          batch
            .map(({ kind, client, isLost }, n) => `${client} ${kind}${isLost ? ', lost' : ''}: ${made[n]?.answer}`)
            .join(' | '),
        )
        const rows = await stored(world.people)
        const explained = states.flatMap((state) => explain(state, made)).filter(({ sessions }) => sessionsOf(sessions) === rows)
        if (explained.length === 0)
          throw new Error(`no order of the requests explains their answers and ${rows}\n${history.join('\n')}`)
        states = [...new Map(explained.map((state) => [JSON.stringify(state), state])).values()]
        world.state = states[0] ?? world.state
        // A socket is there exactly while its session is open, and speaks for its own person.
        for (const { person, sockets } of world.clients)
          for (const { socket, sid, userId } of sockets) {
            await until(
              'sockets of closed sessions are closed',
              () => !socket.connected || world.state.sessions[sid]?.open === true,
            )
            if (userId !== undefined) expect(userId).toBe(person)
            if (userId !== undefined && world.state.sessions[sid]?.open) expect(socket.connected).toBe(true)
          }
      }
      // The password is one that some order of all requests gives.
      for (const person of world.people) {
        const possible = new Set(states.map(({ passwords }) => passwords[person] ?? ''))
        const opened = await Promise.all([...possible].map(async (password) => (await login(person, password)).status === 200))
        if (opened.filter(Boolean).length !== 1)
          throw new Error(`the password is none of those that it can be\n${history.join('\n')}`)
      }
    } finally {
      for (const { sockets } of world.clients) for (const { socket } of sockets) socket.close()
    }
  }

  it('U1 U2 U3 random account actions of two people at once, with lost and late answers: some order of them explains every answer and the final state', {
    timeout: RUNS_MS + 20_000,
  }, async () => {
    const end = Date.now() + RUNS_MS
    let runs = 0
    const property = fc.asyncProperty(
      fc.array(fc.array(action, { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 16 }),
      async (batches) => {
        if (runs >= examples.length && Date.now() > end) return
        runs++
        await run(batches)
      },
    )
    // A failure names its seed, which goes in here as `seed`.
    await fc.assert(property, { numRuns: 2_000, endOnFailure: true, examples })
    expect(runs).toBeGreaterThanOrEqual(examples.length)
    const { rows } = await app().db.query<{ name: string; authorId: string }>('SELECT name, "authorId" FROM "Project"')
    const authors = new Map(rows.map(({ name, authorId }) => [name, authorId]))
    for (const { name, person, answer } of calls)
      expect([name, authors.get(name)]).toEqual([name, answer === 'ok' ? person : undefined])
    expect(authors.size).toBe(calls.filter(({ answer }) => answer === 'ok').length)
  })
})
