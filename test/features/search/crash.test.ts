import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../../src/db/client.ts'
import { searchBuildJob } from '../../../src/features/search/build.ts'
import { createIndexWriter } from '../../../src/features/search/index-writer.ts'
import { ownDatabase, startWith } from '../../support/consumers.ts'
import { createCut, createTeam, login } from '../../support/people.ts'
import { contents, differences, found, hitsOf, search, upToDate, writeAllKinds as write } from '../../support/search.ts'
import { until } from '../../support/until.ts'

describe('the index of a search', { timeout: 180_000 }, () => {
  it('E1 is the same when two leaders index at once, and when one begins again from its last position', async () => {
    const databaseUrl = await ownDatabase()
    const first = await startWith({ alwaysLead: true, timings: { saveMs: 3_600_000 } }, { databaseUrl })
    const second = await startWith({ alwaysLead: true }, { databaseUrl })
    const { owner, project } = await createTeam(first)
    await write(owner, project.id, 9)
    await upToDate(owner)
    await until('no difference', async () => (await differences(first.db)).length === 0)
    const before = await contents(first.db)
    // All events once more, from the first one on.
    await first.db.query(`DELETE FROM "Cursor" WHERE consumer = 'search'`)
    const third = await startWith({ alwaysLead: true }, { databaseUrl })
    await upToDate(owner)
    await until('no difference', async () => (await differences(first.db)).length === 0)
    expect(await contents(first.db)).toEqual(before)
    for (const { app } of [second, third]) await app.close()
  })

  it('N3 has near words also where another node has built it anew since this one led', async () => {
    const databaseUrl = await ownDatabase()
    const node = await startWith({ without: ['search'] }, { databaseUrl })
    const { owner, project } = await createTeam(node)
    const { cut } = await createCut(owner, project.id)
    await until('the first build', async () => (await search(owner, 'take')).behind.complete)
    const database = openDatabase(databaseUrl, { connections: 4, onError: () => {} })
    onTestFinished(() => database.close())
    const [first, other] = [createIndexWriter(database.query, 'simple'), createIndexWriter(database.query, 'simple')]
    const say = async () => {
      const { id } = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'vuvuzela' })
      await first.refresh([{ type: 'comment', id }])
      return id
    }
    await owner.must('DELETE', `/api/comments/${await say()}`)
    await database.query({ text: 'UPDATE "SearchBuild" SET step = 0, after = NULL, "builtAt" = NULL', values: [] })
    const work = { key: 'all', payload: {}, attempt: 1, signal: new AbortController().signal }
    await searchBuildJob(database.query, other, () => {}).run(work)
    await say()
    expect((await node.db.query(`SELECT 1 FROM "SearchWord" WHERE word = 'vuvuzela'`)).rowCount).toBe(1)
  })

  it('has nothing of a cut that was deleted, and of an edit before that, which are read together', async () => {
    const databaseUrl = await ownDatabase()
    const leader = await startWith({}, { databaseUrl })
    const { owner, project } = await createTeam(leader)
    const { cut } = await createCut(owner, project.id)
    const said = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'first' })
    await owner.must('POST', `/api/comments/${said.id}/replies`, { body: 'reply' })
    await upToDate(owner)
    await leader.app.close()
    const idle = await startWith({ without: ['search'] }, { databaseUrl })
    const writer = await login(idle, owner)
    await writer.must('PATCH', `/api/comments/${said.id}`, { body: 'second' })
    await writer.must('DELETE', `/api/cuts/${cut.id}`)
    await idle.app.close()
    const next = await startWith({}, { databaseUrl })
    await upToDate(await login(next, owner))
    expect(await differences(next.db)).toEqual([])
  })

  it('has what was there before it, built little by little, also when that is interrupted, and in another language', async () => {
    const databaseUrl = await ownDatabase()
    const writer = await startWith({}, { databaseUrl })
    const { owner, project } = await createTeam(writer)
    const { cut } = await createCut(owner, project.id)
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'The singers were running late' })
    await writer.db.query(
      `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body) SELECT gen_random_uuid(), $1, $2, $3, 'before ' || n FROM generate_series(1, 450) n`,
      [project.id, cut.id, owner.id],
    )
    await upToDate(owner)
    await writer.app.close()
    // As it was before this version: no index, no consumer; and then a build that ends in the middle.
    await writer.db.query(
      `DELETE FROM "Search"; DELETE FROM "SearchWord"; DELETE FROM "SearchBuild"; DELETE FROM "Consumer" WHERE name = 'search'`,
    )
    const slow = await startWith({ timings: { tickMs: 20 } }, { databaseUrl })
    await until('a part of it', async () => (await slow.db.query('SELECT 1 FROM "Search"')).rows.length > 0)
    await slow.app.close()
    const whole = await startWith({}, { databaseUrl })
    const ann = await login(whole, owner)
    await upToDate(ann)
    expect(await differences(whole.db)).toEqual([])
    expect(await found(ann, 'before 449')).toHaveLength(1)
    expect(await found(ann, 'run late')).toEqual([])
    await whole.app.close()

    const english = await startWith({}, { databaseUrl, env: { SEARCH_LANGUAGE: 'english' } })
    const reader = await login(english, owner)
    await upToDate(reader)
    const hits = hitsOf(await search(reader, 'run singer'))
    expect(hits.map(({ text, ranges }) => ranges.map(([from, to]) => text.slice(from, to)))).toEqual([['singers', 'running']])
    expect(await differences(english.db)).toEqual([])
  })
})
