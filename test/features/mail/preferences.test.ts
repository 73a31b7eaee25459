import { randomBytes } from 'node:crypto'
import type { MailPreferences, Problem, Unsubscription } from '@cutroom/contract'
import { userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import type { MailSubject } from '../../../src/features/mail/preferences.ts'
import { unsubscribeTokens } from '../../../src/features/mail/unsubscribe-tokens.ts'
import { useApp } from '../../support/app.ts'
import { addMember, createProject, createTeam, type Person, register, request } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('preferences of mail', () => {
  const app = useApp()
  const tokenOf = (subject: MailSubject) => unsubscribeTokens(app().config.jwtSecret).of(subject)
  const ofPerson = (person: Person) => person.must<MailPreferences>('GET', '/api/me/mail')
  const click = (token: string, body?: string | FormData, type?: string) =>
    fetch(`${app().url}/api/unsubscribe/${token}`, {
      method: 'POST',
      ...(body !== undefined && { body }),
      ...(type !== undefined && { headers: { 'content-type': type } }),
    })

  it('D4 are replaced as a whole; the event in one’s own room is the answer, and other people get nothing', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const foreign = await createProject(editor, 'Foreign')
    expect(await ofPerson(owner)).toEqual({ missed: true, digest: 'weekly', projects: [] })
    const mine = await connect(app(), owner)
    const other = await connect(app(), editor)
    const choice = { missed: false, digest: 'daily', projects: [{ projectId: project.id, digest: 'off' }] }
    const answer = await owner.must<MailPreferences>('PUT', '/api/me/mail', {
      ...choice,
      // Of a project of others nothing is kept, and nothing is learned.
      projects: [
        ...choice.projects,
        { projectId: foreign.id, digest: 'daily' },
        { projectId: crypto.randomUUID(), digest: 'off' },
      ],
    })
    expect(answer).toEqual(choice)
    expect(await ofPerson(owner)).toEqual(choice)
    await until('the event', () => mine.events(userRoom(owner.id)).length === 1)
    expect(mine.events(userRoom(owner.id))[0]).toMatchObject({ name: 'mail-preferences:updated', payload: choice })
    expect(await ofPerson(editor)).toEqual({ missed: true, digest: 'weekly', projects: [] })
    expect(other.events(userRoom(editor.id)).filter(({ name }) => name.startsWith('mail'))).toEqual([])
    const none = { missed: true, digest: 'off', projects: [] }
    // What changes nothing makes no event.
    expect(await owner.must('PUT', '/api/me/mail', choice)).toEqual(choice)
    expect(await owner.must('PUT', '/api/me/mail', none)).toEqual(none)
    for (const _ of [1, 2]) await click(tokenOf({ userId: owner.id, kind: 'digest', projectId: null }))
    expect(await owner.must('PUT', '/api/me/mail', { ...none, missed: false })).toEqual({ ...none, missed: false })
    const told = () => mine.events(userRoom(owner.id)).map(({ payload }) => payload)
    await until('the last event', () => told().some(({ missed, digest }) => missed === false && digest === 'off'))
    expect(told()).toEqual([choice, none, { ...none, missed: false }])
    const twice = [1, 2].map(() => ({ projectId: project.id, digest: 'off' }))
    const refused = await owner.call<Problem>('PUT', '/api/me/mail', { ...none, projects: twice })
    expect([refused.status, refused.body.code]).toEqual([422, 'validation'])
  })

  it('choices for a project end with the membership', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const choice = { missed: true, digest: 'weekly', projects: [{ projectId: project.id, digest: 'daily' }] }
    await editor.must('PUT', '/api/me/mail', choice)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    expect((await ofPerson(editor)).projects).toEqual([])
    await addMember(owner, project.id, editor)
    expect((await ofPerson(editor)).projects).toEqual([])
  })

  it('a link of a mail ends what it says by one POST, and nothing by a GET', async () => {
    const { project, owner } = await createTeam(app())
    const subject = { userId: owner.id, kind: 'digest', projectId: project.id } as const
    const token = tokenOf(subject)
    const look = () => request<Unsubscription>(app().url, 'GET', `/api/unsubscribe/${token}`)
    expect((await look()).body).toEqual({ kind: 'digest', project: { id: project.id, name: project.name } })
    expect((await ofPerson(owner)).projects).toEqual([])
    // As mail programs do it, as a page does it, and again.
    const form = new FormData()
    form.set('List-Unsubscribe', 'One-Click')
    const answers = [
      await click(token, 'List-Unsubscribe=One-Click', 'application/x-www-form-urlencoded'),
      await click(token, form),
      await click(token),
      await click(token, '{broken', 'application/json'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204])
    expect(await ofPerson(owner)).toEqual({
      missed: true,
      digest: 'weekly',
      projects: [{ projectId: project.id, digest: 'off' }],
    })
    expect((await click(token, 'x'.repeat(2_000), 'text/plain')).status).toBe(413)

    await click(tokenOf({ userId: owner.id, kind: 'missed', projectId: null }))
    expect(await ofPerson(owner)).toMatchObject({ missed: false, digest: 'weekly' })
    // All digests: also those that a project has by itself.
    await owner.must('PUT', '/api/me/mail', {
      missed: true,
      digest: 'weekly',
      projects: [{ projectId: project.id, digest: 'daily' }],
    })
    await click(tokenOf({ userId: owner.id, kind: 'digest', projectId: null }))
    expect(await ofPerson(owner)).toEqual({ missed: true, digest: 'off', projects: [] })
  })

  it('A4 tokens that are none, of people who are gone, and of projects that one has left are alike', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const good = tokenOf({ userId: editor.id, kind: 'digest', projectId: project.id })
    const changed = (index: number) => good.slice(0, index) + (good[index] === 'A' ? 'B' : 'A') + good.slice(index + 1)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    const tokens = [
      good,
      ...[0, 1, 5, 20, 30, 45, 60].map(changed),
      good.slice(0, 44),
      'A'.repeat(44),
      tokenOf({ userId: crypto.randomUUID(), kind: 'missed', projectId: null }),
      unsubscribeTokens('another secret, of thirty-two or more').of({ userId: editor.id, kind: 'missed', projectId: null }),
    ]
    for (const token of tokens) {
      const look = await request<Problem>(app().url, 'GET', `/api/unsubscribe/${token}`)
      expect([look.status, look.body.code], token).toEqual([404, 'not-found'])
    }
    for (const token of tokens.slice(1)) expect((await click(token)).status, token).toBe(404)
    expect(await ofPerson(editor)).toEqual({ missed: true, digest: 'weekly', projects: [] })
  })
})

describe('links of mails, with limits', () => {
  const app = useApp({ env: { RATE_LIMIT: '100000' } })

  it('S10 guessing tokens ends for a network; good ones are answered', async () => {
    const person = await register(app())
    const token = unsubscribeTokens(app().config.jwtSecret).of({ userId: person.id, kind: 'missed', projectId: null })
    const statuses = new Set<number>()
    for (let n = 0; n < 130; n++) {
      const guess = randomBytes(33).toString('base64url')
      statuses.add((await request(app().url, n % 2 ? 'POST' : 'GET', `/api/unsubscribe/${guess}`)).status)
    }
    expect([...statuses]).toEqual([404, 429])
    expect((await request(app().url, 'POST', `/api/unsubscribe/${token}`)).status).toBe(204)
  })
})
