import { randomBytes, randomUUID } from 'node:crypto'
import type { Problem } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { loggedPath } from '../../src/http/logger.ts'
import { useApp } from '../support/app.ts'
import { accept, invite, newAddress, registerWith, verdictOf } from '../support/invitations.ts'
import { addMember, createProject, createTeam, type Person, register, request } from '../support/people.ts'

/** Tokens that name nothing, of one network in 15 minutes. */
const INVENTED = 120
/** Invitations of one person in an hour. */
const INVITATIONS = 100

const inventedToken = () => randomBytes(32).toString('base64url')

describe('people who guess and flood, behind a proxy that names addresses', () => {
  const app = useApp({ env: { RATE_LIMIT: '1000000', TRUST_PROXY: 'true' } })
  let networks = 0
  /** A network that no other test has. */
  const from = () => ({ 'x-forwarded-for': `10.${++networks >> 8}.${networks & 255}.1` })
  const preview = async (token: string, headers: Record<string, string>) =>
    verdictOf(await request(app().url, 'GET', `/api/invitations/by-token/${token}`, { headers }))

  it('S14 tokens that name nothing are refused from the 121st on, wherever they are tried; good ones are answered', async () => {
    const { project, owner } = await createTeam(app())
    const guest = await register(app())
    const { token } = await invite(owner, project.id)
    const guesser = from()
    const accepting = async (tried: string) =>
      verdictOf(await guest.call('POST', `/api/invitations/by-token/${tried}/accept`, undefined, guesser))
    for (let n = 0; n < INVENTED; n++) {
      const answer = n % 2 ? await preview(inventedToken(), guesser) : await accepting(inventedToken())
      expect(answer).toBe('404 not-found')
    }
    expect(await preview(inventedToken(), guesser)).toBe('429 rate-limited')
    expect(await accepting(inventedToken())).toBe('429 rate-limited')
    expect(await preview(inventedToken(), from())).toBe('404 not-found')
    expect(await preview(token, guesser)).toBe('200')
    expect(await accepting(token)).toBe('200')
  })

  it('B2 one person makes and sends again a hundred in an hour, to all projects together', async () => {
    const [owner, other] = [await register(app()), await register(app())]
    const [one, two] = [await createProject(owner), await createProject(owner)]
    const theirs = await createProject(other)
    const mails = [await invite(owner, one.id, { email: newAddress() }), await invite(owner, two.id)]
    for (let n = mails.length; n < INVITATIONS; n++) {
      const { id } = mails[n % 2] ?? { id: '' }
      expect(verdictOf(await owner.call('POST', `/api/invitations/${id}/resend`))).toBe('200')
    }
    for (const path of [`/api/projects/${two.id}/invitations`, `/api/invitations/${mails[0]?.id}/resend`]) {
      const stopped = await owner.call<Problem>('POST', path, path.endsWith('resend') ? undefined : {})
      expect(verdictOf(stopped)).toBe('429 rate-limited')
      expect(stopped.body.retryAfter).toBeLessThanOrEqual(3_600)
    }
    expect(verdictOf(await other.call('POST', `/api/projects/${theirs.id}/invitations`, {}))).toBe('201')
  })
})

