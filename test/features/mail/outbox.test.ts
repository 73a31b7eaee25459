import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mailJob } from '../../../src/features/mail/job.ts'
import { type Composer, MAIL_JOB, queueMail } from '../../../src/features/mail/outbox.ts'
import { renderMail } from '../../../src/features/mail/template.ts'
import { openMailer } from '../../../src/ports/mail/open-mailer.ts'
import type { TestApp } from '../../support/app.ts'
import { startWith } from '../../support/consumers.ts'
import { upTo } from '../../support/log.ts'
import { type Answers, headerOf, type MailServer, startMailServer } from '../../support/smtp.ts'
import { until } from '../../support/until.ts'

const FROM = { name: 'Cutroom', address: 'cutroom@mail.example' }

/** Writes what its payload says: the rows of a real one are not what these tests are about. */
const compose: Composer = async (_query, payload) => {
  const { name = 'Ann', address = 'ann@example.com', heading = 'Hello', isWanted = true } = payload as Record<string, string>
  if (!isWanted) return null
  const content = { heading, paragraphs: ['Some text'], button: { label: 'Open', url: 'http://band.example/x' }, notes: [] }
  return { to: { name, address }, subject: heading, unsubscribeUrl: 'http://band.example/end', ...renderMail(content) }
}

/** A node whose mails are those of the test. */
async function startNode(server: Pick<MailServer, 'port'> | null) {
  const lines: { fields: object; line: string }[] = []
  const log = { warn: (fields: object, line: string) => void lines.push({ fields, line }) }
  const smtp = server && {
    host: '127.0.0.1',
    port: server.port,
    secure: false,
    isLocal: true,
    user: undefined,
    password: undefined,
  }
  const mailer = await openMailer(smtp ? { smtp, from: FROM } : undefined, (mail) => log.warn(mail, 'not sent'))
  onTestFinished(() => mailer.close())
  const job = mailJob({
    query: async () => [],
    composers: { invitation: compose, 'password-reset': compose, missed: compose, digest: compose },
    mailer,
    host: 'mail.example',
    log: log as never,
  })
  // The node has a job for mails of its own, which has no composer for those of the test.
  const app = await startWith({ jobs: [{ ...job, name: 'letters' }] })
  const queue = (key: string, payload: object = {}) =>
    app.app.rooms.commit(null, async (write) => {
      const { assert } = write
      const ofTest = (statement: Parameters<typeof assert>[0]) =>
        assert({ ...statement, values: statement.values.map((value) => (value === MAIL_JOB ? 'letters' : value)) })
      queueMail({ assert: ofTest }, { kind: 'invitation', key, payload })
    })
  return { app, queue, lines }
}
const rowsOf = async ({ db }: TestApp) =>
  (await db.query<{ key: string; attempt: number; error: string | null }>(`SELECT * FROM "Due" WHERE consumer = 'letters'`)).rows
const done = (app: TestApp) => until('all mails to be done', async () => (await rowsOf(app)).length === 0)

/** A mail server and a node that sends to it. */
async function start(answers: Answers = {}) {
  const server = await startMailServer(answers)
  return { server, ...(await startNode(server)) }
}

