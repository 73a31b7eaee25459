import { randomUUID } from 'node:crypto'
import { applyEvent, snapshotOf, stateOf } from '@cutroom/client'
import type { ProjectEventName, RoomEvent, Snapshot } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { type Logged, readLog, upTo } from '../../support/log.ts'
import { type Answer, createCut, createProject, createTeam, type Person, register } from '../../support/people.ts'
import { crowd } from '../../support/ranks.ts'

interface Item {
  id: string
  rank: string
  version: number
  status?: string
  vibeId?: string
}
type Page = { data: Item[]; nextCursor: string | null }

/** A list that people order: how to read it, add to it, and move within it (or into it). */
interface Ordered {
  name: string
  table: 'Task' | 'Vibe' | 'Cut'
  /** The list's items in its own order. */
  list(): Promise<Item[]>
  page(limit: number, cursor?: string): Promise<Page>
  create(): Promise<Item>
  move(id: string, after: string | null, headers?: Record<string, string>): Promise<Answer<Item>>
  /** An item of another list that could be moved into this one. */
  stranger(): Promise<Item>
}

describe('ranks', () => {
  const app = useApp()

  async function lists(): Promise<{ owner: Person; projectId: string; ordered: Ordered[] }> {
    const { project, owner } = await createTeam(app())
    const here = await createCut(owner, project.id)
    const there = await createCut(owner, project.id)
    await owner.must('DELETE', `/api/cuts/${here.cut.id}`)
    const other = await createTeam(app())
    const base = `/api/projects/${project.id}`
    const reading = (path: string) => ({
      page: (limit: number, cursor?: string) =>
        owner.must<Page>(
          'GET',
          `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`,
        ),
      list: async () => (await owner.must<Page>('GET', `${path}${path.includes('?') ? '&' : '?'}limit=200`)).data,
    })
    const ordered: Ordered[] = [
      {
        name: 'a column of tasks',
        table: 'Task',
        ...reading(`${base}/tasks?status=todo`),
        create: () => owner.must<Item>('POST', `${base}/tasks`, { title: 't' }),
        move: (id, after, headers) => owner.call<Item>('POST', `/api/tasks/${id}/move`, { status: 'todo', after }, headers),
        stranger: () => owner.must<Item>('POST', `${base}/tasks`, { title: 't', status: 'done' }),
      },
      {
        name: 'the cuts of a vibe',
        table: 'Cut',
        ...reading(`/api/vibes/${here.vibe.id}/cuts`),
        create: () => owner.must<Item>('POST', `/api/vibes/${here.vibe.id}/cuts`, { name: 'c' }),
        move: (id, after, headers) => owner.call<Item>('POST', `/api/cuts/${id}/move`, { vibeId: here.vibe.id, after }, headers),
        stranger: () => owner.must<Item>('POST', `/api/vibes/${there.vibe.id}/cuts`, { name: 'c' }),
      },
      {
        name: 'the vibes of a project',
        table: 'Vibe',
        ...reading(`${base}/vibes`),
        create: () => owner.must<Item>('POST', `${base}/vibes`, { name: 'v' }),
        move: (id, after, headers) => owner.call<Item>('POST', `/api/vibes/${id}/move`, { after }, headers),
        stranger: () => other.owner.must<Item>('POST', `/api/projects/${other.project.id}/vibes`, { name: 'v' }),
      },
    ]
    return { owner, projectId: project.id, ordered }
  }

  const ids = (items: { id: string }[]) => items.map((item) => item.id)
  const byRank = (items: Item[]) => items.toSorted((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))

  function expectOwnPlaces(items: Item[]): void {
    expect(new Set(items.map((item) => item.rank)).size).toBe(items.length)
    expect(ids(items)).toEqual(ids(byRank(items)))
  }

  it('creates at the end, moves after a sibling and to the first place, in the order of the list and of the ranks', async () => {
    for (const { name, list, create, move } of (await lists()).ordered) {
      const first = ids(await list())
      const made: string[] = []
      for (const _ of upTo(5)) made.push((await create()).id)
      expect([name, ids(await list())]).toEqual([name, [...first, ...made]])

      const [a, b, c, d, e] = made as [string, string, string, string, string]
      const steps: [id: string, after: string | null, expected: string[]][] = [
        [d, a, [...first, a, d, b, c, e]],
        [a, e, [...first, d, b, c, e, a]],
        [c, null, [c, ...first, d, b, e, a]],
        [c, null, [c, ...first, d, b, e, a]],
        [e, b, [c, ...first, d, b, e, a]],
      ]
      for (const [id, after, expected] of steps) {
        const moved = await move(id, after)
        expect([name, moved.status]).toEqual([name, 200])
        const items = await list()
        expect([name, ids(items)]).toEqual([name, expected])
        expectOwnPlaces(items)
        expect(items.find((item) => item.id === id)).toEqual(moved.body)
      }
    }
  })

  it('moves into another column and another vibe, and the event names both', async () => {
    const { owner, projectId, ordered } = await lists()
    for (const { name, list, create, move, stranger } of ordered.slice(0, 2)) {
      const [a, b] = [await create(), await create()]
      const guest = await stranger()
      const moved = await move(guest.id, a.id)
      expect(moved).toMatchObject({ status: 200, body: { id: guest.id, version: 2 } })
      expect([name, ids(await list())]).toEqual([name, [a.id, guest.id, b.id]])
      const from = guest.vibeId === undefined ? { from: 'done', to: 'todo' } : { fromVibeId: guest.vibeId, toVibeId: a.vibeId }
      const { rank, version } = moved.body
      expect((await readLog(owner, projectId)).at(-1)?.payload).toMatchObject({ ...from, rank, version })
    }
  })

  it('refuses to place an item after itself, after one of another list, and after an unknown one', async () => {
    for (const { name, list, create, move, stranger } of (await lists()).ordered) {
      const item = await create()
      await create()
      const before = await list()
      for (const after of [item.id, (await stranger()).id, randomUUID()])
        expect([name, await move(item.id, after)]).toMatchObject([
          name,
          { status: 422, body: { code: 'validation', errors: [{ pointer: '/after' }] } },
        ])
      expect([name, await list()]).toEqual([name, before])
    }
  })

  it('refuses a cut’s move into a vibe of another project, and a vibe that is not there', async () => {
    const { owner, projectId } = await lists()
    const { cut } = await createCut(owner, projectId)
    const own = await owner.must<{ id: string }>('POST', '/api/projects', { name: 'My other' })
    const other = await createCut(owner, own.id)
    for (const vibeId of [other.vibe.id, randomUUID()])
      expect(await owner.call('POST', `/api/cuts/${cut.id}/move`, { vibeId, after: null })).toMatchObject({
        status: 422,
        body: { code: 'validation', errors: [{ pointer: '/vibeId' }] },
      })
  })

  it('W3 30 moves and creates at once into one gap never give two items the same rank', async () => {
    for (const { name, list, create, move, stranger } of (await lists()).ordered) {
      const [before, after] = [await create(), await create()]
      const movers: Item[] = []
      const mayEnter = name !== 'the vibes of a project'
      for (const n of upTo(20)) movers.push(n % 2 && mayEnter ? await stranger() : await create())
      const answers = await Promise.all([
        ...movers.map((item) => move(item.id, before.id)),
        ...upTo(10).map(async () => ({ status: 201, body: await create() })),
      ])
      expect([name, answers.map((answer) => answer.status).filter((status) => status >= 300)]).toEqual([name, []])
      const items = await list()
      expectOwnPlaces(items)
      const order = ids(items)
      // Everything that was moved is in the gap, everything that was created behind it.
      const gap = order.slice(order.indexOf(before.id) + 1, order.indexOf(after.id))
      expect([name, gap.toSorted()]).toEqual([name, ids(movers).toSorted()])
      for (const { body } of answers.slice(20)) expect(order.indexOf(body.id)).toBeGreaterThan(order.indexOf(after.id))
      // No item has a rank without an event for it.
      for (const { body } of answers) expect(items).toContainEqual(body)
    }
  })

  it('items can be swapped behind one other again and again, and the list can still be read page by page', async () => {
    const [tasks] = (await lists()).ordered
    if (!tasks) throw new Error('no list')
    const [pinned, a, b] = [await tasks.create(), await tasks.create(), await tasks.create()]
    for (const n of upTo(60)) expect((await tasks.move(n % 2 ? b.id : a.id, pinned.id)).status).toBe(200)
    const items = await tasks.list()
    expect(ids(items)).toEqual([pinned.id, a.id, b.id])
    // About a bit and a half for each move into one gap: less than a character for four.
    expect(Math.max(...items.map((item) => item.rank.length))).toBeLessThan(45)
    const walked: Item[] = []
    let cursor: string | undefined
    do {
      const { data, nextCursor } = await tasks.page(1, cursor)
      walked.push(...data)
      cursor = nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(walked).toEqual(items)
  })

  const snapshotOfProject = (owner: Person, projectId: string) =>
    owner.must<Snapshot>('GET', `/api/projects/${projectId}/snapshot`)

  it('B1 before a rank would be longer than 200 characters its neighbours get new ones, with an event', async () => {
    const { owner, projectId, ordered } = await lists()
    for (const { name, table, list, create, move } of ordered) {
      for (const _ of upTo(6)) await create()
      await crowd(app(), table, ids(await list()))
      const before = await list()
      const start = await snapshotOfProject(owner, projectId)
      const [first, second, ...rest] = ids(before) as [string, string, ...string[]]
      const last = rest.at(-1) ?? ''
      const moved = await move(last, first)
      expect([name, moved.status]).toEqual([name, 200])
      const after = await list()
      expect([name, ids(after)]).toEqual([name, [first, last, second, ...rest.slice(0, -1)]])
      expectOwnPlaces(after)
      expect(Math.max(...after.map((item) => item.rank.length))).toBeLessThanOrEqual(200)

      const log = await readLog(owner, projectId, start.seq)
      const noun = table.toLowerCase()
      expect(log.map((event) => event.name)).toEqual([`${noun}:reranked`, `${noun}:moved`])
      const { items, updatedAt } = (log[0] as Logged).payload as { items: Record<string, unknown>[]; updatedAt: string }
      for (const item of items) {
        const row = after.find(({ id }) => id === item[`${noun}Id`])
        expect(row).toMatchObject({ rank: item.rank, version: item.version, updatedAt })
        expect(row?.version).toBe((before.find(({ id }) => id === row?.id)?.version ?? 0) + 1)
      }
      const state = stateOf(start)
      for (const event of log) applyEvent(state, event as unknown as RoomEvent<ProjectEventName>)
      expect(snapshotOf(state)).toEqual(snapshotOf(stateOf(await snapshotOfProject(owner, projectId))))
      // There is room again: the next move is one event.
      await move(second, first)
      expect((await readLog(owner, projectId, log.at(-1)?.meta.seq)).map((event) => event.name)).toEqual([`${noun}:moved`])
    }
  })

  it('B1 thousands of crowded items are rewritten as far as needed, at most 1,000 in one event', async () => {
    const { owner, project } = await createTeam(app())
    await app().db.query(
      `INSERT INTO "Task" (id, "projectId", title, rank, "authorId")
       SELECT gen_random_uuid(), $1, 'Task ' || n, 'a1' || repeat('V', 194) || lpad(n::text, 4, '0') || '1', $2 FROM generate_series(1, 2600) AS n`,
      [project.id, owner.id],
    )
    const inOrder = async () =>
      (await app().db.query<Item>(`SELECT id, rank FROM "Task" WHERE "projectId" = $1 ORDER BY rank`, [project.id])).rows
    const before = ids(await inOrder())
    const middle = before[1_300] ?? ''
    await owner.must('POST', `/api/tasks/${before.at(-1)}/move`, { status: 'todo', after: middle })
    const after = await inOrder()
    const expected = before.slice(0, -1)
    expected.splice(1_301, 0, before.at(-1) ?? '')
    expect(ids(after)).toEqual(expected)
    const log = (await readLog(owner, project.id)).filter((event) => event.name === 'task:reranked')
    const sizes = log.map((event) => (event.payload.items as unknown[]).length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000)
    expect(sizes.length).toBeGreaterThan(1)
    expect(after[1_301]?.rank.length).toBeLessThanOrEqual(200)
  })

  it('B1 paging by cursor misses nothing where ranks are rewritten between two pages', async () => {
    for (const { name, table, list, page, create, move } of (await lists()).ordered) {
      for (const _ of upTo(9)) await create()
      await crowd(app(), table, ids(await list()))
      const before = ids(await list())
      const [first, second] = before as [string, string]
      const walked: string[] = []
      let cursor: string | undefined
      for (let n = 0; ; n++) {
        const { data, nextCursor } = await page(2, cursor)
        walked.push(...ids(data))
        if (nextCursor === null) break
        cursor = nextCursor
        // The last one goes to a place that was read already; all others keep theirs and have new ranks.
        if (n === 1) expect((await move(before.at(-1) ?? '', first)).status).toBe(200)
      }
      expect([name, walked]).toEqual([name, before.slice(0, -1)])
      expect(ids(await list())).toEqual([first, before.at(-1), second, ...before.slice(2, -1)])
    }
  })

  it('B1 W3 moves and creates at once into a crowded gap all succeed', async () => {
    const { owner, projectId, ordered } = await lists()
    for (const { name, table, list, create, move } of ordered) {
      for (const _ of upTo(12)) await create()
      await crowd(app(), table, ids(await list()))
      const start = await snapshotOfProject(owner, projectId)
      const [first, second, ...rest] = ids(await list()) as [string, string, ...string[]]
      const answers = await Promise.all([
        ...rest.map((id) => move(id, first)),
        ...upTo(4).map(async () => ({ status: 201, body: await create() })),
      ])
      expect([name, answers.map(({ status }) => status).filter((status) => status >= 300)]).toEqual([name, []])
      const items = await list()
      expectOwnPlaces(items)
      const order = ids(items)
      expect([name, order.slice(1, order.indexOf(second)).toSorted()]).toEqual([name, rest.toSorted()])
      expect(Math.max(...items.map((item) => item.rank.length))).toBeLessThanOrEqual(200)
      const state = stateOf(start)
      for (const event of await readLog(owner, projectId, start.seq))
        applyEvent(state, event as unknown as RoomEvent<ProjectEventName>)
      expect(snapshotOf(state)).toEqual(snapshotOf(stateOf(await snapshotOfProject(owner, projectId))))
    }
  })

  it('W6 a move with an old If-Match is refused with the entity, and changes nothing; a rewrite makes a version old', async () => {
    for (const { table, list, create, move } of (await lists()).ordered) {
      for (const _ of upTo(3)) await create()
      await crowd(app(), table, ids(await list()))
      const [first, second, third] = (await list()).slice(-3) as [Item, Item, Item]
      expect((await move(third.id, first.id, { 'if-match': `"${third.version}"` })).status).toBe(200)
      const now = await list()
      const refused = await move(second.id, third.id, { 'if-match': `"${second.version}"` })
      expect(refused).toMatchObject({ status: 412, body: { code: 'stale', current: now.find(({ id }) => id === second.id) } })
      expect(await list()).toEqual(now)
    }
  })

  it('ranks stay short where items are added at the end or put first', async () => {
    for (const { create, move, list } of (await lists()).ordered) {
      for (const n of upTo(20)) {
        const item = await create()
        if (n % 2) await move(item.id, null)
      }
      expect(Math.max(...(await list()).map((item) => item.rank.length))).toBeLessThan(40)
    }
  })

  it('paging by cursor gives every item once, in order, while others are put in', async () => {
    for (const { name, list, page, create, move } of (await lists()).ordered) {
      for (const _ of upTo(7)) await create()
      for (const limit of [1, 2, 3]) {
        const there = await list()
        const [first] = there
        const walked: Item[] = []
        let cursor: string | undefined
        for (;;) {
          const { data, nextCursor } = await page(limit, cursor)
          expect(data.length).toBeLessThanOrEqual(limit)
          walked.push(...data)
          if (nextCursor === null) break
          cursor = nextCursor
          // One in front of the reader, at the end; one behind, at the first place: that one is not to be seen.
          if (walked.length <= 3) {
            await create()
            await move((await create()).id, null)
          }
        }
        expect([name, new Set(ids(walked)).size]).toEqual([name, walked.length])
        expectOwnPlaces(walked)
        for (const item of there) expect(walked).toContainEqual(item)
        const now = ids(await list())
        expect([name, ids(walked)]).toEqual([name, now.slice(now.indexOf(first?.id ?? ''))])
      }
    }
  })

  it('a list accepts every cursor it gave, at any limit, and no cursor of another list, filter or person', async () => {
    const { owner, projectId, ordered } = await lists()
    const { cut } = await createCut(owner, projectId)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title: 't' })
    const mate = await register(app(), 'Mate')
    await owner.must('POST', `/api/projects/${projectId}/members`, { userId: mate.id, role: 'viewer' })
    await createProject(owner)
    for (const _ of upTo(2)) {
      for (const { create } of ordered) await create()
      await createProject(mate)
      for (const on of [`cuts/${cut.id}`, `tasks/${task.id}`]) {
        const made = await owner.must<{ id: string }>('POST', `/api/${on}/comments`, { body: 'c' })
        await owner.must('POST', `/api/comments/${made.id}/resolve`)
        await owner.must('POST', `/api/${on}/comments`, { body: 'open' })
      }
    }
    const comments = (on: string) => ['', 'resolved=true', 'resolved=false'].map((filter) => `/api/${on}/comments?${filter}`)
    const first = await owner.must<{ vibeId: string }>('GET', `/api/cuts/${cut.id}`)
    const other = (await ordered[1]?.list())?.[0]?.vibeId ?? ''
    for (const vibeId of [first.vibeId, other])
      for (const _ of upTo(2)) await owner.must('POST', `/api/vibes/${vibeId}/cuts`, { name: 'c' })
    const read: [by: Person, path: string][] = [
      ...[
        `/api/projects?`,
        `/api/projects/${projectId}/members?`,
        `/api/projects/${projectId}/tasks?`,
        `/api/projects/${projectId}/tasks?status=todo`,
        `/api/projects/${projectId}/vibes?`,
        `/api/vibes/${first.vibeId}/cuts?`,
        `/api/vibes/${other}/cuts?`,
        ...comments(`cuts/${cut.id}`),
        ...comments(`tasks/${task.id}`),
      ].map((path): [Person, string] => [owner, path]),
      [mate, '/api/projects?'],
    ]
    const cursors: string[] = []
    for (const [by, path] of read) {
      const { nextCursor } = await by.must<Page>('GET', `${path}&limit=1`)
      expect(nextCursor, path).not.toBeNull()
      cursors.push(nextCursor ?? '')
    }
    for (const [n, [by, path]] of read.entries())
      for (const [m, cursor] of cursors.entries()) {
        const answer = await by.call('GET', `${path}&limit=2&cursor=${cursor}`)
        expect([path, read[m]?.[1], answer.status]).toEqual([path, read[m]?.[1], n === m ? 200 : 422])
      }
  })

  it('refuses a cursor that is not its own', async () => {
    const { ordered } = await lists()
    for (const cursor of ['x', Buffer.from('["a"]').toString('base64url'), Buffer.from('{}').toString('base64url')])
      for (const { page } of ordered) await expect(page(1, cursor)).rejects.toThrow('422')
  })
})
