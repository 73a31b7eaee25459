import { applyEvent, snapshotOf, stateOf } from '@cutroom/client'
import {
  type Cut,
  type File,
  type Invitation,
  type Payload,
  type Person,
  type ProjectEventName,
  projectEvents,
  type RoomEvent,
  type Share,
  Snapshot,
  stateChanges,
} from '@cutroom/contract'
import { describe, expect, it } from 'vitest'

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
  state: 'draft' as Cut['state'],
  approvedFileId: null,
  approvedTake: null,
  approvedAt: null,
  approvedBy: null,
  author: bo,
  ...stamps,
})
const file = (n: number, cutId: string): File => ({
  id: id(n),
  projectId,
  cutId,
  kind: 'audio',
  take: n,
  name: `Take ${n}.wav`,
  type: 'audio/wav',
  size: 44,
  sha256: '0'.repeat(64),
  status: 'processing',
  failure: null,
  audio: null,
  image: null,
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
  fileId: null,
  carriedFrom: null,
  author: bo,
  resolvedAt: null,
  resolvedBy: null,
  editedAt: null,
  ...stamps,
})

const share = (n: number, of: { cutId: string } | { fileId: string }): Share => ({
  id: id(n),
  projectId,
  cutId: null,
  fileId: null,
  ...of,
  allows: 'listen',
  hasPassword: false,
  expiresAt: null,
  plays: 0,
  author: bo,
  ...stamps,
})