describe('invitations', () => {
  const app = useApp()

  it('S1 what is no token is answered like one that was never made and one that was revoked', async () => {
    const { project, owner } = await createTeam(app())
    const { id, token } = await invite(owner, project.id)
    await owner.must('DELETE', `/api/invitations/${id}`)
    const strange = [token, inventedToken(), `${token}x`, token.slice(1), id, project.id, randomUUID(), '-', '%00', owner.token]
    const shapes = new Set<string>()
    for (const each of [...strange, `..%2f${token}`, "' OR 1=1 --", 'x'.repeat(5_000)])
      for (const [method, path] of [
        ['GET', ''],
        ['POST', '/accept'],
      ] as const) {
        const answer = await owner.call<Problem>(method, `/api/invitations/by-token/${each}${path}`)
        const { requestId: _, ...body } = answer.body
        shapes.add(JSON.stringify([answer.status, body]))
      }
    expect([...shapes]).toEqual([
      '[404,{"type":"urn:cutroom:problem:not-found","title":"Not found","status":404,"code":"not-found"}]',
    ])
  })

  it('S1 only owners make, list, send again and revoke; an API token does as its role says', async () => {
    const { project, owner, editor, commenter, viewer } = await createTeam(app(), 'editor', 'commenter', 'viewer')
    const { id } = await invite(owner, project.id)
    const stranger = await register(app())
    const all = `/api/projects/${project.id}/invitations`
    const asked = (person: Pick<Person, 'token'>) =>
      Promise.all(
        (
          [
            ['GET', all],
            ['POST', all, { role: 'viewer' }],
            ['POST', `/api/invitations/${id}/resend`],
            ['DELETE', `/api/invitations/${id}`],
          ] as const
        ).map(async ([method, path, body]) => verdictOf(await request(app().url, method, path, { token: person.token, body }))),
      )
    for (const person of [editor, commenter, viewer]) expect(await asked(person)).toEqual(Array(4).fill('403 forbidden'))
    expect(await asked(stranger)).toEqual(Array(4).fill('404 not-found'))
    const bot = await owner.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot', role: 'editor' })
    expect(await asked(bot)).toEqual(Array(4).fill('403 forbidden'))
  })

  it('S2 an invitation of another project is as unknown as its id is strange', async () => {
    const [here, there] = [await createTeam(app()), await createTeam(app())]
    const theirs = await invite(there.owner, there.project.id)
    for (const id of [theirs.id, randomUUID(), 'x'])
      for (const [method, path] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/resend'],
      ] as const)
        expect(verdictOf(await here.owner.call(method, `/api/invitations/${id}${path}`))).toBe('404 not-found')
    expect(await there.owner.must('GET', `/api/invitations/${theirs.id}`)).toMatchObject({ version: 1 })
  })

  it('S3 nothing but the address and the role can be set', async () => {
    const { project, owner } = await createTeam(app())
    const path = `/api/projects/${project.id}/invitations`
    for (const body of [
      ...['id', 'token', 'projectId', 'authorId', 'expiresAt', 'acceptedBy', 'kind'].map((key) => ({ [key]: randomUUID() })),
      { role: 'admin' },
      { role: null },
      { email: 'no address' },
      { email: 'a@example.com\r\nBcc: b@example.com' },
      { email: 'Ann <ann@example.com>' },
      { email: `${'a'.repeat(250)}@example.com` },
      { email: ['a@example.com', 'b@example.com'] },
    ])
      expect({ body, verdict: verdictOf(await owner.call('POST', path, body)) }).toEqual({ body, verdict: '422 validation' })
  })

  it('S1 a removed owner comes back by nothing that they made, nor by what they were invited with', async () => {
    const { project, owner } = await createTeam(app())
    const other = await register(app())
    const first = await invite(owner, project.id, { role: 'owner' })
    await accept(other, first.token)
    const own = [await invite(other, project.id, { role: 'owner' }), await invite(other, project.id, { email: newAddress() })]
    await owner.must('DELETE', `/api/projects/${project.id}/members/${other.id}`)
    for (const { token, email } of [first, ...own]) {
      expect(['404 not-found', '410 gone']).toContain(verdictOf(await accept(other, token)))
      const registered = await registerWith(app(), { invitation: token, ...(email !== null && { email }) })
      expect(['404 not-found', '410 gone']).toContain(verdictOf(registered))
    }
    await addMember(owner, project.id, other, 'viewer')
    expect(verdictOf(await other.call('POST', `/api/projects/${project.id}/invitations`, {}))).toBe('403 forbidden')
  })

  it('S5 the log names no token of a link', () => {
    const token = inventedToken()
    for (const path of [
      '/invitations/',
      '/api/invitations/by-token/',
      '/reset/',
      '/shared/',
      '/api/shared/',
      '//reset//',
      '/%72eset/',
    ])
      for (const rest of ['', '/accept', '?a=b']) expect(loggedPath(`${path}${token}${rest}`)).not.toContain(token)
    expect(loggedPath('/api/projects/1/invitations')).toBe('/api/projects/1/invitations')
  })
})
