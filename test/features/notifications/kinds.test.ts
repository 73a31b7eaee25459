import type { Comment, Notification } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { consumed } from '../../support/consumers.ts'
import { processed, uploadFile, wavOf } from '../../support/files.ts'
import { accept, invite } from '../../support/invitations.ts'
import { kindsOf, mention, nextNotification, notificationsOf, settled } from '../../support/notifications.ts'
import { addMember, createCut, createTeam, type Person, register } from '../../support/people.ts'
import { connect, type Listener } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('what people are notified of', () => {
  const app = useApp()

  /** A team whose editor listens; `witness` shows when all was handled. */
  async function scene() {
    const team = await createTeam(app(), 'editor', 'commenter', 'viewer')
    const witness = await register(app(), 'Will Witness')
    await addMember(team.owner, team.project.id, witness, 'viewer')
    const { cut } = await createCut(team.owner, team.project.id)
    const heard = await connect(app(), team.editor)
    const calm = () => settled(team.owner, team.project.id, witness)
    await calm()
    return { ...team, witness, cut, heard, calm }
  }
  const commentOn = (person: Person, cutId: string, body: string): Promise<Comment> =>
    person.must('POST', `/api/cuts/${cutId}/comments`, { body })
  const told = (heard: Listener, kind: string): Notification[] =>
    heard
      .events()
      .filter(({ name, payload }) => name === 'notification:new' && payload.kind === kind)
      .map(({ payload }) => payload as unknown as Notification)

  it('D4 N1 a mention: once for each person, also in a reply and after an edit; never of oneself, strangers and former members', async () => {
    const { owner, editor, commenter, viewer, project, cut, heard, calm } = await scene()
    const stranger = await register(app(), 'Sam Stranger')
    await owner.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)
    const text = `${mention(editor)} ${mention(editor)}, ${mention(owner)} ${mention(stranger)} ${mention(viewer)} louder`
    const comment = await commentOn(owner, cut.id, text)
    await until('the mention', () => told(heard, 'mention').length === 1)
    await calm()
    const [listed] = (await notificationsOf(editor)).data
    expect(told(heard, 'mention')).toEqual([listed])
    expect(listed).toMatchObject({
      kind: 'mention',
      projectId: project.id,
      project: { id: project.id, name: project.name },
      actor: { id: owner.id, name: owner.name, avatarUrl: null },
      target: { type: 'comment', id: comment.id },
      text: '@Mo editor @Mo editor, @Olga Owner @Sam Stranger @Mo viewer louder',
      link: `/projects/${project.id}/cuts/${cut.id}?comment=${comment.id}`,
      seenAt: null,
    })
    expect([await kindsOf(owner), await kindsOf(stranger), await kindsOf(viewer)]).toEqual([[], [], []])

    // An edit notifies those whom it adds; what it takes out is read nowhere.
    await owner.must('PATCH', `/api/comments/${comment.id}`, { body: `${mention(editor)} ${mention(commenter)} softer` })
    const added = await nextNotification(commenter, 'the mention of an edit', ({ kind }) => kind === 'mention')
    expect(added.text).toBe('@Mo editor @Mo commenter softer')
    await calm()
    expect(told(heard, 'mention')).toHaveLength(1)
    expect((await notificationsOf(editor)).data.map(({ text }) => text)).toContain('@Mo editor @Mo commenter softer')
  })

  it('N1 a reply: who began the thread and who replied before, once, and a mention in it instead', async () => {
    const { owner, editor, commenter, cut, heard, calm } = await scene()
    const first = await commentOn(editor, cut.id, 'Who plays here?')
    const reply = (person: Person, body: string) => person.must('POST', `/api/comments/${first.id}/replies`, { body })
    await reply(editor, 'It is me')
    await calm()
    expect(told(heard, 'reply')).toEqual([])
    await reply(commenter, 'It is you')
    await until('the reply', () => told(heard, 'reply').length === 1)
    expect(told(heard, 'reply')[0]).toMatchObject({ actor: { id: commenter.id }, text: 'It is you' })
    await reply(owner, `No, ${mention(commenter)}`)
    await nextNotification(commenter, 'the mention in a reply', ({ kind }) => kind === 'mention')
    await calm()
    expect(told(heard, 'reply')).toHaveLength(2)
    expect((await kindsOf(commenter)).filter((kind) => kind !== 'added')).toEqual(['mention'])
  })

  it('N1 a reply that names a person who wants no mentions is a reply to them, once; who wants neither hears nothing', async () => {
    const { owner, editor, commenter, cut, heard, calm } = await scene()
    const prefer = (person: Person, kinds: object) => person.must('PUT', '/api/me/notification-preferences', { kinds })
    await prefer(editor, { mention: 'off' })
    await prefer(commenter, { mention: 'off', reply: 'off' })
    const first = await commentOn(editor, cut.id, 'Who plays here?')
    const reply = (person: Person, body: string) => person.must('POST', `/api/comments/${first.id}/replies`, { body })
    await reply(commenter, 'Not me')
    await reply(owner, `Then ${mention(editor)}, or ${mention(commenter)}`)
    await calm()
    expect(told(heard, 'reply').map(({ text }) => text)).toEqual(['Not me', 'Then @Mo editor, or @Mo commenter'])
    expect(told(heard, 'mention')).toEqual([])
    expect(await kindsOf(commenter)).toEqual(['added'])
  })

  it('a reply: who began the thread also where the clock of their node runs ahead', async () => {
    const { owner, editor, cut, heard, calm } = await scene()
    const { id } = await commentOn(editor, cut.id, 'Who plays here?')
    // As another node would have named it, a minute later.
    const at = BigInt(`0x${id.slice(0, 13).replace('-', '')}`) + 60_000n
    const later = at.toString(16).padStart(12, '0')
    const ahead = `${later.slice(0, 8)}-${later.slice(8)}${id.slice(13)}`
    await app().db.query('UPDATE "Comment" SET id = $2 WHERE id = $1', [id, ahead])
    await owner.must('POST', `/api/comments/${ahead}/replies`, { body: 'It is you' })
    await calm()
    expect(told(heard, 'reply').map(({ text }) => text)).toEqual(['It is you'])
  })

  it('an assignment: of a new task and of one that changes hands, not by oneself, and no other change of the task', async () => {
    const { owner, editor, commenter, project, heard, calm } = await scene()
    const at = `/api/projects/${project.id}/tasks`
    const task = await owner.must<{ id: string }>('POST', at, { title: 'Mix it', assigneeId: editor.id })
    await until('the assignment', () => told(heard, 'assignment').length === 1)
    expect(told(heard, 'assignment')[0]).toMatchObject({ target: { type: 'task', id: task.id, name: 'Mix it' }, text: 'Mix it' })
    const change = (person: Person, body: object) => person.must('PATCH', `/api/tasks/${task.id}`, body)
    await change(owner, { title: 'Mix it well' })
    await change(owner, { assigneeId: editor.id, labels: ['urgent'] })
    await change(owner, { assigneeId: commenter.id })
    await nextNotification(commenter, 'the other assignment', ({ kind }) => kind === 'assignment')
    await change(editor, { assigneeId: editor.id })
    await change(editor, { assigneeId: null })
    await calm()
    expect(told(heard, 'assignment')).toHaveLength(1)
    await change(owner, { assigneeId: editor.id })
    await until('the second assignment', () => told(heard, 'assignment').length === 2)
  })

  it('added and another role: by another person', async () => {
    const { owner, editor, project, heard } = await scene()
    const added = await nextNotification(editor, 'being added', ({ kind }) => kind === 'added')
    const target = { type: 'project', id: project.id, name: project.name }
    expect(added).toMatchObject({ actor: { id: owner.id }, target, text: 'editor', link: `/projects/${project.id}` })
    await owner.must('PATCH', `/api/projects/${project.id}/members/${editor.id}`, { role: 'owner' })
    await until('the role', () => told(heard, 'role-changed').length === 1)
    expect(told(heard, 'role-changed')[0]).toMatchObject({ target, text: 'owner' })
    await editor.must('PATCH', `/api/projects/${project.id}/members/${editor.id}`, { role: 'editor' })
    expect(await kindsOf(owner)).toEqual([])
  })

  it('an invitation: the account with the address, until it is accepted, revoked or over', async () => {
    const { owner, project } = await scene()
    const [guest, other] = [await register(app(), 'Gus Guest'), await register(app(), 'Otto Other')]
    const { id, token } = await invite(owner, project.id, { email: guest.email, role: 'commenter' })
    const told = await nextNotification(guest, 'the invitation', ({ kind }) => kind === 'invitation')
    expect(told).toMatchObject({
      actor: { id: owner.id },
      target: { type: 'invitation', id, name: project.name },
      project: { id: project.id, name: project.name },
      text: 'commenter',
      link: '/inbox',
    })
    expect(JSON.stringify(told)).not.toContain(token)
    await owner.must('DELETE', `/api/invitations/${id}`)
    await until('it to be gone', async () => (await kindsOf(guest)).length === 0)

    const again = await invite(owner, project.id, { email: guest.email })
    await nextNotification(guest, 'the next one', ({ kind }) => kind === 'invitation')
    await accept(guest, again.token)
    await until('it to be over', async () => (await kindsOf(guest)).length === 0)
    // A link is for one person, who is not known.
    await invite(owner, project.id)
    await consumed(app().db)
    expect(await kindsOf(other)).toEqual([])
  })

  it('an upload: owners and editors but who uploads; an approval: whose take it is, and whose cut', async () => {
    const { owner, editor, commenter, project, cut, heard, calm } = await scene()
    const take = await uploadFile(app(), editor, cut.id, wavOf(), { filename: 'take.wav' })
    await processed(editor, take.id)
    const upload = await nextNotification(owner, 'the upload', ({ kind }) => kind === 'upload')
    expect(upload).toMatchObject({ actor: { id: editor.id }, target: { type: 'file', id: take.id, name: take.name }, text: null })
    const second = await register(app(), 'Otto Owner')
    await addMember(owner, project.id, second, 'owner')
    await second.must('PUT', `/api/cuts/${cut.id}/state`, { state: 'approved', fileId: take.id })
    await until('the approval of the take', () => told(heard, 'approval').length === 1)
    const approval = await nextNotification(owner, 'the approval of the cut', ({ kind }) => kind === 'approval')
    expect(approval).toMatchObject({ actor: { id: second.id }, target: { type: 'cut', id: cut.id } })
    await calm()
    expect([told(heard, 'upload'), (await kindsOf(commenter)).filter((kind) => kind !== 'added')]).toEqual([[], []])
    expect((await kindsOf(second)).sort()).toEqual(['added'])
  })
})