describe('the outbox', () => {
  it('E2 N2 sends each queued mail once, as text beside HTML, with a Message-ID and the headers of one click', async () => {
    const { server, app, queue } = await start()
    await Promise.all(upTo(20).map((n) => queue(`m${n}`, { address: `p${n}@example.com`, name: `Person ${n}` })))
    await done(app)
    expect(server.received.map(({ to }) => to[0]).sort()).toEqual(
      upTo(20)
        .map((n) => `p${n}@example.com`)
        .sort(),
    )
    expect(new Set(server.received.map(({ mail }) => mail.messageId)).size).toBe(20)
    const [first] = server.received
    if (!first) throw new Error('no mail')
    expect(first.mail.text).toContain('Open: http://band.example/x')
    expect(first.mail.html).toContain('href="http://band.example/x"')
    expect(first.mail.from).toMatchObject(FROM)
    expect(first.mail.messageId).toMatch(/^<[0-9a-f]{40}@mail\.example>$/)
    expect(headerOf(first, 'list-unsubscribe')).toBe('<http://band.example/end>')
    expect(headerOf(first, 'list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')
    expect(headerOf(first, 'auto-submitted')).toBe('auto-generated')
    // A few connections for all of them.
    expect(server.connections()).toBeLessThanOrEqual(3)
  })

  it('E2 N2 a mail that failed is sent again, one that was sent is not; the Message-ID of a mail is the same at every attempt', async () => {
    const tried: string[] = []
    const { server, app, queue } = await start({
      recipient(address) {
        tried.push(address)
        return tried.filter((each) => each === address).length < 3 && address.startsWith('slow') ? [451, '4.7.1 later'] : null
      },
      // The server has it, and says that it has not.
      content: ([to]) =>
        to === 'lost@example.com' && tried.filter((each) => each === to).length < 2 ? [452, '4.3.1 full'] : null,
    })
    await queue('slow', { address: 'slow@example.com' })
    await queue('lost', { address: 'lost@example.com' })
    await queue('fast', { address: 'fast@example.com' })
    await done(app)
    expect(server.received.map(({ to }) => to[0]).sort()).toEqual(['fast@example.com', 'lost@example.com', 'slow@example.com'])
    expect(tried.filter((each) => each.startsWith('slow'))).toHaveLength(3)
    const [one] = server.received.filter(({ to }) => to[0] === 'slow@example.com')
    // The same key again is the same mail, for whoever has got it already.
    await queue('slow', { address: 'slow@example.com' })
    await done(app)
    const again = server.received.filter(({ to }) => to[0] === 'slow@example.com')
    expect(again.map(({ mail }) => mail.messageId)).toEqual([one?.mail.messageId, one?.mail.messageId])
  })

  it('N2 a mail that is queued twice before it is sent is one mail', async () => {
    const { server, app, queue } = await start()
    await app.app.rooms.commit(null, async ({ assert }) => {
      const ofTest = (statement: Parameters<typeof assert>[0]) =>
        assert({ ...statement, values: statement.values.map((value) => (value === MAIL_JOB ? 'letters' : value)) })
      for (const address of ['first@example.com', 'second@example.com'])
        queueMail({ assert: ofTest }, { kind: 'digest', key: 'k', payload: { address } })
    })
    await queue('k', { address: 'third@example.com' })
    await done(app)
    expect(server.received.map(({ to }) => to[0]).sort()).toEqual(['first@example.com', 'third@example.com'])
  })

  it('an address or a content that is refused for good is logged, and not sent again', async () => {
    let tries = 0
    const { server, app, queue, lines } = await start({
      recipient(address) {
        tries++
        return address.startsWith('gone') ? [550, '5.1.1 no such user'] : null
      },
      content: ([to]) => (to === 'spam@example.com' ? [554, '5.7.1 spam'] : null),
    })
    await queue('gone', { address: 'gone@example.com' })
    await queue('spam', { address: 'spam@example.com' })
    await done(app)
    expect(tries).toBe(2)
    expect(server.received).toEqual([])
    expect(lines.map(({ line }) => line)).toEqual(Array(2).fill('mail: refused by the mail server, not sent again'))
    expect(lines).toContainEqual(
      expect.objectContaining({
        fields: expect.objectContaining({ to: 'gone@example.com', reason: expect.stringContaining('no such user') }),
      }),
    )
  })

  it('O2 a mail server that is away gets the mails when it is back', async () => {
    const gone = createServer().listen(0, '127.0.0.1')
    await new Promise((ready) => gone.once('listening', ready))
    const { port } = gone.address() as { port: number }
    await new Promise((closed) => gone.close(closed))
    const { app, queue } = await startNode({ port })
    await queue('a')
    await until('some attempts', async () => ((await rowsOf(app))[0]?.attempt ?? 0) >= 2)
    expect((await rowsOf(app))[0]?.error).toContain('ECONNREFUSED')
    const server = await startMailServer({}, { port })
    // Later attempts are half an hour apart; a retry of the operator, or the clock, brings them here.
    await until('it to be sent', async () => {
      await app.db.query(`UPDATE "Due" SET at = now() WHERE consumer = 'letters' AND "claimedBy" IS NULL`)
      return server.received.length === 1
    })
    await done(app)
  })

  it('M3 a name adds no header and no recipient, and is no HTML', async () => {
    const { server, app, queue } = await start()
    const name = 'Bo\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>, "x" <evil@example.com>'
    await queue('a', { name, heading: `${name} & 'more'` })
    await done(app)
    const [got] = server.received
    if (!got) throw new Error('no mail')
    expect(got.to).toEqual(['ann@example.com'])
    expect(got.mail.to).toHaveLength(1)
    expect(got.mail.to?.[0]?.address).toBe('ann@example.com')
    expect(headerOf(got, 'bcc')).toBeUndefined()
    expect(got.mail.subject).not.toMatch(/[\r\n]/)
    expect(got.mail.html).not.toContain('<script')
    expect(got.mail.html).toContain(
      '&lt;script&gt;alert(1)&lt;/script&gt;, &quot;x&quot; &lt;evil@example.com&gt; &amp; &#39;more&#39;',
    )
    expect(got.mail.text).toContain('<script>alert(1)</script>')
  })

  it('without SMTP_URL the log has the link of each mail, once', async () => {
    const { app, queue, lines } = await startNode(null)
    await queue('a')
    await queue('b', { isWanted: false })
    await done(app)
    expect(lines).toEqual([
      { fields: { to: 'ann@example.com', subject: 'Hello', link: 'http://band.example/x' }, line: 'not sent' },
    ])
  })
})
