import { userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { consumed } from '../../support/consumers.ts'
import { uploadFile, wavOf } from '../../support/files.ts'
import { kindsOf, mention, nextNotification, notificationsOf } from '../../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, type Person } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('when notifications end', () => {
  const app = useApp()

  const mentions = async (person: Person) => (await kindsOf(person)).filter((kind) => kind === 'mention').length
  const deleted = (frames: { name: string; payload: Record<string, unknown> }[]) =>
    frames.flatMap(({ name, payload }) => (name === 'notification:deleted' ? [payload] : []))

  it('a deleted comment, thread, task, cut and vibe takes its notifications along, and each device is told which', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { vibe, cut } = await createCut(owner, project.id)
    const heard = await connect(app(), editor)
    // That they were added is told a moment later.
    await consumed(app().db)
    const at = (await notificationsOf(editor)).unseen
    const other = await owner.must<{ id: string }>('POST', `/api/vibes/${vibe.id}/cuts`, { name: 'Other' })
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, {
      title: 'T',
      assigneeId: editor.id,
    })
    const write = (path: string) => owner.must<{ id: string }>('POST', path, { body: mention(editor) })
    const first = await write(`/api/cuts/${cut.id}/comments`)
    await write(`/api/comments/${first.id}/replies`)
    const single = await write(`/api/cuts/${cut.id}/comments`)
    await write(`/api/tasks/${task.id}/comments`)
    await write(`/api/cuts/${other.id}/comments`)
    await write(`/api/cuts/${cut.id}/comments`)
    await until('all of them', async () => (await mentions(editor)) === 6)
    const steps: [path: string, mentions: number, gone: number][] = [
      [`/api/comments/${single.id}`, 5, 1],
      [`/api/comments/${first.id}`, 3, 2],
      // With the assignment.
      [`/api/tasks/${task.id}`, 2, 2],
      [`/api/cuts/${other.id}`, 1, 1],
      [`/api/vibes/${vibe.id}`, 0, 1],
    ]
    for (const [n, [path, left, gone]] of steps.entries()) {
      const before = new Set((await notificationsOf(editor)).data.map(({ id }) => id))
      await owner.must('DELETE', path)
      await until(`the end of ${path}`, () => deleted(heard.frames).length === n + 1)
      const now = await notificationsOf(editor)
      for (const { id } of now.data) before.delete(id)
      expect(deleted(heard.frames).at(-1), path).toEqual({
        ids: expect.toSatisfy((ids) => new Set(ids).size === gone),
        unseen: gone,
      })
      expect(new Set((deleted(heard.frames).at(-1) as { ids: string[] }).ids), path).toEqual(before)
      expect(await mentions(editor), path).toBe(left)
    }
    expect((await notificationsOf(editor)).unseen).toBe(at)
  })

  it('a deleted file takes its upload along', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const file = await uploadFile(app(), owner, cut.id, wavOf(), { filename: 'take.wav' })
    await nextNotification(editor, 'the upload', ({ kind }) => kind === 'upload')
    await owner.must('DELETE', `/api/files/${file.id}`)
    await until('the end of the upload', async () => !(await kindsOf(editor)).includes('upload'))
  })

  it('S1 who is removed reads nothing of the project any more: not in the list, and not in the log of before', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const elsewhere = await createProject(owner, 'Elsewhere')
    await addMember(owner, elsewhere.id, editor)
    const { cut } = await createCut(owner, project.id)
    const { cut: otherCut } = await createCut(owner, elsewhere.id)
    const secret = 'the-secret-hook'
    const heard = await connect(app(), editor)
    for (const id of [cut.id, otherCut.id])
      await owner.must('POST', `/api/cuts/${id}/comments`, { body: `${mention(editor)} ${id === cut.id ? secret : 'public'}` })
    await until('both mentions', async () => (await mentions(editor)) === 2)
    const { target } = await nextNotification(editor, 'the mention', ({ text }) => text?.includes(secret) ?? false)
    const edited = 'the-edited-bridge'
    await owner.must('PATCH', `/api/comments/${target.id}`, { body: `${mention(editor)} ${edited}` })
    await until('the edit', () => heard.frames.some(({ name }) => name === 'notification:updated'))
    const replay = async () => {
      const reader = await connect(app(), editor)
      const { epoch } = await notificationsOf(editor)
      expect(await reader.ask('join:user', { after: 0, epoch })).toMatchObject({ ok: true, mode: 'resumed' })
      return JSON.stringify(reader.events(userRoom(editor.id)))
    }
    // Read once before, so that the node has it in memory.
    const before = await replay()
    for (const text of [secret, edited]) expect(before).toContain(text)

    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    const list = await notificationsOf(editor)
    expect(JSON.stringify(list)).not.toContain(edited)
    expect(list.data.every(({ projectId }) => projectId === elsewhere.id)).toBe(true)
    expect(list.unseen).toBe(list.data.length)
    await until('the log to be rewritten', () => deleted(heard.frames).length === 1)
    expect(deleted(heard.frames)[0]).toMatchObject({ unseen: 0 })
    const after = await replay()
    for (const text of [secret, edited]) expect(after).not.toContain(text)
    expect(after).toContain('public')
    const { rows } = await app().db.query('SELECT 1 FROM "Notification" WHERE "userId" = $1 AND "projectId" = $2', [
      editor.id,
      project.id,
    ])
    expect(rows).toEqual([])

    // Added again, they begin anew.
    await addMember(owner, project.id, editor)
    await until('being added', async () => (await notificationsOf(editor)).data[0]?.projectId === project.id)
    expect(
      (await notificationsOf(editor)).data.filter(({ projectId }) => projectId === project.id).map(({ kind }) => kind),
    ).toEqual(['added'])
  })

  it('a deleted project takes all its notifications along, at once for those who look', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: mention(editor) })
    await nextNotification(editor, 'the mention', ({ kind }) => kind === 'mention')
    await owner.must('DELETE', `/api/projects/${project.id}`)
    const { data, unseen } = await notificationsOf(editor)
    expect([data, unseen]).toEqual([[], 0])
    await until('its rows to be gone', async () => {
      const { rows } = await app().db.query('SELECT 1 FROM "Notification" WHERE "projectId" = $1', [project.id])
      return rows.length === 0
    })
  })
})
