import { describe, expect, it } from 'vitest'
import { fold, snapshotOf, stateOf } from '../../src/client/index.ts'
import {
  type Payload,
  type Person,
  type ProjectEventName,
  projectEvents,
  type RoomEvent,
  Snapshot,
} from '../../src/contract/index.ts'

const id = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const t0 = '2026-01-01T00:00:00.000Z'
const t1 = '2026-01-02T00:00:00.000Z'
const stamps = { version: 1, createdAt: t0, updatedAt: t0 }
const ann = { id: id(1), name: 'Ann', avatarUrl: null }
const bo = { id: id(2), name: 'Bo', avatarUrl: null }
const projectId = id(10)

const project = { id: projectId, name: 'Demo', description: null, author: ann, ...stamps }
const member = (user: Person, role: 'owner' | 'editor') => ({ projectId, userId: user.id, role, user, ...stamps })
const task = (n: number) => ({
  id: id(n),
  projectId,
  title: `Task ${n}`,
  description: null,
  status: 'todo' as const,
  rank: 'a0',
  assigneeId: bo.id,
  assignee: bo,
  dueAt: null,
  labels: [],
  author: ann,
  ...stamps,
})
const vibe = (n: number) => ({
  id: id(n),
  projectId,
  name: `Vibe ${n}`,
  theme: null,
  notes: null,
  rank: 'a0',
  author: ann,
  ...stamps,
})
const cut = (n: number, vibeId: string) => ({
  id: id(n),
  projectId,
  vibeId,
  name: `Cut ${n}`,
  bpm: null,
  timeSignature: null,
  rank: 'a0',
  author: bo,
  ...stamps,
})
const lyrics = (cutId: string) => ({ cutId, lyrics: [{ atMs: 0, text: 'la' }], version: 1, updatedAt: t0 })
const comment = (n: number, on: { cutId?: string; taskId?: string; parentId?: string }) => ({
  id: id(n),
  projectId,
  cutId: on.cutId ?? null,
  taskId: on.taskId ?? null,
  parentId: on.parentId ?? null,
  body: 'hm',
  atMs: null,
  endMs: null,
  author: bo,
  resolvedAt: null,
  resolvedBy: null,
  editedAt: null,
  ...stamps,
})

/** Two of each: what an event is not about must stay. */
const base = Snapshot.parse({
  epoch: 'e',
  seq: 7,
  head: 7,
  nextCursor: null,
  project,
  members: [member(ann, 'owner'), member(bo, 'editor')],
  tasks: [task(20), task(21)],
  vibes: [vibe(30), vibe(31)],
  cuts: [cut(40, id(30)), cut(41, id(31))],
  lyrics: [lyrics(id(40)), lyrics(id(41))],
  comments: [
    comment(50, { cutId: id(40) }),
    comment(51, { cutId: id(40), parentId: id(50) }),
    comment(52, { taskId: id(20) }),
    { ...comment(53, { cutId: id(41) }), resolvedAt: t0, resolvedBy: bo },
  ],
})

type Content = ReturnType<typeof snapshotOf>
const replaced = <T extends { id: string }>(items: T[], item: T): T[] => items.map((old) => (old.id === item.id ? item : old))
const without = <T extends { id: string }>(items: T[], ...ids: string[]): T[] => items.filter((item) => !ids.includes(item.id))
const bob = { ...bo, name: 'Bob', avatarUrl: 'https://example.org/bob.png' }
const moved = { rank: 'a5', version: 2, updatedAt: t1 }

