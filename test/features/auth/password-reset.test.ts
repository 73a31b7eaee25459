import { type Problem, userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { resetLinks } from '../../../src/features/auth/reset-links.ts'
import { useApp } from '../../support/app.ts'
import { newAddress, verdictOf } from '../../support/invitations.ts'
import { type Answer, login, PASSWORD, register, request } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const NEXT = 'the next horse battery'

describe('a link to a new password', () => {
  const app = useApp()

  const forgot = (email: string) => request(app().url, 'POST', '/api/auth/forgot', { body: { email } })
  const reset = (token: string, password = NEXT): Promise<Answer<Problem>> =>
    request(app().url, 'POST', '/api/auth/reset', { body: { token, password } })
  /** The tokens that were made for an address, the oldest first. */
  async function tokensOf(email: string): Promise<string[]> {
    const { rows } = await app().db.query<{ id: string }>('SELECT id FROM "PasswordReset" WHERE email = $1 ORDER BY id', [email])
    return rows.map(({ id }) => resetLinks(app().config).tokenOf(id))
  }
  async function askFor(email: string): Promise<string> {
    expect((await forgot(email)).status).toBe(204)
    return (await tokensOf(email)).at(-1) ?? ''
  }

  it('N4 sets a new password, once; every session and API token ends, and their sockets', async () => {
    const ann = await register(app())
    const other = await login(app(), ann)
    const { token: bot } = await ann.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot' })
    const socket = await connect(app(), other)
    const gone = new Promise((resolve) => socket.socket.once('disconnect', resolve))
    const [first, second] = [await askFor(ann.email.toUpperCase()).then(() => tokensOf(ann.email)), await askFor(ann.email)]
    expect(first).toHaveLength(1)
    expect(second).not.toBe(first[0])

    expect(verdictOf(await reset(first[0] ?? ''))).toBe('204')
    expect(await gone).toBe('io server disconnect')
    for (const token of [ann.token, other.token, bot])
      expect(verdictOf(await request(app().url, 'GET', '/api/me', { token }))).toBe('401 session-revoked')
    await expect(login(app(), ann)).rejects.toThrow('bad-credentials')
    const again = await login(app(), ann, NEXT)
    expect(again.id).toBe(ann.id)
    // The other link was for the password that was forgotten.
    for (const used of [first[0] ?? '', second]) expect(verdictOf(await reset(used, PASSWORD))).toBe('404 not-found')
    const { rows } = await app().db.query<{ payload: { reason: string } }>(
      `SELECT payload FROM "Event" WHERE room = $1 AND name = 'session:revoked'`,
      [userRoom(ann.id)],
    )
    expect(rows.map(({ payload }) => payload.reason)).toEqual(['password', 'password', 'password'])
  })

  it('N4 used ten times at once sets one password', async () => {
    const ann = await register(app())
    const token = await askFor(ann.email)
    const passwords = Array.from({ length: 10 }, (_, n) => `${NEXT} ${n}`)
    const verdicts = (await Promise.all(passwords.map((password) => reset(token, password)))).map(verdictOf)
    expect(verdicts.toSorted()).toEqual(['204', ...Array(9).fill('404 not-found')])
    expect((await login(app(), ann, passwords[verdicts.indexOf('204')])).id).toBe(ann.id)
  })

  it('has no token in the database, is over after an hour, and is unknown where it was never made', async () => {
    const ann = await register(app())
    const token = await askFor(ann.email)
    const { rows } = await app().db.query('SELECT r.*, d.payload FROM "PasswordReset" r, "Due" d')
    expect(JSON.stringify(rows)).not.toContain(token)
    await app().db.query(`UPDATE "PasswordReset" SET "expiresAt" = "expiresAt" - interval '1 hour' WHERE email = $1`, [ann.email])
    expect(verdictOf(await reset(token))).toBe('410 gone')
    expect(verdictOf(await reset('A'.repeat(43)))).toBe('404 not-found')
    expect(verdictOf(await reset('short'))).toBe('422 validation')
    expect(verdictOf(await reset(token, 'short'))).toBe('422 validation')
    expect((await login(app(), ann)).id).toBe(ann.id)
  })

  it('is asked for and used by people, not by their bots', async () => {
    const ann = await register(app())
    const { token } = await ann.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot' })
    for (const [path, body] of [
      ['forgot', { email: ann.email }],
      ['reset', { token: 'A'.repeat(43), password: NEXT }],
    ] as const)
      expect(verdictOf(await request(app().url, 'POST', `/api/auth/${path}`, { body, token }))).toBe('403 forbidden')
  })

  it('S13 says of no address whether it has an account: not by its answer, its rows, nor its time', async () => {
    const known = await Promise.all(Array.from({ length: 40 }, () => register(app())))
    const emails = known.flatMap(({ email }) => [email, newAddress()])
    const times: number[][] = [[], []]
    const answers = new Set<string>()
    await forgot(newAddress())
    const rowsBefore = (await app().db.query('SELECT 1 FROM "PasswordReset"')).rowCount ?? 0
    for (const [n, email] of emails.entries()) {
      const from = performance.now()
      const answer = await forgot(email)
      times[n % 2]?.push(performance.now() - from)
      const headers = [...answer.headers].filter(([name]) => name !== 'date' && !name.startsWith('x-ratelimit'))
      answers.add(JSON.stringify([answer.status, answer.body ?? null, headers]))
    }
    expect([...answers]).toHaveLength(1)
    expect((await app().db.query('SELECT 1 FROM "PasswordReset"')).rowCount).toBe(rowsBefore + emails.length)
    const [there = 0, not = 0] = times.map((each) => each.toSorted((a, b) => a - b)[each.length >> 1] ?? 0)
    expect(not).toBeGreaterThan(there / 2)
    expect(not).toBeLessThan(there * 2)
  })
})

describe('links that are asked for too often', () => {
  const app = useApp({ env: { RATE_LIMIT: '1000000', TRUST_PROXY: 'true' } })

  const forgot = (email: string, network: string) =>
    request(app().url, 'POST', '/api/auth/forgot', { body: { email }, headers: { 'x-forwarded-for': network } })
  const rows = async (email: string) => (await app().db.query('SELECT 1 FROM "PasswordReset" WHERE email = $1', [email])).rowCount

  it('B2 an address gets three in an hour, from wherever; the answer stays the same, and its links work', async () => {
    const ann = await register(app())
    for (let n = 0; n < 12; n++) expect((await forgot(ann.email, `10.1.${n}.1`)).status).toBe(204)
    expect(await rows(ann.email)).toBe(3)
    const { rows: made } = await app().db.query<{ id: string }>('SELECT id FROM "PasswordReset" WHERE email = $1', [ann.email])
    const token = resetLinks(app().config).tokenOf(made[0]?.id ?? '')
    expect((await request(app().url, 'POST', '/api/auth/reset', { body: { token, password: NEXT } })).status).toBe(204)
    const due = await app().db.query(`SELECT key FROM "Due" WHERE consumer = 'mail' AND key LIKE 'password-reset:%'`)
    await until('the mails', async () => (await app().db.query(`SELECT 1 FROM "Due" WHERE consumer = 'mail'`)).rowCount === 0)
    expect(due.rowCount).toBeLessThanOrEqual(3)
  })

  it('B2 one network asks for sixty in a quarter of an hour, for accounts and for none alike', async () => {
    const ann = await register(app())
    for (let n = 0; n < 60; n++) expect((await forgot(newAddress(), '10.2.0.1')).status).toBe(204)
    for (const email of [ann.email, newAddress()]) expect(verdictOf(await forgot(email, '10.2.0.1'))).toBe('429 rate-limited')
    expect((await forgot(ann.email, '10.2.1.1')).status).toBe(204)
  })

  it('S14 tokens that name nothing are refused from the 121st on', async () => {
    const reset = (network: string) =>
      request(app().url, 'POST', '/api/auth/reset', {
        body: { token: 'A'.repeat(43), password: NEXT },
        headers: { 'x-forwarded-for': network },
      })
    for (let n = 0; n < 120; n++) expect(verdictOf(await reset('10.3.0.1'))).toBe('404 not-found')
    expect(verdictOf(await reset('10.3.0.1'))).toBe('429 rate-limited')
    expect(verdictOf(await reset('10.3.1.1'))).toBe('404 not-found')
  })
})
