import type { Comment, Cut, File, ProjectEventName, RoomEvent, Snapshot } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { applyEvent, snapshotOf, stateOf } from '../../../packages/client/src/reduce.ts'
import { useApp } from '../../support/app.ts'
import { completeTake, cutIn, processed, textOf, uploadFile, wavOf } from '../../support/files.ts'
import { readLog } from '../../support/log.ts'
import { createTeam, type Person } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const app = useApp()

async function given() {
  const team = await createTeam(app(), 'editor', 'commenter')
  return { ...team, cutId: await cutIn(team.owner, team.project) }
}
const snapshotBy = (person: Person, projectId: string) => person.must<Snapshot>('GET', `/api/projects/${projectId}/snapshot`)
/** As if it had been approved. */
const approve = (cutId: string, { id, take }: File, by: Person) =>
  app().db.query(
    `UPDATE "Cut" SET state = 'approved', "approvedFileId" = $2, "approvedTake" = $3, "approvedAt" = now(), "approvedById" = $4 WHERE id = $1`,
    [cutId, id, take, by.id],
  )

describe('the state of a cut with files', () => {
  it('R4 D4 events folded into a snapshot equal a fresh one, also those that come by themselves', async () => {
    const { owner, editor, project, cutId } = await given()
    const listener = await connect(app(), owner)
    await listener.join(project.id, { activity: false })
    const before = await snapshotBy(owner, project.id)
    const first = await processed(owner, (await uploadFile(app(), editor, cutId, wavOf(0.1))).id)
    const broken = wavOf(0.05)
    broken.writeUInt16LE(65_535, 22)
    const failed = await processed(owner, (await uploadFile(app(), editor, cutId, broken)).id)
    expect(failed.status).toBe('failed')
    await editor.must('PATCH', '/api/me', { name: 'Renamed' })
    await approve(cutId, failed, editor)
    await processed(owner, (await uploadFile(app(), owner, cutId, wavOf(0.1))).id)
    await owner.must('DELETE', `/api/files/${first.id}`)

    const after = await snapshotBy(owner, project.id)
    const log = (await readLog(owner, project.id)) as unknown as RoomEvent<ProjectEventName>[]
    expect(log.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['file:uploaded', 'file:processed', 'file:failed', 'file:deleted', 'cut:submitted']),
    )
    const state = stateOf(before)
    for (const event of log) if (event.meta.seq > before.seq) applyEvent(state, event)
    expect(snapshotOf(state)).toEqual(snapshotOf(stateOf(after)))
    expect(after.files).toHaveLength(2)
    const room = `project:${project.id}` as const
    await until('all events', () => listener.events(room).length === log.filter(({ meta }) => meta.seq > before.seq).length)
    expect(listener.events(room).map(({ payload }) => payload)).toEqual(
      log.filter(({ meta }) => meta.seq > before.seq).map(({ payload }) => payload),
    )
  })

  it('an approval ends when a newer take comes, not with other files, and when the approved take is deleted', async () => {
    const { owner, editor, cutId } = await given()
    const cut = () => owner.must<Cut>('GET', `/api/cuts/${cutId}`)
    const first = await uploadFile(app(), editor, cutId, wavOf(0.05))
    await approve(cutId, first, owner)
    await uploadFile(app(), editor, cutId, textOf(20))
    expect(await cut()).toMatchObject({ state: 'approved', approvedTake: 1, approvedBy: { id: owner.id } })
    const second = await uploadFile(app(), editor, cutId, wavOf(0.05))
    const back = { state: 'review', approvedFileId: null, approvedTake: null, approvedAt: null, approvedBy: null }
    expect(await cut()).toMatchObject({ ...back, version: 2 })
    await approve(cutId, second, owner)
    await owner.must('DELETE', `/api/files/${first.id}`)
    expect((await cut()).state).toBe('approved')
    await owner.must('DELETE', `/api/files/${second.id}`)
    expect(await cut()).toMatchObject(back)
  })

  it('rows and objects go with their cut and their project', async () => {
    const { owner, project, cutId } = await given()
    const other = await cutIn(owner, project)
    const files = [await uploadFile(app(), owner, cutId, textOf(20)), await uploadFile(app(), owner, other, textOf(20))]
    const keys = (await app().db.query('SELECT "objectKey" FROM "File" WHERE id = ANY ($1)', [files.map(({ id }) => id)])).rows
    await owner.must('DELETE', `/api/cuts/${cutId}`)
    await owner.must('DELETE', `/api/projects/${project.id}`)
    const claimed = 'SELECT 1 FROM "StoredObject" WHERE key = ANY ($1) AND "fileId" IS NOT NULL'
    await until('no file has them', async () => {
      const { rows } = await app().db.query(claimed, [keys.map((row: { objectKey: string }) => row.objectKey)])
      return rows.length === 0
    })
  })
})

describe('comments on a take', () => {
  it('a moment is one of the current take, unless another is named or none', async () => {
    const { commenter, editor, cutId } = await given()
    const say = (body: object) => commenter.must<Comment>('POST', `/api/cuts/${cutId}/comments`, { body: 'here', ...body })
    expect(await say({ atMs: 10 })).toMatchObject({ fileId: null, carriedFrom: null })
    const first = await uploadFile(app(), editor, cutId, wavOf(0.05))
    const second = await uploadFile(app(), editor, cutId, wavOf(0.05))
    expect((await say({ atMs: 10 })).fileId).toBe(second.id)
    expect((await say({ atMs: 10, fileId: first.id })).fileId).toBe(first.id)
    expect((await say({ atMs: 10, fileId: null })).fileId).toBeNull()
    const plain = await say({})
    expect(plain.fileId).toBeNull()
    const onTake = await say({ atMs: 10, endMs: 20 })
    const reply = await commenter.must<Comment>('POST', `/api/comments/${onTake.id}/replies`, { body: 'yes' })
    expect(reply.fileId).toBeNull()
    // What was said about a take stays when it is deleted.
    await editor.must('DELETE', `/api/files/${second.id}`)
    expect((await commenter.must<Comment>('GET', `/api/comments/${onTake.id}`)).fileId).toBe(second.id)
    expect((await say({ atMs: 10 })).fileId).toBe(first.id)
  })

  it('A3 a moment beyond the end of a recording, and a file that is none of this cut, are refused', async () => {
    const { commenter, editor, cutId } = await given()
    const take = await completeTake(app(), editor, cutId, 1)
    const text = await uploadFile(app(), editor, cutId, textOf(20))
    const refused = async (body: object) => {
      const { status, body: problem } = await commenter.call<{ errors: { pointer: string }[] }>(
        'POST',
        `/api/cuts/${cutId}/comments`,
        {
          body: 'here',
          ...body,
        },
      )
      return [status, problem.errors?.[0]?.pointer]
    }
    expect(await refused({ atMs: 1001 })).toEqual([422, '/atMs'])
    expect(await refused({ atMs: 500, endMs: 1001, fileId: take.id })).toEqual([422, '/endMs'])
    expect(await refused({ atMs: 500, fileId: text.id })).toEqual([422, '/fileId'])
    expect((await refused({ atMs: 1000 }))[0]).toBe(201)
  })
})
