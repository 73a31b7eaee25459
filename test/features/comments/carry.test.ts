import { type Activity, type Comment, MANY_COMMENTS, type Problem, type Snapshot } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { consumed } from '../../support/consumers.ts'
import { cutIn, textOf, uploadFile, wavOf } from '../../support/files.ts'
import { readLog } from '../../support/log.ts'
import { mention, nextNotification, notificationsOf } from '../../support/notifications.ts'
import { createTeam, type Person } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const app = useApp()
type Carried = { data: Comment[] } & Problem

async function given() {
  const team = await createTeam(app(), 'editor', 'commenter', 'viewer')
  const { owner, editor, commenter, viewer } = team
  const cutId = await cutIn(owner, team.project)
  const take = async () => {
    const file = await uploadFile(app(), editor, cutId, wavOf(0.05))
    await consumed(app().db, 'media')
    return file
  }
  const [first, second] = [await take(), await take()]
  const say = (who: Person, body: object) =>
    who.must<Comment>('POST', `/api/cuts/${cutId}/comments`, { body: 'louder', fileId: first.id, ...body })
  const reply = (who: Person, to: Comment, body: string) => who.must<Comment>('POST', `/api/comments/${to.id}/replies`, { body })
  const carry = (who: Person, from: string, to: string) => who.call<Carried>('POST', `/api/files/${to}/comments/carry`, { from })
  const on = async (fileId: string) =>
    (await viewer.must<{ data: Comment[] }>('GET', `/api/cuts/${cutId}/comments?limit=200&fileId=${fileId}`)).data
  return { ...team, projectId: team.project.id, cutId, take, first, second, say, reply, carry, on, commenter }
}

/** What a copy has of the original. */
const kept = ({ projectId, cutId, taskId, body, atMs, endMs, author, createdAt, editedAt, resolvedAt, resolvedBy }: Comment) => ({
  ...{ projectId, cutId, taskId, body, atMs, endMs, author, createdAt, editedAt, resolvedAt, resolvedBy },
})

/** Many comments on a take, straight into the table: a thread of each, by one person. */
const fill = (person: Person, projectId: string, cutId: string, fileId: string, count: number, body: string) =>
  app().db.query(
    `INSERT INTO "Comment" (id, "projectId", "cutId", "fileId", "atMs", "authorId", body, "createdAt")
     SELECT gen_random_uuid(), $1, $2, $3, n, $4, $6 || n, now() FROM generate_series(1, $5::int) AS n`,
    [projectId, cutId, fileId, person.id, count, body],
  )

