import { userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { startWith } from '../../support/consumers.ts'
import { converse, say } from '../../support/conversations.ts'
import { createCut, createTeam, type Person } from '../../support/people.ts'
import { headerOf, mailEnv, startMailServer } from '../../support/smtp.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

async function start() {
  const server = await startMailServer()
  const app = await startWith({}, { env: { ...mailEnv(server), MISSED_MAIL_AFTER: '1h' } })
  const team = await createTeam(app, 'editor', 'commenter')
  const { cut } = await createCut(team.owner, team.project.id)
  const mention = (person: Person, body = 'listen') =>
    team.owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `@[${person.name}](${person.id}) ${body}` })
  const count = async (sql: string, ...values: unknown[]) => (await app.db.query(sql, values)).rowCount ?? 0
  const unseen = (person: Person) => count('SELECT 1 FROM "Notification" WHERE "userId" = $1 AND "seenAt" IS NULL', person.id)
  const waiting = (person: Person) =>
    count(`SELECT 1 FROM "Due" WHERE consumer = 'missed-mail' AND key = $1 AND at > now()`, person.id)
  /** Half a day passes for what waits; returns when all that it makes due is done. */
  async function pass(...people: Person[]): Promise<void> {
    for (const person of people) await until(`a row of ${person.name}`, async () => (await waiting(person)) === 1)
    await app.db.query(`UPDATE "Notification" SET "createdAt" = "createdAt" - interval '12 hours'`)
    await app.db.query(`UPDATE "Message" SET "createdAt" = "createdAt" - interval '12 hours'`)
    await app.db.query(`UPDATE "MailPreference" SET "missedUpTo" = "missedUpTo" - interval '12 hours'`)
    await app.db.query(`UPDATE "Due" SET at = at - interval '12 hours' WHERE consumer = 'missed-mail' AND "claimedBy" IS NULL`)
    const due = `SELECT 1 FROM "Due" WHERE consumer = 'mail' OR (consumer = 'missed-mail' AND at <= now())`
    await until('nothing due', async () => (await count(due)) === 0)
  }
  // Each was added to the project, of which they know.
  for (const person of [team.editor, team.commenter]) {
    await until('the first notification', async () => (await unseen(person)) === 1)
    await person.must('POST', '/api/me/notifications/seen-all', {})
  }
  await pass(team.editor, team.commenter)
  return { server, app, mention, unseen, waiting, pass, ...team }
}

