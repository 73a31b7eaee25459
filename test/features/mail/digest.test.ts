import type { MailPreferences } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { DIGEST_JOB } from '../../../src/features/mail/digest-job.ts'
import { dayAfter, frequenciesOn, nextDay } from '../../../src/features/mail/schedule.ts'
import { schedule } from '../../../src/rooms/log/consumers/schedule.ts'
import type { TestApp } from '../../support/app.ts'
import { startWith } from '../../support/consumers.ts'
import { addMember, createCut, createProject, createTeam, type Person, register } from '../../support/people.ts'
import { headerOf, mailEnv, type Received, startMailServer } from '../../support/smtp.ts'
import { until } from '../../support/until.ts'

/** The next day from today on that is a Monday, or is none. */
function nextThat(isMonday: boolean): string {
  for (let ms = Date.now(); ; ms += 86_400_000) {
    const day = new Date(ms).toISOString().slice(0, 10)
    if ((new Date(day).getUTCDay() === 1) === isMonday) return day
  }
}
const WEEKLY = nextThat(true)
const DAILY = nextThat(false)

async function start() {
  const server = await startMailServer()
  const app = await startWith({}, { env: mailEnv(server) })
  return { server, app }
}

/** Makes the digests of a day now, and waits until they are sent. */
async function makeDigests({ app, db }: TestApp, day: string): Promise<void> {
  await app.rooms.commit(null, async (write) => schedule(write, DIGEST_JOB, { key: 'plan', payload: { day, after: null } }))
  const rest = `SELECT 1 FROM "Due" WHERE (consumer = 'digest' AND key NOT IN ('', 'plan')) OR consumer = 'mail'
    OR (key = 'plan' AND at <= now()) LIMIT 1`
  await until('all digests', async () => (await db.query(rest)).rowCount === 0)
}

const prefer = (person: Person, change: Partial<MailPreferences>) =>
  person.must('PUT', '/api/me/mail', { missed: true, digest: 'weekly', projects: [], ...change })
const byPerson = (received: readonly Received[], { email }: Person) => received.filter(({ to }) => to[0] === email)
const textOf = (received: Received | undefined) => received?.mail.text ?? ''