describe('open threads that are carried to a newer take', () => {
  it('D4 keep author, time, text, moment and state; answer, log and sockets have the same copies, by who carried them', async () => {
    const { owner, editor, commenter, projectId, first, second, say, reply, carry, on } = await given()
    const open = await say(commenter, { atMs: 10, endMs: 20 })
    const done = await say(commenter, { atMs: 30 })
    await owner.must('POST', `/api/comments/${done.id}/resolve`)
    const other = await say(owner, {})
    const edited = await editor.must<Comment>('POST', `/api/comments/${open.id}/replies`, { body: 'wrods' })
    await editor.must('PATCH', `/api/comments/${edited.id}`, { body: 'words' })
    await reply(commenter, other, 'yes')
    await say(commenter, { fileId: null })
    const before = await on(first.id)
    const listener = await connect(app(), commenter)
    await listener.join(projectId, { activity: true })
    const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${projectId}/events?limit=1`)
    const answer = await carry(editor, first.id, second.id)
    expect(answer.status).toBe(200)
    const copies = answer.body.data
    const originals = before.filter(({ id, parentId }) => id !== done.id && parentId !== done.id)
    const ordered = [...originals.filter((each) => each.parentId === null), ...originals.filter((each) => each.parentId !== null)]
    expect(copies.map(kept)).toEqual(ordered.map(kept))
    expect(copies.map(({ carriedFrom }) => carriedFrom)).toEqual(ordered.map(({ id }) => id))
    const copyOf = new Map(copies.map((copy) => [copy.carriedFrom, copy.id]))
    expect(copies.map(({ parentId }) => parentId)).toEqual(ordered.map(({ parentId }) => parentId && copyOf.get(parentId)))
    expect(copies.map(({ fileId }) => fileId)).toEqual([second.id, second.id, null, null])
    expect(copies.every(({ version, createdAt, updatedAt }) => version === 1 && updatedAt > createdAt)).toBe(true)
    expect(copies[2]?.editedAt).not.toBeNull()
    expect(new Set(copies.map(({ author }) => author.id)).size).toBe(3)
    // Read again, they are that; the originals are as they were.
    expect(await on(second.id)).toEqual(copies)
    expect(await on(first.id)).toEqual(before)
    const logged = await readLog(owner, projectId, head)
    expect(logged.map(({ name }) => name)).toEqual(['comment:created', 'comment:created', 'comment:reply', 'comment:reply'])
    expect(logged.map(({ payload }) => payload)).toEqual(copies)
    expect(new Set(logged.map(({ meta }) => meta.actor?.id))).toEqual(new Set([editor.id]))
    expect(Number(answer.headers.get('cutroom-seq'))).toBe(logged.at(-1)?.meta.seq)
    await until('all of them', () => listener.frames.filter(({ name }) => name === 'activity:new').length === 4)
    const events = listener.events(`project:${projectId}`)
    expect(events.map(({ payload }) => payload)).toEqual(copies)
    // The feed says who carried, not who wrote.
    const feed = listener.frames.flatMap(({ name, payload }) => (name === 'activity:new' ? [payload as unknown as Activity] : []))
    expect(feed.map(({ actor, target }) => [actor?.id, target.id])).toEqual(copies.map(({ id }) => [editor.id, id]))
  })

  it('N1 an edit of a copy notifies those whom it names anew, and not those who know the original', async () => {
    const { editor, commenter, owner, viewer, first, second, say, carry } = await given()
    const known = await say(commenter, { body: `${mention(viewer)} louder` })
    await nextNotification(viewer, 'the mention', ({ kind }) => kind === 'mention')
    const [copy] = (await carry(editor, first.id, second.id)).body.data
    await commenter.must('PATCH', `/api/comments/${copy?.id}`, { body: `${mention(viewer)} ${mention(owner)} softer` })
    const news = await nextNotification(owner, 'the mention', ({ kind }) => kind === 'mention')
    expect(news.target).toMatchObject({ type: 'comment', id: copy?.id })
    const { data } = await notificationsOf(viewer)
    expect(data.flatMap(({ kind, target }) => (kind === 'mention' ? [target.id] : []))).toEqual([known.id])
  })

  it('W4 are carried once: repeated, at once, and through a take between', async () => {
    const { owner, editor, commenter, projectId, take, first, second, say, reply, carry, on } = await given()
    const third = await take()
    const threads = [await say(commenter, { atMs: 1 }), await say(owner, { atMs: 2 })]
    for (const thread of threads) await reply(editor, thread, 'yes')
    const answers = await Promise.all(Array.from({ length: 6 }, () => carry(editor, first.id, second.id)))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200))
    expect(answers.map(({ body }) => body.data.length).sort()).toEqual([0, 0, 0, 0, 0, 4])
    expect(await on(second.id)).toHaveLength(4)
    const { length } = await readLog(owner, projectId)
    expect((await carry(owner, first.id, second.id)).body).toEqual({ data: [] })
    expect(await readLog(owner, projectId)).toHaveLength(length)
    // From the second to the third; those of the first are there then.
    const further = (await carry(editor, second.id, third.id)).body.data
    expect(further.map(({ carriedFrom }) => carriedFrom)).toEqual((await on(second.id)).map((copy) => copy.carriedFrom))
    expect((await carry(editor, first.id, third.id)).body.data).toEqual([])
    // What is new on the first goes with the next time.
    const late = await say(commenter, { atMs: 3 })
    expect((await carry(editor, first.id, third.id)).body.data).toEqual([expect.objectContaining({ carriedFrom: late.id })])
    // A copy that was resolved stays where it is, and its original can still be carried elsewhere.
    await editor.must('POST', `/api/comments/${further[0]?.id}/resolve`)
    expect((await carry(editor, second.id, third.id)).body.data).toEqual([])
  })

  it('A3 are carried by editors, between takes of one cut, from the older to the newer', async () => {
    const { owner, editor, commenter, viewer, project, cutId, first, second, say, carry, on } = await given()
    await say(commenter, { atMs: 1 })
    for (const who of [viewer, commenter])
      expect(await carry(who, first.id, second.id)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const another = await uploadFile(app(), owner, await cutIn(owner, project), wavOf(0.05))
    const text = await uploadFile(app(), owner, cutId, textOf(100))
    const elsewhere = await createTeam(app())
    const theirs = await uploadFile(app(), elsewhere.owner, await cutIn(elsewhere.owner, elsewhere.project), wavOf(0.05))
    expect(await carry(elsewhere.owner, first.id, second.id)).toMatchObject({ status: 404 })
    for (const [from, to] of [
      [second.id, first.id],
      [second.id, second.id],
      [another.id, second.id],
      [first.id, another.id],
      [text.id, second.id],
      [theirs.id, second.id],
      [editor.id, second.id],
    ] as const)
      expect(await carry(editor, from, to)).toMatchObject({
        status: 422,
        body: { code: 'validation', errors: [{ pointer: '/from', code: 'unknown' }] },
      })
    expect(await carry(editor, first.id, text.id)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await on(second.id)).toEqual([])
  })

  it('B1 are at most 1,000 comments and 2 MiB at a time: more are refused, and none is copied', async () => {
    const { owner, editor, projectId, cutId, take, first, second, carry, on } = await given()
    await fill(owner, projectId, cutId, first.id, MANY_COMMENTS, 'note ')
    const all = await carry(editor, first.id, second.id)
    expect(all.body.data).toHaveLength(MANY_COMMENTS)
    expect(new Set((await readLog(owner, projectId)).map(({ payload }) => payload.carriedFrom)).size).toBeGreaterThan(
      MANY_COMMENTS,
    )
    const third = await take()
    await fill(owner, projectId, cutId, first.id, 1, 'one more ')
    const refused = await carry(editor, first.id, third.id)
    expect(refused).toMatchObject({ status: 409, body: { code: 'too-many' } })
    expect(await on(third.id)).toEqual([])
    // Those that were carried do not count.
    expect((await carry(editor, first.id, second.id)).body.data).toHaveLength(1)
    const long = await take()
    await fill(owner, projectId, cutId, long.id, 250, '𝄞'.repeat(2_500))
    const last = await take()
    expect(await carry(editor, long.id, last.id)).toMatchObject({ status: 409, body: { code: 'too-many' } })
    await app().db.query(`UPDATE "Comment" SET "resolvedAt" = now(), "resolvedById" = $2 WHERE "fileId" = $1 AND "atMs" > 150`, [
      long.id,
      owner.id,
    ])
    expect((await carry(editor, long.id, last.id)).body.data).toHaveLength(150)
  })

  it('R4 are drawn with the names that people have, when one is renamed while they are carried', async () => {
    const { owner, editor, commenter, projectId, take, first, say, carry } = await given()
    await say(commenter, { atMs: 1 })
    await say(owner, { atMs: 2 })
    for (let round = 0; round < 8; round++) {
      const next = await take()
      const [answer] = await Promise.all([
        carry(editor, first.id, next.id),
        commenter.must('PATCH', '/api/me', { name: `Name ${round}` }),
      ])
      expect(answer.status).toBe(200)
    }
    // By the log alone: a row as it was last sent, with the names that came after it.
    const rows = new Map<string, Comment>()
    for (const { name, payload } of await readLog(owner, projectId)) {
      if (/^comment:(created|reply)$/.test(name)) rows.set(String(payload.id), payload as unknown as Comment)
      if (name === 'person:updated')
        for (const row of rows.values()) if (row.author.id === payload.id) row.author = payload as unknown as Comment['author']
    }
    const { comments } = await owner.must<Snapshot>('GET', `/api/projects/${projectId}/snapshot`)
    expect(comments.map(({ id }) => rows.get(id))).toEqual(comments)
    expect(rows.size).toBe(comments.length)
    expect(comments).toHaveLength(18)
  })
})
