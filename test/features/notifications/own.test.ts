import { MAX_MENTIONED, MAX_NOTIFICATIONS } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MAX_UNSEEN_FROM_ONE } from '../../../src/features/notifications/writes.ts'
import { startApp, useApp } from '../../support/app.ts'
import { kindsOf, mention, nextNotification, notificationsOf, settled } from '../../support/notifications.ts'
import { addMember, createCut, createTeam, login, type Person, register } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('the notifications of a person', () => {
  const app = useApp()

  it('are listed in pages, newest first, all or those that are not seen, and only to whose they are', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    for (const n of [1, 2, 3, 4]) await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${mention(editor)} ${n}` })
    await until('four mentions', async () => (await notificationsOf(editor)).data.length === 5)
    const whole = await notificationsOf(editor)
    expect(whole.data.map(({ id }) => id)).toEqual(
      whole.data
        .map(({ id }) => id)
        .toSorted()
        .reverse(),
    )
    const paged: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await notificationsOf(editor, `limit=2${cursor && `&cursor=${cursor}`}`)
      paged.push(...page.data.map(({ id }) => id))
      cursor = page.nextCursor
    }
    expect(paged).toEqual(whole.data.map(({ id }) => id))
    const [newest, second] = paged
    await editor.must('PATCH', `/api/me/notifications/${second}`, { seen: true })
    const unseen = await notificationsOf(editor, 'unseen=true&limit=200')
    expect(unseen.data.map(({ id }) => id)).toEqual(paged.filter((id) => id !== second))
    expect(unseen.unseen).toBe(4)

    const path = `/api/me/notifications/${newest}`
    for (const [method, body] of [['PATCH', { seen: true }], ['DELETE']] as const)
      expect(await owner.call(method, path, body), method).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await owner.call('POST', '/api/me/notifications/seen-all', { upTo: newest })).toMatchObject({ status: 200 })
    expect((await notificationsOf(editor)).unseen).toBe(4)
    expect((await owner.call('GET', `/api/me/notifications?cursor=${whole.nextCursor ?? 'x'}`)).status).toBe(422)
  })

  it('one that was deleted comes no second time, and is gone for good', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: mention(editor) })
    const { id } = await nextNotification(editor, 'the mention', ({ kind }) => kind === 'mention')
    await editor.must('DELETE', `/api/me/notifications/${id}`)
    expect((await editor.call('DELETE', `/api/me/notifications/${id}`)).status).toBe(404)
    expect((await editor.call('PATCH', `/api/me/notifications/${id}`, { seen: true })).status).toBe(404)
    await owner.must('PATCH', `/api/comments/${comment.id}`, { body: `${mention(editor)} again` })
    const witness = await register(app(), 'Will')
    await addMember(owner, project.id, witness)
    await settled(owner, project.id, witness)
    expect((await kindsOf(editor)).filter((kind) => kind === 'mention')).toEqual([])
    const { rows } = await app().db.query('SELECT text, "targetName" FROM "Notification" WHERE id = $1', [id])
    expect(rows).toEqual([{ text: null, targetName: null }])
  })

  it('N1 marks are told to the other devices, once for each notification', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    for (const n of [1, 2]) await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${mention(editor)} ${n}` })
    await until('three', async () => (await notificationsOf(editor)).unseen === 3)
    const phone = await login(app(), editor)
    const heard = await connect(app(), phone)
    const [newest, middle, oldest] = (await notificationsOf(editor)).data.map(({ id }) => id)
    const first = await editor.must<{ seenAt: string }>('PATCH', `/api/me/notifications/${middle}`, { seen: true })
    const again = await phone.must<{ seenAt: string }>('PATCH', `/api/me/notifications/${middle}`, { seen: true })
    expect(again).toEqual(first)
    expect(await editor.must('POST', '/api/me/notifications/seen-all', { upTo: middle })).toEqual({ unseen: 1 })
    expect(await editor.must('POST', '/api/me/notifications/seen-all', {})).toEqual({ unseen: 0 })
    expect(await phone.must('POST', '/api/me/notifications/seen-all', {})).toEqual({ unseen: 0 })
    await editor.must('DELETE', `/api/me/notifications/${newest}`)
    await until('the deletion', () => heard.frames.some(({ name }) => name === 'notification:deleted'))
    expect(heard.events().map(({ name, payload }) => [name, payload])).toEqual([
      ['notification:seen', { ids: [middle], seenAt: first.seenAt }],
      ['notification:seen', { ids: [oldest], seenAt: expect.any(String) }],
      ['notification:seen', { ids: [newest], seenAt: expect.any(String) }],
      ['notification:deleted', { ids: [newest], unseen: 0 }],
    ])
  })

  it('a comment that names more people than it may notifies as many, in its order', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const others = Array.from({ length: MAX_MENTIONED }, () => ({ id: crypto.randomUUID(), name: 'x' }))
    const late = [...others, editor].map(mention).join(' ')
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: late })
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: [...others.slice(1), editor].map(mention).join(' ') })
    await nextNotification(editor, 'the mention', ({ kind }) => kind === 'mention')
    expect((await kindsOf(editor)).filter((kind) => kind === 'mention')).toHaveLength(1)
  })

  it('a flood by one person ends while it is not seen, and leaves room for what others do; the newest are kept', async () => {
    const { owner, editor, commenter, project } = await createTeam(app(), 'editor', 'commenter')
    const { cut } = await createCut(owner, project.id)
    // Rows as comments make them.
    const fill = (actor: Person, count: number, seen: boolean) =>
      app().db.query(
        `INSERT INTO "Notification" (id, "userId", kind, cause, "projectId", "actorId", "targetType", "targetId", link, about, "seenAt")
         SELECT event_id(), $1::uuid, 'mention', 'comment:' || n || $2::text, $3::uuid, $2::uuid, 'comment', $2::uuid, '/', '{}', CASE WHEN $5 THEN now() END
         FROM generate_series(1, $4::int) n`,
        [editor.id, actor.id, project.id, count, seen],
      )
    await nextNotification(editor, 'being added', ({ kind }) => kind === 'added')
    await fill(commenter, MAX_UNSEEN_FROM_ONE, false)
    const write = (person: Person, body: string) => person.must('POST', `/api/cuts/${cut.id}/comments`, { body })
    await write(commenter, `${mention(editor)} once more`)
    await write(owner, `${mention(editor)} by another`)
    await nextNotification(editor, 'the mention of another', ({ kind, actor }) => kind === 'mention' && actor?.id === owner.id)
    expect((await notificationsOf(editor)).unseen).toBe(MAX_UNSEEN_FROM_ONE + 2)

    await fill(owner, MAX_NOTIFICATIONS, true)
    const heard = await connect(app(), editor)
    await write(owner, `${mention(editor)} at last`)
    await until('the oldest to be gone', () => heard.frames.some(({ name }) => name === 'notification:deleted'))
    const gone = heard.frames.filter(({ name }) => name === 'notification:deleted').map(({ payload }) => payload)
    expect(gone).toEqual([{ ids: expect.anything(), unseen: MAX_UNSEEN_FROM_ONE + 2 }])
    const { rows } = await app().db.query('SELECT count(*)::int AS n FROM "Notification" WHERE "userId" = $1', [editor.id])
    expect(rows).toEqual([{ n: MAX_NOTIFICATIONS }])
    expect((await notificationsOf(editor)).unseen).toBe(1)
  })

  it('E2 N1 an event that is handled again makes no second notification', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: mention(editor) })
    await nextNotification(editor, 'the mention', ({ kind }) => kind === 'mention')
    const before = await notificationsOf(editor)
    // Another node begins where the first one did.
    await app().db.query(`UPDATE "Cursor" SET seq = 0 WHERE consumer = 'notifications' AND room = $1`, [`project:${project.id}`])
    const second = await startApp({ databaseUrl: app().databaseUrl, seams: { jobs: { alwaysLead: true } } })
    onTestFinished(() => second.close())
    const head = async () => {
      const { rows } = await app().db.query(
        `SELECT 1 FROM "Cursor" c JOIN "Room" r ON r.id = c.room AND r.head = c.seq WHERE consumer = 'notifications' AND room = $1`,
        [`project:${project.id}`],
      )
      return rows.length === 1
    }
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'Renamed' })
    await until('all events to be handled again', head)
    const after = await notificationsOf(editor)
    expect(after.data.map(({ id }) => id)).toEqual(before.data.map(({ id }) => id))
  })
})
