import { describe, expect, it, onTestFinished } from 'vitest'
import { firstAccountCode } from '../../../src/features/auth/first-account.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import { invite, newAddress, registerWith, verdictOf } from '../../support/invitations.ts'
import { createProject, login, type Person, request } from '../../support/people.ts'

/** An installation by invitation, without an account. */
async function empty(env: Record<string, string> = {}): Promise<TestApp> {
  const app = await startApp({ env: { REGISTRATION: 'invite', ...env } })
  onTestFinished(() => app.close())
  return app
}
const modeOf = async ({ url }: TestApp) => (await request<{ registration: string }>(url, 'GET', '/api/session')).body.registration

/** The first account, which has a project. */
async function first(app: TestApp): Promise<Person> {
  const email = newAddress()
  expect((await registerWith(app, { email, code: firstAccountCode(app.config) })).status).toBe(201)
  return login(app, { email })
}

describe('REGISTRATION=invite', () => {
  it('the first account takes the code of the server, however it is typed; later ones an invitation', async () => {
    const app = await empty()
    const code = firstAccountCode(app.config)
    expect(code).toMatch(/^([2-9A-HJ-NP-Z]{5}-){3}[2-9A-HJ-NP-Z]{5}$/)
    expect(await modeOf(app)).toBe('first-account')
    expect(verdictOf(await registerWith(app, {}))).toBe('403 registration-closed')
    for (const wrong of ['', 'x', code.slice(1), code.replace(/./, (letter) => (letter === 'A' ? 'B' : 'A'))])
      expect(verdictOf(await registerWith(app, { code: wrong }))).toBe('403 wrong-code')
    const email = newAddress()
    expect((await registerWith(app, { email, code: ` ${code.toLowerCase().replaceAll('-', ' ')}` })).status).toBe(201)
    expect(await modeOf(app)).toBe('invite')
    expect(verdictOf(await registerWith(app, { code }))).toBe('403 registration-closed')

    const owner = await login(app, { email })
    const project = await createProject(owner)
    const [link, mail] = [await invite(owner, project.id), await invite(owner, project.id, { email: newAddress() })]
    expect(verdictOf(await registerWith(app, { invitation: 'A'.repeat(43) }))).toBe('404 not-found')
    expect((await registerWith(app, { invitation: link.token })).status).toBe(201)
    expect((await registerWith(app, { email: mail.email, invitation: mail.token })).status).toBe(201)
    expect(verdictOf(await registerWith(app, { invitation: link.token }))).toBe('410 gone')
    expect((await owner.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/members`)).data).toHaveLength(3)
  })

  it('of ten who register first at once one does', async () => {
    const app = await empty()
    const code = firstAccountCode(app.config)
    const verdicts = (await Promise.all(Array.from({ length: 10 }, () => registerWith(app, { code })))).map(verdictOf)
    expect(verdicts.toSorted()).toEqual(['201', ...Array(9).fill('403 registration-closed')])
    expect((await app.db.query('SELECT 1 FROM "User"')).rowCount).toBe(1)
  })

  it('of ten who register with one link at once one does, and no account is left of the others', async () => {
    const app = await empty()
    const owner = await first(app)
    const { token } = await invite(owner, (await createProject(owner)).id)
    const answers = await Promise.all(Array.from({ length: 10 }, () => registerWith(app, { invitation: token })))
    expect(answers.map(verdictOf).toSorted()).toEqual(['201', ...Array(9).fill('410 gone')])
    expect((await app.db.query('SELECT 1 FROM "User"')).rowCount).toBe(2)
  })

  it('the code is the same on all nodes, and another with another secret', async () => {
    const jwtSecret = 'a secret of the tests, thirty-two or more'
    expect(firstAccountCode({ jwtSecret })).toBe(firstAccountCode({ jwtSecret }))
    expect(firstAccountCode({ jwtSecret: `${jwtSecret}!` })).not.toBe(firstAccountCode({ jwtSecret }))
  })

  it('S14 a network tries 120 wrong codes in a quarter of an hour', async () => {
    const app = await empty({ RATE_LIMIT: '1000000' })
    for (let n = 0; n < 120; n++) expect(verdictOf(await registerWith(app, { code: `wrong ${n}` }))).toBe('403 wrong-code')
    expect(verdictOf(await registerWith(app, { code: 'wrong' }))).toBe('429 rate-limited')
  })
})