describe('mails about what was missed', () => {
  it('one mail tells of all that is unseen, as text and as HTML, and of nothing twice', async () => {
    const { server, mention, unseen, pass, editor, owner, project } = await start()
    for (const n of [1, 2, 3]) await mention(editor, `<img src=x> ${n}`)
    await until('three notifications', async () => (await unseen(editor)) === 3)
    expect(server.received).toEqual([])
    await pass(editor)
    expect(server.received).toHaveLength(1)
    const [mail] = server.received
    if (!mail) throw new Error('no mail')
    expect(mail.to).toEqual([editor.email])
    expect(mail.mail.subject).toBe('3 things that you have not seen')
    for (const n of [1, 2, 3]) expect(mail.mail.text).toContain(`${editor.name} <img src=x> ${n}`)
    expect(mail.mail.text).toContain(`${owner.name} mentioned you in ${project.name}`)
    expect(mail.mail.html).not.toContain('<img')
    expect(headerOf(mail, 'list-unsubscribe')).toMatch(/\/studio\/api\/unsubscribe\/[\w-]{44}>$/)
    await mention(editor, 'again')
    await pass(editor)
    expect(server.received).toHaveLength(2)
    expect(server.received[1]?.mail.subject).toBe(`${owner.name} mentioned you in ${project.name}`)
    expect(server.received[1]?.mail.messageId).not.toBe(mail.mail.messageId)
  })

  it('N2 one to those who are away, while others are there', async () => {
    const { app, server, mention, unseen, pass, editor, owner } = await start()
    const listener = await connect(app, owner)
    await until('the owner is online', () => app.app.rooms.presentIn(userRoom(owner.id), 1, '').total === 1)
    expect(app.app.rooms.presentIn(userRoom(editor.id), 1, '')).toEqual({ people: [], total: 0 })
    await mention(editor)
    await until('the notification', async () => (await unseen(editor)) === 1)
    await pass(editor)
    expect(server.received).toHaveLength(1)
    listener.socket.close()
  })

  it('N2 none to those who have seen it, who are there, who want none, or who left the project', async () => {
    const { server, app, mention, unseen, waiting, pass, editor, commenter, owner, project } = await start()
    await commenter.must('PUT', '/api/me/mail', { missed: false, digest: 'off', projects: [] })
    const listener = await connect(app, editor)
    await mention(editor)
    await mention(commenter)
    await until('the notifications', async () => (await unseen(editor)) + (await unseen(commenter)) === 2)
    await editor.must('POST', '/api/me/notifications/seen-all', {})
    await pass(editor, commenter)
    // Online, and unseen: it waits until they have seen it, or are away.
    await mention(editor)
    await pass(editor)
    expect(await waiting(editor)).toBe(1)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    listener.socket.close()
    await until('they are away', () => app.app.rooms.presentIn(userRoom(editor.id), 1, '').total === 0)
    await pass(editor)
    expect(server.received).toEqual([])
  })

  it('a person gets no more than one of them in four times the grace', async () => {
    const { server, app, mention, unseen, waiting, pass, editor } = await start()
    await mention(editor)
    await pass(editor)
    expect(server.received).toHaveLength(1)
    await app.db.query(`UPDATE "MailPreference" SET "missedUpTo" = now() - interval '3 hours'`)
    for (const n of [1, 2, 3]) await mention(editor, `flood ${n}`)
    await until('the flood', async () => (await unseen(editor)) === 4)
    await app.db.query(`UPDATE "Notification" SET "createdAt" = now() - interval '2 hours' WHERE text LIKE '%flood%'`)
    await app.db.query(`UPDATE "Due" SET at = now() WHERE consumer = 'missed-mail'`)
    await until('it is put off', async () => (await waiting(editor)) === 1)
    expect(server.received).toHaveLength(1)
    await pass(editor)
    expect(server.received).toHaveLength(2)
    expect(server.received[1]?.mail.subject).toBe('3 things that you have not seen')
  })

  it('unread messages are in the mail, by conversation; one’s own, read and unreadable ones are not', async () => {
    const { server, pass, editor, commenter, owner, project } = await start()
    const { id } = await converse(owner, [editor])
    const group = await converse(owner, [editor, commenter], 'Tour <1>')
    const read = await say(owner, id, 'read by then')
    await editor.must('PUT', `/api/conversations/${id}/read`, { messageId: read.id })
    for (const body of ['one', `<script>two</script> in [Chorus](cut:${project.id})`]) await say(owner, id, body)
    await say(editor, group.id, 'for the others')
    await pass(editor, commenter, owner)
    expect(server.received).toHaveLength(3)
    const of = (person: Person) => server.received.find(({ to }) => to[0] === person.email)
    expect(of(editor)?.mail.subject).toBe(`2 messages to you, the last one by ${owner.name}`)
    expect(of(editor)?.mail.text).toContain('<script>two</script> in Chorus ·')
    expect(of(editor)?.mail.text).toContain(`/studio/chat/${id}`)
    expect(of(editor)?.mail.text).not.toContain('read by then')
    expect(of(editor)?.mail.text).not.toContain('for the others')
    expect(of(editor)?.mail.html).not.toContain('<script')
    for (const person of [owner, commenter]) expect(of(person)?.mail.subject).toBe(`${editor.name} wrote to Tour <1>`)
  })
})
