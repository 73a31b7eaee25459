import { randomUUID } from 'node:crypto'
import type { Problem } from '@cutroom/contract'
import { hash } from '@node-rs/argon2'
import { beforeAll, describe, expect, it } from 'vitest'
import { createWindowCounts } from '../../src/http/window-counts.ts'
import { useApp } from '../support/app.ts'
import { createProject, PASSWORD, register, request } from '../support/people.ts'
import { openRaw } from '../support/raw-socket.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const code = (answer: { status: number; body: unknown }) => `${answer.status} ${(answer.body as Problem | undefined)?.code}`

/** Failures in a quarter of an hour, as SECURITY.md says. */
const PAIR = 20
const ACCOUNT = 100
const NETWORK = 120

describe('guessing passwords, behind a proxy that names addresses', () => {
  const app = useApp({ env: { RATE_LIMIT: '1000000', TRUST_PROXY: 'true' } })
  /** Of PASSWORD, cheap to verify. */
  let cheap: string
  beforeAll(async () => {
    cheap = await hash(PASSWORD, { memoryCost: 256, timeCost: 1, parallelism: 1 })
  })

  /** The e-mail addresses of so many new accounts. */
  async function accounts(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => randomUUID())
    await app().db.query(
      `WITH made AS (INSERT INTO "User" (id, email, name, "passwordHash")
         SELECT id, id || '@example.com', 'Ann', $2 FROM unnest($1::uuid[]) AS id RETURNING id)
       INSERT INTO "Room" (id) SELECT 'user:' || id FROM made`,
      [ids, cheap],
    )
    return ids.map((id) => `${id}@example.com`)
  }
  const account = async () => (await accounts(1))[0] ?? ''
  let networks = 0
  /** An address that no other test has. */
  const newAddress = () => `10.${++networks >> 8}.${networks & 255}.1`

  const login = (email: string, password: string, address: string) =>
    request<Problem>(app().url, 'POST', '/api/auth/login', {
      body: { email, password, delivery: 'body' },
      headers: { 'x-forwarded-for': address },
    })
  async function fail(email: string, address: string, times: number): Promise<void> {
    for (let n = 0; n < times; n++) expect(code(await login(email, `wrong ${n}`, address))).toBe('401 bad-credentials')
  }

  it('B2 125 people behind one address log in at the same time', async () => {
    const office = newAddress()
    const people = await accounts(125)
    const answers = await Promise.all(people.map((email) => login(email, PASSWORD, office)))
    expect(answers.map(({ status }) => status)).toEqual(people.map(() => 200))
  })

  it('B2 guesses are refused at their address; the owner of the account logs in from another', async () => {
    const email = await account()
    const [there, here] = [newAddress(), newAddress()]
    await fail(email, there, PAIR)
    for (const password of ['wrong', PASSWORD]) {
      const stopped = await login(email, password, there)
      expect(code(stopped)).toBe('429 rate-limited')
      expect(Number(stopped.headers.get('retry-after'))).toBe(stopped.body.retryAfter)
      expect(stopped.body.retryAfter).toBeGreaterThan(0)
      expect(stopped.body.retryAfter).toBeLessThanOrEqual(15 * 60)
    }
    expect((await login(email, PASSWORD, here)).status).toBe(200)
    expect(code(await login(email.toUpperCase(), PASSWORD, there))).toBe('429 rate-limited')
    expect((await login(await account(), PASSWORD, there)).status).toBe(200)
  })

  it('B2 S14 parallel guesses get no more tries than guesses in a row', async () => {
    const [email, address] = [await account(), newAddress()]
    const answers = await Promise.all(Array.from({ length: 80 }, (_, n) => login(email, `wrong ${n}`, address)))
    const looked = answers.filter(({ status }) => status === 401).length
    expect(looked).toBeGreaterThanOrEqual(PAIR)
    // As many as pass the gate side by side may see the last free place.
    expect(looked).toBeLessThanOrEqual(PAIR + 3)
    expect(answers.filter(({ status }) => status === 429).length).toBe(80 - looked)
  })

  it('B2 an account that is guessed at from many addresses stays open to its owner', async () => {
    const email = await account()
    const home = newAddress()
    expect((await login(email, PASSWORD, home)).status).toBe(200)
    for (let n = 0; n < ACCOUNT / 10; n++) await fail(email, newAddress(), 10)
    // A network that is new to the account has one guess left.
    const strange = newAddress()
    await fail(email, strange, 1)
    expect(code(await login(email, PASSWORD, strange))).toBe('429 rate-limited')
    expect((await login(email, PASSWORD, newAddress())).status).toBe(200)
    // Where the owner was logged in before they may be mistaken as often as ever.
    await fail(email, home, 3)
    expect((await login(email, PASSWORD, home)).status).toBe(200)
  })

  it('B2 a network that tries many accounts is stopped, except for accounts that had a session there', async () => {
    const office = newAddress()
    const [regular = '', stranger = '', ...others] = await accounts(NETWORK + 2)
    expect((await login(regular, PASSWORD, office)).status).toBe(200)
    for (const email of others) await fail(email, office, 1)
    const stopped = await login(stranger, PASSWORD, office)
    expect(code(stopped)).toBe('429 rate-limited')
    expect(stopped.headers.get('retry-after')).toBe(`${stopped.body.retryAfter}`)
    expect((await login(regular, PASSWORD, office)).status).toBe(200)
    expect((await login(stranger, PASSWORD, newAddress())).status).toBe(200)
  })

  it('B2 wrong current passwords are limited for the session that sends them, and no other', async () => {
    const person = await register(app())
    const change = (current: string, token = person.token) =>
      request<Problem>(app().url, 'PUT', '/api/me/password', { token, body: { current, next: 'the next password' } })
    const other = await login(person.email, PASSWORD, newAddress())
    await app().db.query('UPDATE "User" SET "passwordHash" = $2 WHERE id = $1', [person.id, cheap])
    for (let n = 0; n < PAIR; n++) expect(code(await change(`wrong ${n}`))).toBe('401 bad-credentials')
    const stopped = await change(PASSWORD)
    expect(code(stopped)).toBe('429 rate-limited')
    expect(stopped.headers.get('retry-after')).toBe(`${stopped.body.retryAfter}`)
    const { accessToken } = other.body as unknown as { accessToken: string }
    expect((await change(PASSWORD, accessToken)).status).toBe(204)
  })
})

