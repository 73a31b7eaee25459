import { type Activity, type ActivityPage, projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { upTo } from '../../support/log.ts'
import { addMember, createProject, type Person, register } from '../../support/people.ts'
import { createRandom, type Random } from '../../support/random.ts'

interface Row {
  id: string
  room: string
  seq: number
  name: string
  actorId: string | null
  at: Date
}

interface Query {
  action?: string
  actorId?: string
  unread?: 'true'
  dismissed?: 'true'
  projectId?: string
}

/** Lists read in pages must be what a plain reading of all rows gives, whatever the filters, the sizes of pages and the marks. */
describe('pages of activities', () => {
  const app = useApp()
  const shown = ['task:created', 'task:updated', 'task:deleted', 'comment:created', 'vibe:created', 'member:joined']

  /** Events of several people in several projects: bursts in one millisecond, some that are not shown, in one project a clock that was set back. */
  async function fill(random: Random, people: Person[], projectIds: string[], clockIsSetBack: boolean): Promise<void> {
    let at = Date.now() + 60_000
    const task = { id: crypto.randomUUID(), title: 'Mix', projectId: projectIds[0] }
    const rooms = projectIds.map(projectRoom)
    const { rows } = await app().db.query<{ id: string; head: number }>(
      'SELECT id, head::int AS head FROM "Room" WHERE id = ANY($1)',
      [rooms],
    )
    const heads = new Map(rows.map(({ id, head }) => [id, head]))
    const events = upTo(400).map(() => {
      at += random.chance(0.5) ? 0 : random.int(1, 90_000)
      if (clockIsSetBack && random.chance(0.02)) at -= 600_000
      const room = random.chance(0.5) ? (rooms[0] ?? '') : random.pick<string>(rooms)
      const seq = (heads.get(room) ?? 0) + 1
      heads.set(room, seq)
      const name = random.pick(['task:created', 'task:created', 'task:updated', 'task:reranked'])
      return { room, seq, name, actorId: random.pick(people).id, at: new Date(at) }
    })
    await app().db.query(
      `WITH counters AS (UPDATE "Room" r SET head = h.head FROM json_each_text($2) AS c(id, head), LATERAL (SELECT c.head::bigint) h(head) WHERE r.id = c.id)
       INSERT INTO "Event" (id, room, seq, name, payload, "actorId", "actorName", at)
       SELECT event_id(), room, seq, name, $3, "actorId", 'Somebody', at
       FROM json_to_recordset($1) AS e(room text, seq bigint, name text, "actorId" uuid, at timestamptz)`,
      [JSON.stringify(events), JSON.stringify(Object.fromEntries(heads)), task],
    )
  }

  async function place(seed: number, clockIsSetBack = false) {
    const random = createRandom(seed)
    const [me, bo, cleo] = [await register(app(), 'Me'), await register(app(), 'Bo'), await register(app(), 'Cleo')]
    const projectIds: string[] = []
    for (const n of upTo(random.int(2, 6))) projectIds.push((await createProject(bo, `Album ${n}`)).id)
    for (const projectId of projectIds) await addMember(bo, projectId, me)
    await createProject(bo, 'Not mine')
    await fill(random, [me, bo, cleo], projectIds, clockIsSetBack)
    const { rows } = await app().db.query<Row>(
      'SELECT id, room, seq::int AS seq, name, "actorId", at FROM "Event" WHERE room = ANY($1) ORDER BY at DESC, room DESC, seq DESC',
      [projectIds.map(projectRoom)],
    )
    const read = new Map<string, number>()
    for (const projectId of projectIds) {
      const seq = random.int(0, 60)
      read.set(projectId, (await me.must<{ seq: number }>('PUT', '/api/me/activity/read', { projectId, seq })).seq)
    }
    const dismissed = new Set<string>()
    const visible = rows.filter(({ name }) => shown.includes(name))
    for (const { id } of random.shuffle(visible).slice(0, 40)) {
      await me.must('PUT', `/api/me/activity/${id}/dismissed`)
      if (random.chance(0.3)) await me.must('DELETE', `/api/me/activity/${id}/dismissed`)
      else dismissed.add(id)
    }
    /** The ids that a list has, by brute force. */
    function expected(query: Query): string[] {
      const actions = query.action?.split(',') ?? shown
      return visible
        .filter(({ id, name, actorId, room, seq }) => {
          const projectId = room.replace('project:', '')
          if (!actions.includes(name) || dismissed.has(id) !== (query.dismissed === 'true')) return false
          if (query.actorId !== undefined && actorId !== query.actorId) return false
          if (query.projectId !== undefined && projectId !== query.projectId) return false
          return query.unread !== 'true' || (actorId !== me.id && seq > (read.get(projectId) ?? 0))
        })
        .map(({ id }) => id)
    }
    async function inPages(query: Query, limit: number): Promise<Activity[]> {
      const all: Activity[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const asked = new URLSearchParams({ ...query, limit: `${limit}`, ...(cursor && { cursor }) })
        const page: ActivityPage = await me.must<ActivityPage>('GET', `/api/me/activity?${asked}`)
        expect(page.data.length).toBeLessThanOrEqual(limit)
        for (const { projectId } of page.data) expect(page.read[projectId]).toBe(read.get(projectId))
        all.push(...page.data)
        cursor = page.nextCursor
      }
      return all
    }
    function randomQuery(): Query {
      return {
        ...(random.chance(0.3) && { action: random.pick(['task:created', 'task:updated,task:created', 'vibe:created']) }),
        ...(random.chance(0.3) && { actorId: random.pick([me.id, bo.id, cleo.id]) }),
        ...(random.chance(0.4) && { unread: 'true' as const }),
        ...(random.chance(0.3) && { dismissed: 'true' as const }),
        ...(random.chance(0.3) && { projectId: random.pick(projectIds) }),
      }
    }
    return { random, me, bo, projectIds, expected, inPages, randomQuery }
  }

  for (const seed of upTo(3))
    it(`B1 are the whole list in order, each activity once: by every filter, seed ${seed}`, async () => {
      const { random, expected, inPages, randomQuery } = await place(seed)
      const queries: Query[] = [{}, { unread: 'true' }, { dismissed: 'true' }, ...upTo(7).map(randomQuery)]
      for (const query of queries) {
        const ids = (await inPages(query, random.pick([7, 20, 50, 200]))).map(({ id }) => id)
        expect(ids, JSON.stringify(query)).toEqual(expected(query))
      }
    })

  it('B1 have each activity once where the clock was set back, those of a project in their order', async () => {
    const { expected, inPages, projectIds } = await place(11, true)
    for (const limit of [7, 50]) {
      for (const projectId of projectIds) {
        const seqs = (await inPages({ projectId }, limit)).map(({ seq }) => seq)
        expect(seqs).toEqual(seqs.toSorted((a, b) => b - a))
        expect(seqs).toHaveLength(expected({ projectId }).length)
      }
      const ids = (await inPages({}, limit)).map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
    }
  })

  it('B1 of 70 projects have the newest of all of them', async () => {
    const [me, bo] = [await register(app(), 'Me'), await register(app(), 'Bo')]
    const projectIds: string[] = []
    for (const n of upTo(70)) projectIds.push((await createProject(bo, `Album ${n}`)).id)
    for (const projectId of projectIds) await addMember(bo, projectId, me)
    const made: string[] = []
    for (const n of upTo(140)) {
      const projectId = projectIds[(n * 31) % 70] ?? ''
      made.push((await bo.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title: `${n}` })).id)
    }
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: ActivityPage = await me.must<ActivityPage>(
        'GET',
        `/api/me/activity?action=task:created&limit=40${cursor && `&cursor=${cursor}`}`,
      )
      seen.push(...page.data.map(({ target }) => target.id))
      cursor = page.nextCursor
    }
    // Tasks of one millisecond stand in the order of their projects.
    const { rows } = await app().db.query<{ id: string }>(
      `SELECT payload->>'id' AS id FROM "Event" WHERE name = 'task:created' AND room = ANY($1) ORDER BY at DESC, room DESC, seq DESC`,
      [projectIds.map(projectRoom)],
    )
    expect(seen).toEqual(rows.map(({ id }) => id))
    expect(seen.toSorted()).toEqual(made.toSorted())
  })
})