const invitation = (n: number): Invitation => ({
  id: id(n),
  projectId,
  role: 'editor',
  kind: 'email',
  expiresAt: t1,
  author: bo,
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
  invitations: [invitation(80), invitation(81)],
  tasks: [task(20), task(21)],
  vibes: [vibe(30), vibe(31)],
  cuts: [cut(40, id(30)), cut(41, id(31))],
  lyrics: [lyrics(id(40)), lyrics(id(41))],
  files: [file(60, id(40)), file(61, id(41))],
  shares: [share(70, { cutId: id(40) }), share(71, { fileId: id(60) }), share(72, { cutId: id(41) })],
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
const approved = {
  ...{ state: 'approved' as const, approvedFileId: id(60), approvedTake: 60, approvedAt: t1, approvedBy: ann },
  ...{ version: 2, updatedAt: t1 },
}
const moved = { rank: 'a5', version: 2, updatedAt: t1 }

/** Events, each with a payload and what differs from `base` afterwards. */
const cases: { [N in ProjectEventName]?: { payload: Payload<N>; after: Partial<Content> } } = {
  'project:updated': {
    payload: { ...project, name: 'New', version: 2 },
    after: { project: { ...project, name: 'New', version: 2 } },
  },
  'project:deleted': {
    payload: { projectId },
    after: { members: [], invitations: [], tasks: [], vibes: [], cuts: [], lyrics: [], files: [], shares: [], comments: [] },
  },
  'member:joined': {
    payload: member({ ...ann, id: id(3) }, 'editor'),
    after: { members: [...base.members, member({ ...ann, id: id(3) }, 'editor')] },
  },
  'member:updated': {
    payload: { ...member(bo, 'owner'), version: 2 },
    after: { members: [member(ann, 'owner'), { ...member(bo, 'owner'), version: 2 }] },
  },
  'member:left': {
    payload: { projectId, userId: bo.id, updatedAt: t1 },
    after: {
      members: [member(ann, 'owner')],
      tasks: base.tasks.map((item) => ({ ...item, assigneeId: null, assignee: null, version: 2, updatedAt: t1 })),
    },
  },
  'person:updated': {
    payload: bob,
    after: {
      members: [member(ann, 'owner'), member(bob, 'editor')],
      invitations: base.invitations.map((item) => ({ ...item, author: bob })),
      tasks: base.tasks.map((item) => ({ ...item, assignee: bob })),
      cuts: base.cuts.map((item) => ({ ...item, author: bob })),
      files: base.files.map((item) => ({ ...item, author: bob })),
      shares: base.shares.map((item) => ({ ...item, author: bob })),
      comments: base.comments.map((item) => ({ ...item, author: bob, resolvedBy: item.resolvedBy && bob })),
    },
  },
  'extension:event': { payload: { from: 'bell', event: 'rung', data: { taskId: id(10) } }, after: {} },
  'invitation:created': { payload: invitation(82), after: { invitations: [...base.invitations, invitation(82)] } },
  'invitation:updated': {
    payload: { ...invitation(80), expiresAt: t0, version: 2 },
    after: { invitations: replaced(base.invitations, { ...invitation(80), expiresAt: t0, version: 2 }) },
  },
  'invitation:revoked': { payload: { invitationId: id(80) }, after: { invitations: [invitation(81)] } },
  'invitation:accepted': { payload: { invitationId: id(81) }, after: { invitations: [invitation(80)] } },
  'invitation:expired': { payload: { invitationId: id(80) }, after: { invitations: [invitation(81)] } },
  'task:created': { payload: task(22), after: { tasks: [...base.tasks, task(22)] } },
  'task:updated': {
    payload: { ...task(20), assigneeId: null, assignee: null, version: 2 },
    after: { tasks: replaced(base.tasks, { ...task(20), assigneeId: null, assignee: null, version: 2 }) },
  },
  'task:moved': {
    payload: { taskId: id(20), from: 'todo', to: 'done', ...moved },
    after: { tasks: replaced(base.tasks, { ...task(20), status: 'done', ...moved }) },
  },
  'task:reranked': {
    payload: { items: [{ taskId: id(21), rank: 'a3', version: 2 }], updatedAt: t1 },
    after: { tasks: replaced(base.tasks, { ...task(21), rank: 'a3', version: 2, updatedAt: t1 }) },
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
  'vibe:reranked': {
    payload: { items: [{ vibeId: id(31), rank: 'a3', version: 2 }], updatedAt: t1 },
    after: { vibes: replaced(base.vibes, { ...vibe(31), rank: 'a3', version: 2, updatedAt: t1 }) },
  },
  'vibe:deleted': {
    payload: { vibeId: id(30) },
    after: {
      vibes: without(base.vibes, id(30)),
      cuts: without(base.cuts, id(40)),
      lyrics: [lyrics(id(41))],
      files: without(base.files, id(60)),
      shares: [share(72, { cutId: id(41) })],
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
    payload: { ...cut(40, id(30)), bpm: 120, version: 2 },
    after: { cuts: replaced(base.cuts, { ...cut(40, id(30)), bpm: 120, version: 2 }) },
  },
  'cut:moved': {
    payload: { cutId: id(40), fromVibeId: id(30), toVibeId: id(31), ...moved },
    after: { cuts: replaced(base.cuts, { ...cut(40, id(31)), ...moved }) },
  },
  'cut:reranked': {
    payload: { items: [{ cutId: id(41), rank: 'a3', version: 2 }], updatedAt: t1 },
    after: { cuts: replaced(base.cuts, { ...cut(41, id(31)), rank: 'a3', version: 2, updatedAt: t1 }) },
  },
  'cut:drafted': {
    payload: { ...cut(41, id(31)), version: 2 },
    after: { cuts: replaced(base.cuts, { ...cut(41, id(31)), version: 2 }) },
  },
  'cut:submitted': {
    payload: { ...cut(40, id(30)), state: 'review', version: 2 },
    after: { cuts: replaced(base.cuts, { ...cut(40, id(30)), state: 'review', version: 2 }) },
  },
  'cut:approved': {
    payload: { ...cut(40, id(30)), ...approved },
    after: { cuts: replaced(base.cuts, { ...cut(40, id(30)), ...approved }) },
  },
  'cut:deleted': {
    payload: { cutId: id(40) },
    after: {
      cuts: without(base.cuts, id(40)),
      lyrics: [lyrics(id(41))],
      files: without(base.files, id(60)),
      shares: [share(72, { cutId: id(41) })],
      comments: without(base.comments, id(50), id(51)),
    },
  },
  'lyrics:updated': {
    payload: { ...lyrics(id(40)), version: 2 },
    after: { lyrics: [{ ...lyrics(id(40)), version: 2 }, lyrics(id(41))] },
  },
  'file:uploaded': { payload: file(62, id(40)), after: { files: [...base.files, file(62, id(40))] } },
  'file:processed': {
    payload: { ...file(60, id(40)), status: 'ready', version: 2 },
    after: { files: replaced(base.files, { ...file(60, id(40)), status: 'ready', version: 2 }) },
  },
  'file:failed': {
    payload: { ...file(60, id(40)), status: 'failed', failure: 'damaged', version: 2 },
    after: { files: replaced(base.files, { ...file(60, id(40)), status: 'failed', failure: 'damaged', version: 2 }) },
  },
  // What is said about it stays.
  'file:deleted': {
    payload: { fileId: id(60) },
    after: { files: without(base.files, id(60)), shares: without(base.shares, id(71)) },
  },
  'share:created': {
    payload: share(73, { cutId: id(40) }),
    after: { shares: [...base.shares, share(73, { cutId: id(40) })] },
  },
  'share:updated': {
    payload: { ...share(70, { cutId: id(40) }), plays: 3, version: 2 },
    after: { shares: replaced(base.shares, { ...share(70, { cutId: id(40) }), plays: 3, version: 2 }) },
  },
  'share:revoked': { payload: { shareId: id(70) }, after: { shares: without(base.shares, id(70)) } },
  'webhook:created': { payload: { webhookId: id(90) }, after: {} },
  'webhook:updated': { payload: { webhookId: id(90) }, after: {} },
  'webhook:deleted': { payload: { webhookId: id(90) }, after: {} },
  'comment:created': {
    payload: comment(54, { taskId: id(21) }),
    after: { comments: [...base.comments, comment(54, { taskId: id(21) })] },
  },
  'comment:reply': {
    payload: comment(54, { taskId: id(20), parentId: id(52) }),
    after: { comments: [...base.comments, comment(54, { taskId: id(20), parentId: id(52) })] },
  },
  'comment:updated': {
    payload: { ...comment(52, { taskId: id(20) }), body: 'ok', editedAt: t1, version: 2 },
    after: { comments: replaced(base.comments, { ...comment(52, { taskId: id(20) }), body: 'ok', editedAt: t1, version: 2 }) },
  },
  'comment:resolved': {
    payload: { ...comment(52, { taskId: id(20) }), resolvedAt: t1, resolvedBy: ann, version: 2 },
    after: {
      comments: replaced(base.comments, { ...comment(52, { taskId: id(20) }), resolvedAt: t1, resolvedBy: ann, version: 2 }),
    },
  },
  'comment:reopened': {
    payload: { ...comment(53, { cutId: id(41) }), version: 2 },
    after: { comments: replaced(base.comments, { ...comment(53, { cutId: id(41) }), version: 2 }) },
  },
  'comment:deleted': { payload: { commentId: id(50) }, after: { comments: without(base.comments, id(50), id(51)) } },
}

const meta = { room: `project:${projectId}`, seq: 8, epoch: 'e', id: id(99), at: t1, actor: null }
const eventOf = (name: string, payload: unknown, seq = meta.seq): RoomEvent<ProjectEventName> =>
  ({ name, payload, meta: { ...meta, seq } }) as RoomEvent<ProjectEventName>
const { epoch: _, seq: __, head: ___, nextCursor: ____, ...content } = base

describe('fold', () => {
  it('is tested with every kind of change of the contract', () => {
    const kinds = (names: string[]) => new Set(names.map((name) => stateChanges[name as ProjectEventName].kind))
    expect(kinds(Object.keys(cases))).toEqual(kinds(Object.keys(projectEvents)))
  })

  for (const [name, { payload, after }] of Object.entries(cases)) {
    it(`reduces ${name}`, () => {
      const parsed = projectEvents[name as ProjectEventName].parse(payload)
      const state = stateOf(base)
      applyEvent(state, eventOf(name, parsed))
      expect(snapshotOf(state)).toEqual({ ...content, ...after })
      expect(state.deleted).toBe(name === 'project:deleted')
    })
  }

  it('changes no entity in place, so that screens may compare them', () => {
    const before = structuredClone(base)
    const state = stateOf(base)
    for (const [name, { payload }] of Object.entries(cases))
      if (name !== 'project:deleted') applyEvent(stateOf(base), eventOf(name, payload))
    applyEvent(state, eventOf('project:deleted', { projectId }))
    expect(base).toEqual(before)
  })

  it('draws the author of vibes and of the project anew too', () => {
    const state = stateOf(base)
    const anna = { ...ann, name: 'Anna' }
    applyEvent(state, eventOf('person:updated', anna))
    expect(state.project.author).toEqual(anna)
    expect([...state.vibes.values()].map((item) => item.author)).toEqual([anna, anna])
    expect([...state.tasks.values()].map((item) => item.author)).toEqual([anna, anna])
  })

  it('passes over names of a later version', () => {
    const state = stateOf(base)
    applyEvent(state, eventOf('task:painted', { taskId: id(20) }))
    expect(snapshotOf(state)).toEqual(content)
  })

  it('refuses an event that cannot follow on its state', () => {
    const event = eventOf('vibe:moved', { vibeId: id(77), ...moved })
    expect(() => applyEvent(stateOf(base), event)).toThrow(id(77))
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

  describe('pages that were read later', () => {
    const empty = {
      ...base,
      members: [],
      invitations: [],
      tasks: [],
      vibes: [],
      cuts: [],
      lyrics: [],
      files: [],
      shares: [],
      comments: [],
    }
    /** A first page at 7, and one of these rows that was read at 12. */
    const loaded = (later: Partial<Content>, first: Partial<Content> = {}) =>
      stateOf([
        { ...empty, ...first },
        { ...empty, head: 12, ...later },
      ])
    const foldAll = (state: ReturnType<typeof stateOf>, events: [seq: number, name: string, payload: unknown][]) => {
      for (const [seq, name, payload] of events) applyEvent(state, eventOf(name, payload, seq))
      return snapshotOf(state)
    }

    it('R4 a row of a later page stays as it is under events with an older version', () => {
      const newest = { ...task(20), title: 'Newest', status: 'done' as const, version: 4 }
      const found = { ...cut(40, id(31)), rank: 'a9', version: 3 }
      const state = loaded({ tasks: [newest], vibes: base.vibes, cuts: [found], lyrics: [{ ...lyrics(id(40)), version: 5 }] })
      const content = foldAll(state, [
        [8, 'task:updated', { ...task(20), title: 'Older', version: 2 }],
        [9, 'task:moved', { taskId: id(20), from: 'todo', to: 'review', ...moved, version: 3 }],
        [10, 'cut:moved', { cutId: id(40), fromVibeId: id(31), toVibeId: id(30), ...moved }],
        [11, 'lyrics:updated', { ...lyrics(id(40)), version: 2 }],
        [12, 'cut:reranked', { items: [{ cutId: id(40), rank: 'a1', version: 3 }], updatedAt: t1 }],
      ])
      expect(content).toMatchObject({ tasks: [newest], cuts: [found], lyrics: [{ version: 5 }] })
      expect(foldAll(state, [[13, 'task:updated', { ...newest, title: 'Next', version: 5 }]]).tasks).toMatchObject([
        { title: 'Next' },
      ])
    })

    it('R4 what was deleted before its page was read stays away, and so does what hung on it', () => {
      const content = foldAll(loaded({}, { vibes: base.vibes }), [
        [8, 'task:moved', { taskId: id(20), from: 'todo', to: 'done', ...moved }],
        [8, 'task:reranked', { items: [{ taskId: id(20), rank: 'a1', version: 3 }], updatedAt: t1 }],
        [8, 'cut:moved', { cutId: id(40), fromVibeId: id(31), toVibeId: id(30), ...moved }],
        [9, 'lyrics:updated', { ...lyrics(id(40)), version: 2 }],
        [10, 'comment:updated', { ...comment(50, { cutId: id(40) }), version: 2 }],
        [11, 'comment:reply', comment(51, { cutId: id(40), parentId: id(50) })],
        [12, 'vibe:deleted', { vibeId: id(30) }],
      ])
      expect(content).toMatchObject({ tasks: [], vibes: [vibe(31)], cuts: [], lyrics: [], comments: [] })
    })

    it('R4 an unknown row is an error once all pages are caught up with', () => {
      const state = loaded({ tasks: [task(21)] })
      const move = { taskId: id(20), from: 'todo', to: 'done', ...moved }
      foldAll(state, [[12, 'task:moved', move]])
      expect(() => foldAll(state, [[13, 'task:moved', move]])).toThrow(id(20))
    })

    it('R4 a removal unassigns what was read before it, and not what was assigned again and read after it', () => {
      const again = { ...task(21), version: 3 }
      const state = loaded({ tasks: [again], members: [member(bo, 'editor')] }, { tasks: [task(20)], members: base.members })
      const content = foldAll(state, [
        [9, 'member:left', { projectId, userId: bo.id, updatedAt: t1 }],
        [10, 'member:joined', member(bo, 'editor')],
        [11, 'task:updated', again],
      ])
      const unassigned = { ...task(20), assigneeId: null, assignee: null, version: 2, updatedAt: t1 }
      expect(content.tasks).toEqual([unassigned, again])
      expect(content.members).toEqual(base.members)
      const end = foldAll(state, [[13, 'member:left', { projectId, userId: bo.id, updatedAt: t1 }]])
      expect(end.tasks.map((item) => [item.assigneeId, item.version])).toEqual([
        [null, 2],
        [null, 4],
      ])
    })

    it('R4 a new name stays where a row shows a later one, also when that one made no event here', () => {
      const state = loaded({ members: [member(bob, 'editor')], comments: [{ ...comment(54, { taskId: id(20) }), author: bob }] })
      const content = foldAll(state, [[8, 'person:updated', { ...bo, name: 'Boris' }]])
      expect(content.members).toEqual([member(bob, 'editor')])
      expect(content.comments.map((item) => item.author)).toEqual([bob])
    })

    it('a removal of the first protocol version unassigns nothing: each of its tasks has an event', () => {
      const state = stateOf(base)
      applyEvent(state, eventOf('member:left', { projectId, userId: bo.id }))
      expect(snapshotOf(state).tasks).toEqual(base.tasks)
    })
  })
})
