import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { startHolding } from '../../support/held-commit.ts'
import { invite } from '../../support/invitations.ts'
import { mention, nextNotification, notificationsOf, settled } from '../../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, register } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('what a person wants to be notified of', () => {
  const app = useApp()
  const PATH = '/api/me/notification-preferences'

  it('kinds are off everywhere or in a project, and a project is mute; devices are told', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const quiet = await createProject(owner, 'Quiet')
    const { cut: quietCut } = await createCut(owner, quiet.id)
    await addMember(owner, quiet.id, editor)
    const witness = await register(app(), 'Will')
    for (const { id } of [project, quiet]) await addMember(owner, id, witness)
    const initial = await editor.must<{ kinds: Record<string, string>; projects: unknown[] }>('GET', PATH)
    expect([new Set(Object.values(initial.kinds)), initial.projects]).toEqual([new Set(['on']), []])
    const heard = await connect(app(), editor)
    const say = async () => {
      for (const { id } of [cut, quietCut]) await owner.must('POST', `/api/cuts/${id}/comments`, { body: mention(editor) })
      for (const { id } of [project, quiet]) await settled(owner, id, witness)
      return (await notificationsOf(editor)).data.flatMap(({ kind, projectId }) => (kind === 'mention' ? [projectId] : []))
    }
    const set = (body: object) => editor.must<typeof initial>('PUT', PATH, body)
    const kinds = { ...initial.kinds, mention: 'off' }

    // Of a stranger’s project nothing is kept, and nothing is said.
    const strange = await createProject(await register(app(), 'Sam'), 'Strange')
    const own = { projectId: project.id, muted: false, kinds: { mention: 'on' } }
    const answer = await set({ kinds: { mention: 'off' }, projects: [own, { projectId: strange.id, muted: true }] })
    expect(answer).toEqual({ kinds, projects: [own] })
    expect(await editor.must('GET', PATH)).toEqual(answer)
    expect(await say()).toEqual([project.id])

    await set({ projects: [{ projectId: quiet.id, muted: true, kinds: { mention: 'on' } }] })
    expect(await say()).toEqual([project.id, project.id])
    await set({})
    expect((await say()).toSorted()).toEqual([project.id, project.id, project.id, quiet.id].toSorted())
    await set({})
    const told = heard.frames.filter(({ name }) => name === 'notification-preferences:updated')
    expect(told.map(({ payload }) => payload)).toEqual([
      answer,
      { kinds: initial.kinds, projects: [{ projectId: quiet.id, muted: true, kinds: { mention: 'on' } }] },
      initial,
    ])

    await set({ projects: [own] })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    expect(await editor.must('GET', PATH)).toEqual(initial)
    expect((await editor.call('PUT', PATH, { projects: [own, own] })).status).toBe(422)
    expect((await editor.call('PUT', PATH, { kinds: { gossip: 'on' } })).status).toBe(422)
  })

  it('what is chosen for a project ends with the membership, and cannot be chosen before it', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const later = await createProject(owner, 'Later')
    const projects = [project, later].map(({ id }) => ({ projectId: id, muted: true }))
    await editor.must('PUT', PATH, { projects })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await invite(owner, project.id, { email: editor.email })
    await nextNotification(editor, 'the invitation', ({ kind }) => kind === 'invitation')
    for (const { id } of [project, later]) await addMember(owner, id, editor)
    const added = async () => (await notificationsOf(editor)).data.filter(({ kind }) => kind === 'added').length
    await until('both to be told', async () => (await added()) === 2)
    expect(await editor.must('GET', PATH)).toMatchObject({ projects: [] })
  })

  it('U3 of two devices that choose at once the last event says what holds, also where one takes back what the other did', async () => {
    const { node, holdNext, reached, release, metBy } = await startHolding()
    const ann = await register(node)
    const heard = await connect(node, ann)
    const set = (kinds: object) => ann.must('PUT', PATH, { kinds })
    const first = await set({ upload: 'off' })
    holdNext()
    const other = set({ mention: 'off' })
    await reached
    const again = set({ upload: 'off' })
    await metBy(again)
    release()
    const [second] = await Promise.all([other, again])
    expect(await ann.must('GET', PATH)).toEqual(first)
    const told = () => heard.frames.flatMap(({ name, payload }) => (name === 'notification-preferences:updated' ? [payload] : []))
    await until('the last event', () => told().length === 3)
    expect(told()).toEqual([first, second, first])
  })
})
