import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { addMember, createCut, createTeam } from '../support/people.ts'

/** A write that goes by a right seen before must answer as one that looks it up. */
describe('the scope cache', () => {
  const app = useApp()

  /** An editor who has written twice: the second time by what was seen the first time. */
  async function writer() {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const write = (headers?: Record<string, string>) =>
      editor.call('POST', `/api/cuts/${cut.id}/comments`, { body: 'a note' }, headers)
    expect([(await write()).status, (await write()).status]).toEqual([201, 201])
    return { project, owner, editor, cut, write }
  }

  it('A1 a cached scope ends with the membership, and begins again with it', async () => {
    const { project, owner, editor, write } = await writer()
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    expect(await write()).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await write()).toMatchObject({ status: 404 })
    await addMember(owner, project.id, editor)
    expect([(await write()).status, (await write()).status]).toEqual([201, 201])
  })

  it('A3 a cached scope has the role as it is now', async () => {
    const { project, owner, editor, write } = await writer()
    const place = `/api/projects/${project.id}/members/${editor.id}`
    await owner.must('PATCH', place, { role: 'viewer' })
    expect(await write()).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    await owner.must('PATCH', place, { role: 'commenter' })
    expect([(await write()).status, (await write()).status]).toEqual([201, 201])
  })

  it('A2 a cached scope ends with the session', async () => {
    const { editor, write } = await writer()
    await editor.must('POST', '/api/auth/logout')
    expect(await write()).toMatchObject({ status: 401, body: { code: 'session-revoked' } })
  })

  it('W3 an event from a cached scope has the writer’s current name', async () => {
    const { editor, write } = await writer()
    await editor.must('PATCH', '/api/me', { name: 'Another Name' })
    expect(await write()).toMatchObject({ status: 201, body: { author: { name: 'Another Name' } } })
  })

  it('a cached scope ends with the entity', async () => {
    const { owner, cut, write } = await writer()
    await owner.must('DELETE', `/api/cuts/${cut.id}`)
    expect(await write()).toMatchObject({ status: 404, body: { code: 'not-found' } })
  })

  it('W4 writes at once with one key and a cached scope: one event, one answer', async () => {
    const { project, owner, write } = await writer()
    const answers = await Promise.all(Array.from({ length: 8 }, () => write({ 'idempotency-key': 'one-key' })))
    const made = answers.filter(({ status }) => status === 201)
    for (const { status, body } of answers) if (status !== 201) expect(body).toMatchObject({ code: 'idempotency-running' })
    expect(made.length).toBeGreaterThan(0)
    for (const { body } of [...made, await write({ 'idempotency-key': 'one-key' })]) expect(body).toEqual(made[0]?.body)
    const { rows } = await app().db.query('SELECT count(*)::int AS n FROM "Event" WHERE "mutationId" = $1 AND room = $2', [
      'one-key',
      `project:${project.id}`,
    ])
    expect(rows).toEqual([{ n: 1 }])
    expect(await owner.call('GET', `/api/projects/${project.id}`)).toMatchObject({ status: 200 })
  })
})