describe('digests', () => {
  it('tell what others did, to those who want it, each thing once', async () => {
    const { server, app } = await start()
    const { project, owner, editor, viewer, commenter } = await createTeam(app, 'editor', 'viewer', 'commenter')
    await prefer(editor, { digest: 'daily' })
    await prefer(viewer, { digest: 'daily', projects: [{ projectId: project.id, digest: 'off' }] })
    await prefer(commenter, { digest: 'off' })
    const { cut } = await createCut(owner, project.id)
    await owner.must('PATCH', `/api/cuts/${cut.id}`, { name: '<b>Chorus</b> & "x"' })
    await owner.must('PATCH', `/api/projects/${project.id}/members/${commenter.id}`, { role: 'owner' })
    await commenter.must('PATCH', `/api/projects/${project.id}/members/${commenter.id}`, { role: 'commenter' })
    await editor.must('POST', `/api/cuts/${cut.id}/comments`, { body: `Louder @[Olga](${owner.id})` })
    const gone = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'a slip of the tongue' })
    await owner.must('DELETE', `/api/comments/${gone.id}`)

    await makeDigests(app, DAILY)
    expect(server.received.map(({ to }) => to[0])).toEqual([editor.email])
    const [first] = server.received
    if (!first) throw new Error('no mail')
    const text = textOf(first)
    expect(text).toContain('Olga Owner changed the cut “<b>Chorus</b> & "x"”')
    expect(first.mail.html).toContain('&lt;b&gt;Chorus&lt;/b&gt; &amp; &quot;x&quot;')
    expect(text).toContain(`http://band.example/studio/projects/${project.id}/cuts/${cut.id}`)
    expect(text).toContain('Olga Owner changed the role of “Mo commenter”')
    expect(text).toContain('Mo commenter changed their role')
    // Not their own, and not what is gone.
    expect(text).not.toContain('Louder')
    expect(text).not.toContain('slip of the tongue')
    expect(headerOf(first, 'list-unsubscribe')).toMatch(/^<http:\/\/band\.example\/studio\/api\/unsubscribe\/[\w-]{44}>$/)
    expect(headerOf(first, 'list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click')

    // Nothing new for the editor; the owner has it weekly.
    await makeDigests(app, WEEKLY)
    expect(byPerson(server.received, editor)).toHaveLength(1)
    expect(textOf(byPerson(server.received, owner)[0])).toContain('Mo editor commented “Louder @Olga”')
    expect(server.received).toHaveLength(2)

    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'Quieter' })
    await makeDigests(app, DAILY)
    const again = byPerson(server.received, editor)[1]
    expect(textOf(again)).toContain('commented “Quieter”')
    expect(textOf(again)).not.toContain('Chorus')
    expect(again?.mail.messageId).toBe(first.mail.messageId)
  })

  it('tell nothing that is gone by then, with its thread, its cut or its vibe, and comments as they read after an edit', async () => {
    const { server, app } = await start()
    const { project, owner, editor, viewer } = await createTeam(app, 'editor', 'viewer')
    await prefer(viewer, { digest: 'daily' })
    const { cut } = await createCut(owner, project.id)
    const lost = await createCut(owner, project.id)
    await owner.must('PATCH', `/api/cuts/${lost.cut.id}`, { name: 'Lost cut' })
    const comment = (cutId: string, body: string) => owner.must<{ id: string }>('POST', `/api/cuts/${cutId}/comments`, { body })
    await comment(lost.cut.id, 'on a lost cut')
    const [thread, slip] = [await comment(cut.id, 'a lost thread'), await comment(cut.id, 'a slip of the tongue')]
    await editor.must('POST', `/api/comments/${thread.id}/replies`, { body: 'a lost reply' })
    await owner.must('PATCH', `/api/comments/${slip.id}`, { body: 'well said' })
    await owner.must('DELETE', `/api/comments/${thread.id}`)
    await owner.must('DELETE', `/api/vibes/${lost.vibe.id}`)

    await makeDigests(app, DAILY)
    const text = textOf(byPerson(server.received, viewer)[0])
    expect(text).toContain('Olga Owner commented “well said”')
    expect(text).toContain('Olga Owner changed the comment “well said”')
    expect(text.match(/“Verse ideas”/g)).toHaveLength(1)
    expect(text).not.toMatch(/lost|slip/i)
  })

  it('of many projects tell of those in which most happened, and that there are more', async () => {
    const { server, app } = await start()
    const { owner, editor } = await createTeam(app, 'editor')
    await prefer(editor, { digest: 'daily' })
    for (let n = 0; n < 22; n++) {
      const { id } = await createProject(owner, `Album ${String(n).padStart(2, '0')}`)
      await addMember(owner, id, editor)
      for (const title of ['One', 'Two'].slice(0, n < 20 ? 1 : 2))
        await owner.must('POST', `/api/projects/${id}/tasks`, { title })
    }
    await makeDigests(app, DAILY)
    const text = textOf(byPerson(server.received, editor)[0])
    for (const name of ['Album 20', 'Album 21']) expect(text).toContain(name)
    expect(text.match(/Album \d\d/g)?.length).toBeGreaterThanOrEqual(20)
    expect(text).toContain('More of your projects have news than fit into a mail')
  })

  it('tell the newest, also behind a megabyte of lyrics', async () => {
    const { server, app } = await start()
    const { project, owner, editor } = await createTeam(app, 'editor')
    await prefer(editor, { digest: 'daily' })
    const { cut } = await createCut(owner, project.id)
    const lyrics = Array.from({ length: 100 }, () => ({ text: 'la '.repeat(300) }))
    for (let version = 0; version < 16; version++)
      await owner.must(
        'PUT',
        `/api/cuts/${cut.id}/lyrics`,
        { lyrics: [...lyrics, { text: `${version}` }] },
        { 'if-match': `"${version}"` },
      )
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'The last word' })
    await makeDigests(app, DAILY)
    expect(textOf(byPerson(server.received, editor)[0])).toContain('The last word')
  })

  it('A1 tell nothing of a project that one has left, also when the mail was queued before', async () => {
    const { server, app } = await start()
    const { project, owner, editor } = await createTeam(app, 'editor')
    const other = await createProject(owner, 'Other')
    await addMember(owner, other.id, editor)
    for (const { id } of [project, other]) await owner.must('POST', `/api/projects/${id}/tasks`, { title: `Task of ${id}` })
    const windows = [project, other].map(({ id }) => ({ projectId: id, after: 0, upTo: 100, since: null }))
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await app.db.query(`INSERT INTO "Due" (consumer, key, at, payload) VALUES ('mail', 'digest:x', now(), $1)`, [
      JSON.stringify({ userId: editor.id, windows }),
    ])
    await until('the mail', () => server.received.length === 1)
    expect(textOf(server.received[0])).toContain(`Task of ${other.id}`)
    expect(textOf(server.received[0])).not.toContain(`Task of ${project.id}`)
  })

  it('begin with the membership: what was before it is no news', async () => {
    const { server, app } = await start()
    const { project, owner } = await createTeam(app)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Long ago' })
    const late = await register(app, 'Lea Late')
    await addMember(owner, project.id, late)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Today' })
    const today = new Date().toISOString().slice(0, 10)
    await prefer(late, { digest: 'daily' })
    await makeDigests(app, today)
    const text = textOf(byPerson(server.received, late)[0])
    expect(text).toContain('Today')
    expect(text).not.toContain('Long ago')
  })

  it('a day follows the other; weeks begin on Monday; a long absence is not made up for day by day', () => {
    const at = Date.parse('2026-11-30T08:00:00Z')
    expect(nextDay(7, at)).toBe('2026-12-01')
    expect(nextDay(9, at)).toBe('2026-11-30')
    expect(dayAfter('2026-11-30', at)).toBe('2026-12-01')
    expect(dayAfter('2026-06-01', at)).toBe('2026-11-23')
    expect(['2026-11-30', '2026-12-01'].map(frequenciesOn)).toEqual([['daily', 'weekly'], ['daily']])
  })
})
