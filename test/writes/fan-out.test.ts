import { describe, expect, it } from 'vitest'
import { fold, snapshotOf, stateOf } from '../../src/client/index.ts'
import type { ProjectEventName, RoomEvent, Snapshot } from '../../src/contract/index.ts'
import { useApp } from '../setup/app.ts'
import { createTeam } from '../setup/people.ts'
import { readLog } from './log.ts'

describe('writes that reach many rows or rooms', () => {
  const app = useApp()

  it('B4 the removal of a member with thousands of assigned tasks is one event, and the reducer unassigns the tasks', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    await app().db.query(
      `INSERT INTO "Task" (id, "projectId", title, rank, "assigneeId", "authorId", "updatedAt")
       SELECT gen_random_uuid(), $1, 'Task ' || n, 'a' || lpad(n::text, 6, '0'), CASE WHEN n % 10 > 0 THEN $2::uuid ELSE $3 END, $4, '2026-01-01'
       FROM generate_series(1, 3000) AS n`,
      [project.id, editor.id, viewer.id, owner.id],
    )
    const before = await snapshot()
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    const log = await readLog(owner, project.id, before[0].seq)
    expect(log).toMatchObject([{ name: 'member:left', payload: { userId: editor.id, removedBy: owner.id } }])
    const { rows } = await app().db.query<{ assigneeId: string | null; version: number; updatedAt: Date; n: number }>(
      `SELECT "assigneeId", version, "updatedAt", count(*)::int AS n FROM "Task" WHERE "projectId" = $1 GROUP BY 1, 2, 3 ORDER BY n`,
      [project.id],
    )
    expect(rows).toEqual([
      { assigneeId: viewer.id, version: 1, updatedAt: new Date('2026-01-01'), n: 300 },
      { assigneeId: null, version: 2, updatedAt: new Date(String(log[0]?.payload.updatedAt)), n: 2_700 },
    ])
    const state = stateOf(before)
    for (const event of log) fold(state, event as unknown as RoomEvent<ProjectEventName>)
    expect(snapshotOf(state)).toEqual(snapshotOf(stateOf(await snapshot())))

    async function snapshot(): Promise<[Snapshot, ...Snapshot[]]> {
      const path = `/api/projects/${project.id}/snapshot`
      const pages: [Snapshot, ...Snapshot[]] = [await owner.must<Snapshot>('GET', path)]
      for (let cursor = pages[0].nextCursor; cursor !== null; cursor = pages.at(-1)?.nextCursor ?? null)
        pages.push(await owner.must<Snapshot>('GET', `${path}?cursor=${cursor}`))
      return pages
    }
  })
})
