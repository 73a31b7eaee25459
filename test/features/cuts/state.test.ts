import type { Activity, Cut, File, Problem } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { cutIn, textOf, uploadFile, wavOf } from '../../support/files.ts'
import { readLog } from '../../support/log.ts'
import { createCut, createProject, createTeam, type Person } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const app = useApp()

async function given() {
  const team = await createTeam(app(), 'editor', 'commenter', 'viewer')
  const cutId = await cutIn(team.owner, team.project)
  const { id: projectId } = team.project
  const take = () => uploadFile(app(), team.editor, cutId, wavOf(0.05))
  const put = (who: Person, body: object, headers?: Record<string, string>) =>
    who.call<Cut & Problem>('PUT', `/api/cuts/${cutId}/state`, body, headers)
  const read = () => team.owner.must<Cut>('GET', `/api/cuts/${cutId}`)
  const states = async () =>
    (await readLog(team.owner, projectId)).filter(({ name }) => /^cut:(drafted|submitted|approved)$/.test(name))
  return { ...team, projectId, cutId, take, put, read, states }
}

const DRAFT = { state: 'draft', approvedFileId: null, approvedTake: null, approvedAt: null, approvedBy: null }
const REVIEW = { ...DRAFT, state: 'review' }

describe('the state of a cut', () => {
  it('D4 goes from draft to review to approved and back, each an event whose payload is the answer and what sockets get', async () => {
    const { owner, editor, projectId, take, put, read, states } = await given()
    const listener = await connect(app(), owner)
    await listener.join(projectId)
    expect(await read()).toMatchObject(DRAFT)
    const { id: fileId } = await take()
    const answers = [
      await put(editor, { state: 'review' }),
      await put(editor, { state: 'approved', fileId }),
      await put(owner, { state: 'draft' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(answers.map(({ body }) => body)).toEqual([
      expect.objectContaining({ ...REVIEW, version: 2 }),
      expect.objectContaining({
        state: 'approved',
        approvedFileId: fileId,
        approvedTake: 1,
        approvedAt: expect.any(String),
        approvedBy: { id: editor.id, name: editor.name, avatarUrl: null },
        version: 3,
      }),
      expect.objectContaining({ ...DRAFT, version: 4 }),
    ])
    const logged = await states()
    expect(logged.map(({ name }) => name)).toEqual(['cut:submitted', 'cut:approved', 'cut:drafted'])
    expect(logged.map(({ payload }) => payload)).toEqual(answers.map(({ body }) => body))
    expect(logged.map(({ meta }) => meta.actor?.id)).toEqual([editor.id, editor.id, owner.id])
    expect(answers.map(({ headers }) => Number(headers.get('cutroom-seq')))).toEqual(logged.map(({ meta }) => meta.seq))
    await until('the last one', () => listener.frames.some(({ name }) => name === 'cut:drafted'))
    const frames = listener.frames.filter(({ name }) => logged.some((each) => each.name === name))
    expect(frames.map(({ payload }) => payload)).toEqual(answers.map(({ body }) => body))
    expect(await read()).toEqual(answers[2]?.body)
  })

  it('makes no event where it is that already, also when another person approves the approved take again', async () => {
    const { owner, editor, take, put, states } = await given()
    const { id: fileId } = await take()
    await put(editor, { state: 'draft' })
    expect(await states()).toEqual([])
    const first = await put(editor, { state: 'approved', fileId })
    const again = await put(owner, { state: 'approved', fileId })
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
    expect(await states()).toHaveLength(1)
  })

  it('W6 compares If-Match, and of many approvals with one ETag exactly one succeeds', async () => {
    const { owner, editor, take, put, read, states } = await given()
    const { id: fileId } = await take()
    expect(await put(editor, { state: 'review' }, { 'if-match': '"7"' })).toMatchObject({
      status: 412,
      body: { code: 'stale', current: DRAFT },
    })
    const ifMatch = { 'if-match': `"${(await read()).version}"` }
    const bodies = [{ state: 'review' }, { state: 'approved', fileId }]
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => put(n % 3 === 0 ? owner : editor, bodies[n % 2] ?? {}, ifMatch)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)])
    expect(await states()).toHaveLength(1)
  })

  it('A3 is changed by editors, and of no other project', async () => {
    const { owner, commenter, viewer, take, put, cutId, states } = await given()
    const { id: fileId } = await take()
    for (const who of [viewer, commenter])
      for (const body of [{ state: 'review' }, { state: 'approved', fileId }])
        expect(await put(who, body)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    const elsewhere = await createTeam(app(), 'editor')
    expect(await elsewhere.owner.call('PUT', `/api/cuts/${cutId}/state`, { state: 'review' })).toMatchObject({ status: 404 })
    // A take of another project, of another cut, and what is no recording, are alike.
    const theirs = await uploadFile(app(), elsewhere.editor, await cutIn(elsewhere.owner, elsewhere.project), wavOf(0.05))
    const { cut } = await createCut(owner, (await createProject(owner)).id)
    const another = await uploadFile(app(), owner, cut.id, wavOf(0.05))
    const text = await uploadFile(app(), owner, cutId, textOf(100))
    for (const file of [theirs, another, text])
      expect(await put(owner, { state: 'approved', fileId: file.id })).toMatchObject({
        status: 422,
        body: { code: 'validation', errors: [{ pointer: '/fileId', code: 'unknown' }] },
      })
    expect(await states()).toEqual([])
  })

  it('A3 is refused where the body does not fit', async () => {
    const { owner, take, put, states } = await given()
    const { id: fileId } = await take()
    for (const body of [
      {},
      { state: 'done' },
      { state: 'approved' },
      { state: 'approved', fileId: null },
      { state: 'approved', fileId: 'x' },
      { state: 'draft', fileId },
      { state: 'review', fileId },
      { state: 'review', more: 1 },
      { state: ['review'] },
    ])
      expect({ body, answer: (await put(owner, body)).status }).toEqual({ body, answer: 422 })
    expect(await states()).toEqual([])
  })
})

describe('an approval', () => {
  it('names the take that one heard: of an older one the answer is conflict, with the current take', async () => {
    const { editor, owner, take, put, read } = await given()
    const first = await take()
    const second = await take()
    const answer = await put(editor, { state: 'approved', fileId: first.id })
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
    const current = answer.body.current as File
    expect(current).toMatchObject({ id: second.id, take: 2, author: { id: editor.id } })
    expect(await read()).toMatchObject(DRAFT)
    // When the newer one is deleted, the older one is current.
    await owner.must('DELETE', `/api/files/${second.id}`)
    expect(await put(editor, { state: 'approved', fileId: first.id })).toMatchObject({ status: 200, body: { approvedTake: 1 } })
    expect(await put(editor, { state: 'approved', fileId: second.id })).toMatchObject({ status: 422 })
  })

  it('W1 falls back to review with a newer take, in the commit of the upload', async () => {
    const { editor, owner, projectId, take, put, read } = await given()
    const first = await take()
    await put(owner, { state: 'approved', fileId: first.id })
    const second = await take()
    expect(await read()).toMatchObject(REVIEW)
    const names = (await readLog(owner, projectId)).map(({ name }) => name)
    const at = names.lastIndexOf('file:uploaded')
    expect([names[at - 1], names[at + 1]]).toContain('cut:submitted')
    const { rows } = await app().db.query<{ n: number }>(
      `SELECT count(DISTINCT e.xmin::text)::int AS n FROM "Event" e WHERE room = $1 AND seq IN ($2, $3)`,
      [`project:${projectId}`, at + 1, names.lastIndexOf('cut:submitted') + 1],
    )
    expect(rows).toEqual([{ n: 1 }])
    expect(await put(editor, { state: 'approved', fileId: first.id })).toMatchObject({ status: 409 })
    expect(await put(editor, { state: 'approved', fileId: second.id })).toMatchObject({ status: 200 })
  })

  it('stays with a file that is no take, with a take of a draft, and when an older take is deleted', async () => {
    const { owner, take, put, read, cutId, states } = await given()
    const first = await take()
    const second = await take()
    await put(owner, { state: 'approved', fileId: second.id })
    await uploadFile(app(), owner, cutId, textOf(100))
    await owner.must('DELETE', `/api/files/${first.id}`)
    expect(await read()).toMatchObject({ state: 'approved', approvedFileId: second.id })
    await put(owner, { state: 'draft' })
    await take()
    expect(await read()).toMatchObject(DRAFT)
    expect((await states()).map(({ name }) => name)).toEqual(['cut:approved', 'cut:drafted'])
  })

  it('falls back to review when the approved take is deleted, and reads as what its person did', async () => {
    const { owner, editor, projectId, take, put, read } = await given()
    const listener = await connect(app(), editor)
    await listener.join(projectId, { activity: true })
    const first = await take()
    await put(owner, { state: 'approved', fileId: first.id })
    await editor.must('DELETE', `/api/files/${first.id}`)
    expect(await read()).toMatchObject(REVIEW)
    await until('the activities', () => listener.frames.filter(({ name }) => name === 'activity:new').length >= 4)
    const activities = listener.frames.flatMap(({ name, payload }) =>
      name === 'activity:new' ? [payload as unknown as Activity] : [],
    )
    expect(
      activities
        .filter(({ action }) => action.startsWith('cut:'))
        .map(({ action, actor, target }) => [action, actor?.id, target.type]),
    ).toEqual([
      ['cut:approved', owner.id, 'cut'],
      ['cut:submitted', editor.id, 'cut'],
    ])
  })

  it('W3 never stands on a take that is deleted or not the newest, whatever comes at once', async () => {
    const { owner, editor, projectId, take, put, read, cutId } = await given()
    for (let round = 0; round < 12; round++) {
      const { id: fileId } = await take()
      await Promise.all([
        put(owner, { state: 'approved', fileId }),
        round % 2 === 0 ? editor.call('DELETE', `/api/files/${fileId}`) : take(),
        put(editor, { state: 'approved', fileId }),
      ])
      const cut = await read()
      const { data } = await owner.must<{ data: File[] }>('GET', `/api/projects/${projectId}/files?cutId=${cutId}&limit=200`)
      const current = data.reduce<File | null>((a, b) => ((a?.take ?? 0) > (b.take ?? 0) ? a : b), null)
      if (cut.state === 'approved') expect(cut.approvedFileId).toBe(current?.id)
      else expect(cut).toMatchObject({ approvedFileId: null, approvedBy: null })
    }
  })

  it('R4 shows who approved by the name that they have', async () => {
    const { owner, editor, projectId, take, put, read } = await given()
    const { id: fileId } = await take()
    await put(editor, { state: 'approved', fileId })
    const version = (await editor.must<{ version: number }>('GET', '/api/me')).version
    await editor.must('PATCH', '/api/me', { name: 'Edda New' }, { 'if-match': `"${version}"` })
    expect((await read()).approvedBy?.name).toBe('Edda New')
    const last = (await readLog(owner, projectId)).findLast(({ name }) => name === 'person:updated')
    expect(last?.payload).toMatchObject({ id: editor.id, name: 'Edda New' })
    // One who left is still who approved.
    await owner.must('DELETE', `/api/projects/${projectId}/members/${editor.id}`)
    const { cuts } = await owner.must<{ cuts: Cut[] }>('GET', `/api/projects/${projectId}/snapshot`)
    expect(cuts[0]?.approvedBy).toEqual({ id: editor.id, name: 'Edda New', avatarUrl: null })
  })
})
