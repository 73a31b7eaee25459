import type { ProjectEventName, RoomEvent, Snapshot } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { applyEvent, snapshotOf, stateOf } from '../../../packages/client/src/reduce.ts'
import { useApp } from '../../support/app.ts'
import { readLog } from '../../support/log.ts'
import { createCut, createTeam, type Person } from '../../support/people.ts'

const MIB = 1024 * 1024
const lists = ['members', 'tasks', 'vibes', 'cuts', 'lyrics', 'comments'] as const
const idOf = (row: { id?: string; userId?: string; cutId?: string | null }) => row.id ?? row.userId ?? row.cutId ?? ''

describe('snapshots', () => {
  const app = useApp()

  async function page(person: Person, projectId: string, query = '') {
    const answer = await fetch(`${app().url}/api/projects/${projectId}/snapshot${query}`, {
      headers: { authorization: `Bearer ${person.token}` },
    })
    const text = await answer.text()
    expect([answer.status, query]).toEqual([200, query])
    return { bytes: Buffer.byteLength(text), body: JSON.parse(text) as Snapshot }
  }

  /** All pages. @param between called after each page but the last */
  async function load(person: Person, projectId: string, query = '', between: (n: number) => Promise<unknown> = async () => {}) {
    const pages = [await page(person, projectId, query && `?${query}`)]
    for (let n = 0; ; n++) {
      const cursor = pages.at(-1)?.body.nextCursor
      if (!cursor) return pages
      await between(n)
      pages.push(await page(person, projectId, `?cursor=${cursor}${query && `&${query}`}`))
    }
  }

  /** What a client makes of the pages: a row that comes later is the newer one. */
  function assemble(pages: { body: Snapshot }[]): Snapshot {
    const [first] = pages
    if (!first) throw new Error('no page')
    const all = { ...first.body, project: pages.at(-1)?.body.project ?? first.body.project }
    for (const list of lists) Object.assign(all, { [list]: pages.flatMap(({ body }) => body[list] as unknown[]) })
    return all
  }

  async function large(cuts = 30) {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { vibe, cut } = await createCut(owner, project.id)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    await app().db.query(`
      INSERT INTO "Task" ("id", "projectId", "title", "description", "rank", "labels", "authorId")
        SELECT gen_random_uuid(), '${project.id}', 'x', repeat(chr(1), 20000), 'b' || lpad(n::text, 6, '0'), '{}', '${owner.id}' FROM generate_series(1, 30) n;
      INSERT INTO "Vibe" ("id", "projectId", "name", "notes", "rank", "authorId")
        SELECT gen_random_uuid(), '${project.id}', 'x', repeat('"', 20000), 'b' || lpad(n::text, 6, '0'), '${owner.id}' FROM generate_series(1, 30) n;
      WITH made AS (INSERT INTO "Cut" ("id", "projectId", "vibeId", "name", "rank", "authorId")
        SELECT gen_random_uuid(), '${project.id}', '${vibe.id}', 'x', 'b' || lpad(n::text, 6, '0'), '${owner.id}' FROM generate_series(1, ${cuts}) n RETURNING id)
      INSERT INTO "Lyrics" ("cutId", "projectId", "version", "lines") SELECT id, '${project.id}', 1,
        CASE WHEN row_number() OVER () <= 20 THEN jsonb_build_array(jsonb_build_object('atMs', null, 'text', repeat('la', 120000))) ELSE '[]' END FROM made;
      INSERT INTO "Comment" ("id", "projectId", "cutId", "body", "authorId")
        SELECT gen_random_uuid(), '${project.id}', '${cut.id}', repeat('€', 10000), '${owner.id}' FROM generate_series(1, 60) n`)
    await owner.must('POST', `/api/tasks/${task.id}/comments`, { body: 'on the task' })
    return { project, owner, editor, cut, task, counts: [2, 31, 31, cuts + 1, cuts + 1, 61] }
  }

  it('B1 R4 a large project comes in pages of at most 1 MiB, in one position, each row once', async () => {
    const { project, owner, counts } = await large(2_200)
    const pages = await load(owner, project.id)
    expect(pages.length).toBeGreaterThan(8)
    for (const { bytes, body } of pages) {
      expect(bytes).toBeLessThanOrEqual(MIB)
      expect(lists.some((list) => body[list].length > 0)).toBe(true)
      expect([body.seq, body.head, body.epoch]).toEqual([pages[0]?.body.head, body.seq, pages[0]?.body.epoch])
    }
    const all = assemble(pages)
    expect(lists.map((list) => all[list].length)).toEqual(counts)
    for (const list of lists) {
      const ids = all[list].map(idOf)
      expect(ids).toEqual([...new Set(ids)].sort())
    }
  })

  it('B1 a snapshot has all comments, none, or those of one cut or task, as asked', async () => {
    const { project, owner, cut, task, counts } = await large()
    const other = await createTeam(app())
    const elsewhere = await createCut(other.owner, other.project.id)
    await other.owner.must('POST', `/api/cuts/${elsewhere.cut.id}/comments`, { body: 'not yours' })
    const parts: [comments: string, count: number][] = [
      ['all', 61],
      ['none', 0],
      [cut.id, 60],
      [task.id, 1],
      [elsewhere.cut.id, 0],
      [crypto.randomUUID(), 0],
    ]
    for (const [comments, count] of parts) {
      const all = assemble(await load(owner, project.id, `comments=${comments}`))
      expect([comments, ...lists.map((list) => all[list].length)]).toEqual([comments, ...counts.slice(0, -1), count])
    }
  })

  it('B1 a cursor is good for its project and its choice of comments only', async () => {
    const { project, owner, editor } = await large()
    const other = await createTeam(app())
    const cursor = (await page(owner, project.id, '?comments=none')).body.nextCursor
    const path = (id: string, query: string) => `/api/projects/${id}/snapshot?cursor=${query}`
    const rest = await editor.must<Snapshot>('GET', path(project.id, `${cursor}`))
    expect(rest.comments).toEqual([])
    for (const [person, where] of [
      [owner, path(project.id, `${cursor}&comments=all`)],
      [other.owner, path(other.project.id, `${cursor}`)],
      [owner, path(project.id, 'x')],
      [owner, path(project.id, Buffer.from('{"part":1}').toString('base64url'))],
    ] as const)
      expect(await person.call('GET', where)).toMatchObject({ status: 422, body: { code: 'validation' } })
    expect(await other.owner.call('GET', path(project.id, `${cursor}`))).toMatchObject({ status: 404 })
  })

  it('B1 R4 rows that change between the pages: the pages, with the events after `seq` applied to older rows, equal a fresh snapshot', async () => {
    const { project, owner, editor, cut, task } = await large()
    const pages = await load(owner, project.id, '', async (n) => {
      if (n === 0) await owner.must('DELETE', `/api/tasks/${task.id}`)
      if (n === 1) await editor.must('PATCH', `/api/cuts/${cut.id}`, { name: `Take ${n}` })
      if (n === 2) await owner.must('PATCH', `/api/projects/${project.id}`, { name: `Album ${n}` })
      if (n < 20) await editor.must('POST', `/api/cuts/${cut.id}/comments`, { body: `between ${n}` })
    })
    const heads = pages.map(({ body }) => body.head)
    expect(heads).toEqual(heads.toSorted((a, b) => a - b))
    expect(new Set(pages.map(({ body }) => body.seq))).toEqual(new Set([heads[0]]))
    const state = stateOf(assemble(pages))
    for (const event of (await readLog(owner, project.id, heads[0] ?? 0)) as RoomEvent<ProjectEventName>[])
      applyEvent(state, event)
    const fresh = stateOf(assemble(await load(owner, project.id)))
    expect(snapshotOf(state)).toEqual(snapshotOf(fresh))
  })

  it('B1 when the log is cut or replaced between two pages the next one answers 410, and a new first page works', async () => {
    const { project, owner } = await large()
    const cursor = (await page(owner, project.id)).body.nextCursor ?? ''
    const place = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Record<string, unknown>
    const path = `/api/projects/${project.id}/snapshot`
    const foreign = Buffer.from(JSON.stringify({ ...place, epoch: 'another' })).toString('base64url')
    expect(await owner.call('GET', `${path}?cursor=${foreign}`)).toMatchObject({ status: 410, body: { code: 'gone' } })
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'Once more' })
    await app().db.query(`UPDATE "Room" SET floor = head WHERE id = $1`, [`project:${project.id}`])
    expect(await owner.call('GET', `${path}?cursor=${cursor}`)).toMatchObject({ status: 410, body: { code: 'gone' } })
    expect(await owner.call('GET', path)).toMatchObject({ status: 200 })
  })
})