describe('adding people to projects', () => {
  const app = useApp({ env: { RATE_LIMIT: '1000000' } })

  it('B2 one person adds 300 members an hour at most, to all projects together', async () => {
    const [owner, other, guest] = [await register(app()), await register(app()), await register(app())]
    const [one, two, theirs] = [await createProject(owner), await createProject(owner), await createProject(other)]
    const add = (person: typeof owner, projectId: string) =>
      person.call<Problem>('POST', `/api/projects/${projectId}/members`, { userId: guest.id, role: 'viewer' })
    expect((await add(owner, one.id)).status).toBe(201)
    const answers: string[] = []
    for (let n = 1; n < 300; n += 23)
      answers.push(...(await Promise.all(Array.from({ length: 23 }, () => add(owner, one.id)))).map(code))
    expect(answers).toEqual(Array(299).fill('409 already-member'))
    for (const project of [one, two]) {
      const stopped = await add(owner, project.id)
      expect(code(stopped)).toBe('429 rate-limited')
      expect(stopped.headers.get('retry-after')).toBe(`${stopped.body.retryAfter}`)
      expect(stopped.body.retryAfter).toBeLessThanOrEqual(3_600)
    }
    expect((await add(other, theirs.id)).status).toBe(201)
    // Added people leave by themselves.
    expect((await guest.call('DELETE', `/api/projects/${one.id}/members/${guest.id}`)).status).toBe(204)
  })
})

describe('handshakes', () => {
  const app = useApp({ env: { RATE_LIMIT: '1000000' } })

  it('B2 one person makes 200 handshakes at once and 10 a second; others are let in', async () => {
    const [person, other] = [await register(app()), await register(app())]
    // Of a closed session: the connections stay those of strangers, who may send a few packets each.
    await person.must('POST', '/api/auth/logout')
    const raws = await Promise.all(Array.from({ length: 18 }, () => openRaw(app())))
    for (const { ws } of raws) for (let n = 0; n < 18; n++) ws.send(`40${JSON.stringify({ token: person.token })}`)
    const answers = () => raws.flatMap(({ packets }) => packets.filter((packet) => packet.startsWith('44')))
    await until('all answers', () => answers().length === 18 * 18)
    const problems = answers().map((packet) => JSON.parse(packet.slice(2)).data as Problem)
    const refused = problems.filter(({ code }) => code === 'rate-limited')
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThanOrEqual(124)
    expect(refused[0]).toMatchObject({ status: 429, retryAfter: 1 })
    expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['session-revoked', 'rate-limited']))
    expect((await connect(app(), other)).socket.connected).toBe(true)
  })
})

describe('counts in a bounded memory', () => {
  it('B1 B2 a lock-out survives any number of other keys, and the number of keys is bounded', () => {
    const counts = createWindowCounts({ windowMs: 60_000, limit: 3, capacity: 100 })
    for (let n = 0; n < 3; n++) counts.add('locked')
    counts.add('below')
    for (let n = 0; n < 5_100; n++) counts.add(`other ${n}`)
    expect(counts.of('locked')?.count).toBe(3)
    expect(counts.of('below')).toBeUndefined()
    expect(counts.size()).toBe(100)
    // Locks alone can push out a lock, the oldest first.
    for (let n = 0; n < 99; n++) for (let times = 0; times < 3; times++) counts.add(`lock ${n}`)
    expect(counts.of('locked')?.count).toBe(3)
    for (let times = 0; times < 3; times++) counts.add('one lock more')
    expect(counts.size()).toBe(100)
    expect(counts.of('locked')).toBeUndefined()
    expect(counts.of('one lock more')?.count).toBe(3)
  })
})
