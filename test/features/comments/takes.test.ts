import type { Comment, Cut, Problem } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { completeTake, cutIn, textOf, uploadFile, wavOf } from '../../support/files.ts'
import { readLog } from '../../support/log.ts'
import { createTeam, type Person } from '../../support/people.ts'

const app = useApp()

async function given() {
  const team = await createTeam(app(), 'editor', 'commenter', 'viewer')
  const cutId = await cutIn(team.owner, team.project)
  const take = (seconds = 0.05) => uploadFile(app(), team.editor, cutId, wavOf(seconds))
  const say = (who: Person, body: object) =>
    who.call<Comment & Problem>('POST', `/api/cuts/${cutId}/comments`, { body: 'louder', ...body })
  const list = async (query = '') =>
    (await team.viewer.must<{ data: Comment[] }>('GET', `/api/cuts/${cutId}/comments?limit=200${query}`)).data
  return { ...team, projectId: team.project.id, cutId, take, say, list }
}

describe('a comment on a take', () => {
  it('D4 is on the current take when it has a moment, on a named one, or on none; it stays there when newer ones come', async () => {
    const { owner, commenter, projectId, take, say, list } = await given()
    expect((await say(commenter, { atMs: 1 })).body.fileId).toBeNull()
    const [first, second] = [await take(), await take()]
    const made = [
      await say(commenter, { atMs: 10 }),
      await say(commenter, { atMs: 10, endMs: 20, fileId: first.id }),
      await say(commenter, { fileId: first.id }),
      await say(commenter, { atMs: 10, fileId: null }),
      await say(commenter, {}),
    ]
    expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201])
    expect(made.map(({ body }) => body.fileId)).toEqual([second.id, first.id, first.id, null, null])
    expect(made[1]?.body).toMatchObject({ atMs: 10, endMs: 20, carriedFrom: null })
    await take()
    await owner.must('DELETE', `/api/files/${first.id}`)
    expect((await list()).slice(1)).toEqual(made.map(({ body }) => body))
    const logged = (await readLog(owner, projectId)).filter(({ name }) => name === 'comment:created')
    expect(logged.slice(1).map(({ payload }) => payload)).toEqual(made.map(({ body }) => body))
  })

  it('A4 is on a recording of its own cut only', async () => {
    const { owner, commenter, project, say, cutId, list } = await given()
    const another = await uploadFile(app(), owner, await cutIn(owner, project), wavOf(0.05))
    const text = await uploadFile(app(), owner, cutId, textOf(100))
    const elsewhere = await createTeam(app())
    const theirs = await uploadFile(app(), elsewhere.owner, await cutIn(elsewhere.owner, elsewhere.project), wavOf(0.05))
    for (const { id: fileId } of [another, text, theirs])
      expect(await say(commenter, { atMs: 0, fileId })).toMatchObject({
        status: 422,
        body: { code: 'validation', errors: [{ pointer: '/fileId', code: 'unknown' }] },
      })
    expect(await list()).toEqual([])
  })

  it('is within the take, once its duration is known', async () => {
    const { editor, commenter, cutId, say } = await given()
    const { id: fileId } = await completeTake(app(), editor, cutId, 1, { durationMs: 2000 })
    for (const body of [{ atMs: 2000 }, { atMs: 1000, endMs: 2000 }, { atMs: 2000, fileId }, { atMs: 2001, fileId: null }])
      expect({ body, answer: (await say(commenter, body)).status }).toEqual({ body, answer: 201 })
    for (const [pointer, body] of [
      ['/atMs', { atMs: 2001 }],
      ['/endMs', { atMs: 0, endMs: 2001 }],
      ['/atMs', { atMs: 2147483647, fileId }],
    ] as const)
      expect(await say(commenter, body)).toMatchObject({ status: 422, body: { errors: [{ pointer, code: 'too_big' }] } })
  })

  it('is listed with its replies by the take, also page by page and together with other filters', async () => {
    const { owner, commenter, take, say, list, cutId, viewer } = await given()
    const [first, second] = [await take(), await take()]
    const made: Comment[] = []
    for (let n = 0; n < 12; n++) {
      const { body: thread } = await say(commenter, { atMs: n, fileId: n % 2 === 0 ? first.id : second.id })
      made.push(thread, await owner.must<Comment>('POST', `/api/comments/${thread.id}/replies`, { body: `${n}` }))
      if (n % 4 === 0) await owner.must('POST', `/api/comments/${thread.id}/resolve`)
    }
    await say(commenter, {})
    const ids = (comments: Comment[]) => comments.map(({ id }) => id)
    const threads = (keep: (n: number) => boolean) => ids(made.filter((_, at) => keep(Math.floor(at / 2))))
    expect(ids(await list(`&fileId=${first.id}`))).toEqual(threads((n) => n % 2 === 0))
    expect(ids(await list(`&fileId=${second.id}`))).toEqual(threads((n) => n % 2 === 1))
    expect(ids(await list(`&fileId=${first.id}&resolved=true`))).toEqual(threads((n) => n % 4 === 0))
    expect(ids(await list(`&fileId=${first.id}&resolved=false`))).toEqual(threads((n) => n % 4 === 2))
    expect(await list(`&fileId=${owner.id}`)).toEqual([])
    const pages: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path: string = `/api/cuts/${cutId}/comments?limit=5&fileId=${first.id}${cursor && `&cursor=${cursor}`}`
      const page: { data: Comment[]; nextCursor: string | null } = await viewer.must('GET', path)
      pages.push(...ids(page.data))
      cursor = page.nextCursor
    }
    expect(pages).toEqual(threads((n) => n % 2 === 0))
    expect(await viewer.call('GET', `/api/cuts/${cutId}/comments?fileId=x`)).toMatchObject({ status: 422 })
    expect((await viewer.must<Cut>('GET', `/api/cuts/${cutId}`)).id).toBe(cutId)
  })
})