/** For every event: a payload, and what differs from `base` afterwards. */
const cases: { [N in ProjectEventName]: { payload: Payload<N>; after: Partial<Content> } } = {
  'project:updated': { payload: { ...project, name: 'New' }, after: { project: { ...project, name: 'New' } } },
  'project:deleted': {
    payload: { projectId, taskIds: [id(20), id(21)], vibeIds: [id(30), id(31)], cutIds: [id(40), id(41)] },
    after: { members: [], tasks: [], vibes: [], cuts: [], lyrics: [], comments: [] },
  },
  'member:joined': {
    payload: member({ ...ann, id: id(3) }, 'editor'),
    after: { members: [...base.members, member({ ...ann, id: id(3) }, 'editor')] },
  },
  'member:updated': {
    payload: { ...member(bo, 'owner'), version: 2 },
    after: { members: [member(ann, 'owner'), { ...member(bo, 'owner'), version: 2 }] },
  },
  'member:left': { payload: { projectId, userId: bo.id }, after: { members: [member(ann, 'owner')] } },
  'person:updated': {
    payload: bob,
    after: {
      members: [member(ann, 'owner'), member(bob, 'editor')],
      tasks: base.tasks.map((item) => ({ ...item, assignee: bob })),
      cuts: base.cuts.map((item) => ({ ...item, author: bob })),
      comments: base.comments.map((item) => ({ ...item, author: bob, resolvedBy: item.resolvedBy && bob })),
    },
  },
  'task:created': { payload: task(22), after: { tasks: [...base.tasks, task(22)] } },
  'task:updated': {
    payload: { ...task(20), assigneeId: null, assignee: null },
    after: { tasks: replaced(base.tasks, { ...task(20), assigneeId: null, assignee: null }) },
  },
  'task:moved': {
    payload: { taskId: id(20), from: 'todo', to: 'done', ...moved },
    after: { tasks: replaced(base.tasks, { ...task(20), status: 'done', ...moved }) },
  },
  'task:deleted': {
    payload: { taskId: id(20) },
    after: { tasks: without(base.tasks, id(20)), comments: without(base.comments, id(52)) },
  },
  'vibe:created': { payload: vibe(32), after: { vibes: [...base.vibes, vibe(32)] } },
  'vibe:updated': {
    payload: { ...vibe(30), name: 'Low', version: 2 },
    after: { vibes: replaced(base.vibes, { ...vibe(30), name: 'Low', version: 2 }) },
  },
  'vibe:moved': { payload: { vibeId: id(30), ...moved }, after: { vibes: replaced(base.vibes, { ...vibe(30), ...moved }) } },
  'vibe:deleted': {
    payload: { vibeId: id(30), cutIds: [id(40)] },
    after: {
      vibes: without(base.vibes, id(30)),
      cuts: without(base.cuts, id(40)),
      lyrics: [lyrics(id(41))],
      comments: without(base.comments, id(50), id(51)),
    },
  },
  'cut:created': {
    payload: { ...cut(42, id(30)), createdAt: t1, updatedAt: t1 },
    after: {
      cuts: [...base.cuts, { ...cut(42, id(30)), createdAt: t1, updatedAt: t1 }],
      lyrics: [...base.lyrics, { cutId: id(42), lyrics: [], version: 0, updatedAt: t1 }],
    },
  },
  'cut:updated': {
    payload: { ...cut(40, id(30)), bpm: 120 },
    after: { cuts: replaced(base.cuts, { ...cut(40, id(30)), bpm: 120 }) },
  },
  'cut:moved': {
    payload: { cutId: id(40), fromVibeId: id(30), toVibeId: id(31), ...moved },
    after: { cuts: replaced(base.cuts, { ...cut(40, id(31)), ...moved }) },
  },
  'cut:deleted': {
    payload: { cutId: id(40) },
    after: {
      cuts: without(base.cuts, id(40)),
      lyrics: [lyrics(id(41))],
      comments: without(base.comments, id(50), id(51)),
    },
  },
  'lyrics:updated': {
    payload: { ...lyrics(id(40)), version: 2 },
    after: { lyrics: [{ ...lyrics(id(40)), version: 2 }, lyrics(id(41))] },
  },
  'comment:created': {
    payload: comment(54, { taskId: id(21) }),
    after: { comments: [...base.comments, comment(54, { taskId: id(21) })] },
  },
  'comment:reply': {
    payload: comment(54, { taskId: id(20), parentId: id(52) }),
    after: { comments: [...base.comments, comment(54, { taskId: id(20), parentId: id(52) })] },
  },
  'comment:updated': {
    payload: { ...comment(52, { taskId: id(20) }), body: 'ok', editedAt: t1 },
    after: { comments: replaced(base.comments, { ...comment(52, { taskId: id(20) }), body: 'ok', editedAt: t1 }) },
  },
  'comment:resolved': {
    payload: { ...comment(52, { taskId: id(20) }), resolvedAt: t1, resolvedBy: ann },
    after: { comments: replaced(base.comments, { ...comment(52, { taskId: id(20) }), resolvedAt: t1, resolvedBy: ann }) },
  },
  'comment:reopened': {
    payload: comment(53, { cutId: id(41) }),
    after: { comments: replaced(base.comments, comment(53, { cutId: id(41) })) },
  },
  'comment:deleted': { payload: { commentId: id(50) }, after: { comments: without(base.comments, id(50), id(51)) } },
}

const meta = { room: `project:${projectId}`, seq: 8, epoch: 'e', id: id(99), at: t1, actor: null }
const eventOf = (name: string, payload: unknown): RoomEvent<ProjectEventName> =>
  ({ name, payload, meta }) as RoomEvent<ProjectEventName>
const { epoch: _, seq: __, head: ___, nextCursor: ____, ...content } = base

describe('fold', () => {
  it('is tested with every event of a project', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(projectEvents).sort())
  })

  for (const [name, { payload, after }] of Object.entries(cases)) {
    it(`folds ${name}`, () => {
      const parsed = projectEvents[name as ProjectEventName].parse(payload)
      const state = stateOf(base)
      fold(state, eventOf(name, parsed))
      expect(snapshotOf(state)).toEqual({ ...content, ...after })
      expect(state.deleted).toBe(name === 'project:deleted')
    })
  }

  it('changes no entity in place, so that screens may compare them', () => {
    const before = structuredClone(base)
    const state = stateOf(base)
    for (const [name, { payload }] of Object.entries(cases))
      if (name !== 'project:deleted') fold(stateOf(base), eventOf(name, payload))
    fold(state, eventOf('project:deleted', cases['project:deleted'].payload))
    expect(base).toEqual(before)
  })

  it('draws the author of vibes and of the project anew too', () => {
    const state = stateOf(base)
    const anna = { ...ann, name: 'Anna' }
    fold(state, eventOf('person:updated', anna))
    expect(state.project.author).toEqual(anna)
    expect([...state.vibes.values()].map((item) => item.author)).toEqual([anna, anna])
    expect([...state.tasks.values()].map((item) => item.author)).toEqual([anna, anna])
  })

  it('passes over names of a later version', () => {
    const state = stateOf(base)
    fold(state, eventOf('task:painted', { taskId: id(20) }))
    expect(snapshotOf(state)).toEqual(content)
  })

  it('refuses an event that cannot follow on its state', () => {
    const event = eventOf('vibe:moved', { vibeId: id(77), ...moved })
    expect(() => fold(stateOf(base), event)).toThrow(id(77))
  })

  it('sorts a snapshot by id, whatever order things came in', () => {
    const shuffled = {
      ...base,
      tasks: base.tasks.toReversed(),
      members: base.members.toReversed(),
      lyrics: base.lyrics.toReversed(),
    }
    expect(snapshotOf(stateOf(shuffled))).toEqual(content)
  })
})
