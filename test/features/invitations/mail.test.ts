import { describe, expect, it, onTestFinished } from 'vitest'
import { Prisma } from '../../../src/db/client.ts'
import { createReset, resetLinks } from '../../../src/features/auth/reset-links.ts'
import { queueMail } from '../../../src/features/mail/outbox.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import { QUICK } from '../../support/consumers.ts'
import { accept, expireIn, invite, newAddress, registerWith, verdictOf } from '../../support/invitations.ts'
import { createProject, login, register, request } from '../../support/people.ts'
import { mailEnv, startMailServer } from '../../support/smtp.ts'
import { until } from '../../support/until.ts'

/** A server that sends its mails to a mail server of the test. */
async function withMail(env: Record<string, string> = {}, beforeCommit?: () => Promise<void>) {
  const server = await startMailServer()
  const app = await startApp({
    env: { ...mailEnv(server), ...env },
    seams: { jobs: { timings: QUICK }, ...(beforeCommit && { beforeCommit }) },
  })
  onTestFinished(() => app.close())
  /** Waits until so many came, and none is under way. */
  const mails = async (count: number) => {
    await until(`${count} mails`, () => server.received.length >= count)
    await until('nothing due', async () => (await app.db.query(`SELECT 1 FROM "Due" WHERE consumer = 'mail'`)).rowCount === 0)
    expect(server.received).toHaveLength(count)
    return server.received
  }
  return { app, mails }
}
const tokenIn = (text: string | undefined, page: string) =>
  new RegExp(`/studio/${page}/([\\w-]{43})\\b`).exec(text ?? '')?.[1] ?? ''
const forgot = ({ url }: TestApp, email: string) => request(url, 'POST', '/api/auth/forgot', { body: { email } })

describe('mails', () => {
  it('an invitation by e-mail is sent, and again when asked for; its link registers', async () => {
    const { app, mails } = await withMail({ REGISTRATION: 'open' })
    const owner = await register(app, 'Olga "<b>" Owner')
    const project = await createProject(owner, 'First & <i>last</i>')
    const email = newAddress()
    const made = await invite(owner, project.id, { email })
    expect(made.isMailed).toBe(true)
    const link = await invite(owner, project.id)
    expect(link.isMailed).toBe(false)
    const [first] = await mails(1)
    expect(first?.to).toEqual([email])
    expect(first?.mail.subject).toBe('Olga "<b>" Owner invites you to First & <i>last</i>')
    expect(tokenIn(first?.mail.text, 'invitations')).toBe(made.token)
    expect(tokenIn(first?.mail.html, 'invitations')).toBe(made.token)
    expect(first?.mail.html).toContain('First &amp; &lt;i&gt;last&lt;/i&gt;')
    expect(first?.mail.html).not.toContain('<i>')

    await owner.must('POST', `/api/invitations/${made.id}/resend`)
    const [, second] = await mails(2)
    expect(tokenIn(second?.mail.text, 'invitations')).toBe(made.token)
    expect(second?.mail.messageId).not.toBe(first?.mail.messageId)
    expect((await registerWith(app, { email, invitation: made.token })).status).toBe(201)
  })

  it('B2 an address gets ten in a day; a write that is tried again counts as one', async () => {
    let failures = 0
    const { app, mails } = await withMail({ RATE_LIMIT: '10000' }, async () => {
      if (failures-- > 0) throw Object.assign(new Error('another write came first'), { code: '40001' })
    })
    const owner = await register(app)
    const email = newAddress()
    const ask = async () => (await invite(owner, (await createProject(owner)).id, { email })).isMailed
    const { id } = await createProject(owner)
    failures = 5
    const asked = [(await invite(owner, id, { email })).isMailed]
    for (let n = 1; n < 11; n++) asked.push(await ask())
    expect(asked).toEqual([...Array(10).fill(true), false])
    await mails(10)
  })

  it('an invitation or a link to a new password that is over when its mail is written sends none', async () => {
    const { app, mails } = await withMail()
    const owner = await register(app)
    const project = await createProject(owner)
    const [revoked, used, old] = [
      await invite(owner, project.id, { email: newAddress() }),
      await invite(owner, project.id),
      await invite(owner, project.id, { email: newAddress() }),
    ]
    await mails(2)
    await owner.must('DELETE', `/api/invitations/${revoked.id}`)
    await accept(await register(app), used.token)
    await expireIn(app, old.id, '-1 second')
    const links = resetLinks(app.config)
    await app.app.rooms.commit(null, async (write) => {
      for (const { id } of [revoked, used, old])
        queueMail(write, { kind: 'invitation', key: `${id}.again`, payload: { invitationId: id } })
      const resetId = createReset(write, links, owner.email)
      write.assert(Prisma.sql`UPDATE "PasswordReset" SET "expiresAt" = now()`)
      queueMail(write, { kind: 'password-reset', key: resetId, payload: { resetId } })
    })
    await mails(2)
  })

  it('B2 one address gets ten of them in a day, from whoever; then owners have the link', async () => {
    const { app, mails } = await withMail({ RATE_LIMIT: '1000000' })
    const email = newAddress()
    const links = []
    for (let n = 0; n < 3; n++) {
      const owner = await register(app)
      for (let m = 0; m < 4; m++) links.push(await invite(owner, (await createProject(owner)).id, { email }))
    }
    expect(links.map(({ isMailed }) => isMailed)).toEqual([...Array(10).fill(true), false, false])
    await mails(10)
    expect((await registerWith(app, { email, invitation: links[11]?.token })).status).toBe(201)
  })

  it('a link to a new password is sent to the account that has the address, and nothing to others', async () => {
    const { app, mails } = await withMail()
    const ann = await register(app, 'Ann Ω')
    for (const email of [newAddress(), ann.email, newAddress()]) expect((await forgot(app, email)).status).toBe(204)
    const [only] = await mails(1)
    expect(only?.mail.to).toEqual([{ name: 'Ann Ω', address: ann.email }])
    expect(only?.mail.text).toContain('60 minutes')
    const token = tokenIn(only?.mail.text, 'reset')
    const answer = await request(app.url, 'POST', '/api/auth/reset', { body: { token, password: 'the next horse battery' } })
    expect(verdictOf(answer)).toBe('204')
    expect((await login(app, ann, 'the next horse battery')).id).toBe(ann.id)
  })
})
