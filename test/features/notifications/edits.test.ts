import { type Notification, userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { consumed } from '../../support/consumers.ts'
import { mention, nextNotification, notificationsOf } from '../../support/notifications.ts'
import { createCut, createTeam, type Person } from '../../support/people.ts'
import { connect, type Listener } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('what an edit does to notifications', () => {
  const app = useApp()

  /** A comment that mentions three people, each with a notification of it. */
  async function scene(more = '') {
    const team = await createTeam(app(), 'editor', 'commenter', 'viewer')
    const { owner, editor, commenter, viewer } = team
    const { cut } = await createCut(owner, team.project.id)
    const all = [editor, commenter, viewer].map(mention).join(' ')
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: `${all} loud${more}` })
    const notified = (person: Person) => nextNotification(person, 'the mention', ({ kind }) => kind === 'mention')
    const notes = { editor: await notified(editor), commenter: await notified(commenter), viewer: await notified(viewer) }
    const edit = (body: string) => owner.must('PATCH', `/api/comments/${comment.id}`, { body })
    return { ...team, cut, comment, all, notes, edit }
  }
  const told = ({ frames }: Listener, name: string) => frames.filter((frame) => frame.name === name).map(({ payload }) => payload)
  const shown = async (person: Person, id: string): Promise<Notification | undefined> =>
    (await notificationsOf(person)).data.find((each) => each.id === id)

  it('N1 D4 each device of those who have the notification hears it as it is now: as seen as before, and with no new one', async () => {
    const { owner, editor, commenter, viewer, all, notes, edit } = await scene()
    await editor.must('PATCH', `/api/me/notifications/${notes.editor.id}`, { seen: true })
    await viewer.must('DELETE', `/api/me/notifications/${notes.viewer.id}`)
    const devices = await Promise.all([editor, editor, commenter, viewer, owner].map((person) => connect(app(), person)))
    const unseen = (await notificationsOf(editor)).unseen
    await edit(`${all} soft`)
    await consumed(app().db)
    const [ofEditor, ofCommenter] = [await shown(editor, notes.editor.id), await shown(commenter, notes.commenter.id)]
    const text = `${all.replaceAll(/[[\]]|\([^)]*\)/g, '')} soft`
    expect(ofEditor).toEqual({
      ...notes.editor,
      seenAt: expect.any(String),
      text,
      target: { ...notes.editor.target, name: text },
    })
    await until('the news', () => devices.slice(0, 3).every((each) => told(each, 'notification:updated').length > 0))
    expect(devices.map((each) => told(each, 'notification:updated'))).toEqual([[ofEditor], [ofEditor], [ofCommenter], [], []])
    expect(devices.flatMap((each) => told(each, 'notification:new'))).toEqual([])
    expect((await notificationsOf(editor)).unseen).toBe(unseen)
  })

  it('an edit that leaves their beginning as it is says nothing; who is named anew is notified, not updated', async () => {
    const { owner, editor, commenter, cut, all, edit } = await scene(` ${'la '.repeat(100)}`)
    const [mate, other] = [await connect(app(), editor), await connect(app(), owner)]
    await edit(`${all} loud ${'la '.repeat(100)}, and longer`)
    await consumed(app().db)
    await edit(`${mention(commenter)} ${mention(editor)}`)
    await until('the second edit', () => told(mate, 'notification:updated').length > 0)
    expect(told(mate, 'notification:updated')).toMatchObject([{ text: `@${commenter.name} @${editor.name}` }])
    const own = await editor.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'To you' })
    await editor.must('PATCH', `/api/comments/${own.id}`, { body: `${mention(owner)} to you` })
    await until('the mention', () => told(other, 'notification:new').length === 1)
    await consumed(app().db)
    expect(told(other, 'notification:updated')).toEqual([])
  })

  it('S1 who is removed while the edit is handled hears nothing of it, in no log either', async () => {
    const { owner, editor, commenter, project, notes, edit } = await scene()
    const [mate, other] = [await connect(app(), editor), await connect(app(), commenter)]
    const holder = await app().db.connect()
    try {
      await holder.query('BEGIN')
      await holder.query('SELECT FROM "Notification" WHERE id = $1 FOR UPDATE', [notes.editor.id])
      await edit('the-secret-hook')
      await until('the consumer to wait', async () => {
        const { rows } = await app().db.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%UPDATE "Notification"%'`,
        )
        return rows.length > 0
      })
      await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    } finally {
      await holder.query('COMMIT')
      holder.release()
    }
    await until('the edit', () => told(other, 'notification:updated').length === 1)
    await until('the end', () => told(mate, 'notification:deleted').length === 1)
    expect(told(mate, 'notification:updated')).toEqual([])
    const { rows } = await app().db.query('SELECT name FROM "Event" WHERE room = $1 AND payload::text LIKE $2', [
      userRoom(editor.id),
      '%the-secret-hook%',
    ])
    expect(rows).toEqual([])
  })
})
