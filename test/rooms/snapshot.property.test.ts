import { type ProjectEventName, projectEvents, projectRoom, type Role, type RoomEvent, type Snapshot } from '@cutroom/contract'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { applyEvent, snapshotOf, stateOf } from '../../packages/client/src/reduce.ts'
import { removeOld } from '../../src/features/invitations/expiry.ts'
import { addPlays } from '../../src/features/shares/writes.ts'
import { type TestApp, useApp } from '../support/app.ts'
import { completeTake, sendFile, textOf, zipOf } from '../support/files.ts'
import { gate, readLog } from '../support/log.ts'
import { type Answer, addMember, createCut, createProject, type Person, register } from '../support/people.ts'
import { crowd } from '../support/ranks.ts'
import { connect, type Frame, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** One action of a person. Numbers choose among what there is at that time, so that every list of commands means something. */
interface Command {
  kind: Kind
  who: number
  a: number
  b: number
}

/** What there is to do things to. Ids of what was deleted may be here for a moment: then the command is refused. */
interface World {
  app: TestApp
  /** The first stays an owner; the others come and go. */
  people: Person[]
  projectId: string
  tasks: string[]
  vibes: string[]
  cuts: string[]
  comments: string[]
  files: string[]
  /** Two takes of the first cut, the older one first; files, too. */
  takes: string[]
  /** Of the server. */
  url: string
  shares: string[]
  webhooks: string[]
  /** With their tokens. */
  invitations: { id: string; token: string }[]
}

const pick = <T>(items: readonly T[], n: number): T | undefined => items[n % Math.max(items.length, 1)]
const UNKNOWN_ID = '00000000-0000-7000-8000-000000000000'
const roles: Role[] = ['viewer', 'commenter', 'editor', 'owner']
const statuses = ['todo', 'doing', 'review', 'done']
type Act = (world: World, me: Person, a: number, b: number) => Promise<Answer<{ id?: string } | undefined>>

async function make(list: string[], answer: Promise<Answer<{ id?: string } | undefined>>) {
  const made = await answer
  if (made.status === 201 && made.body?.id !== undefined) list.push(made.body.id)
  return made
}

async function remove(list: string[], id: string | undefined, answer: Promise<Answer<undefined>>) {
  const gone = await answer
  if (gone.status === 204 && id !== undefined) list.splice(list.indexOf(id), 1)
  return gone
}

/** The others are named, never the first: one member must stay to read the log. */
const other = (world: World, n: number) => pick(world.people.slice(1), n)?.id ?? UNKNOWN_ID
/** A sibling, or the first place. */
const sibling = (items: string[], n: number) => (n % 3 ? (pick(items, n) ?? null) : null)

const acts = {
  'project:update': (w, me, a) => me.call('PATCH', `/api/projects/${w.projectId}`, { name: `Album ${a}` }),
  'member:add': (w, me, a, b) =>
    me.call('POST', `/api/projects/${w.projectId}/members`, { userId: other(w, a), role: pick(roles, b) }),
  'member:role': (w, me, a, b) =>
    me.call('PATCH', `/api/projects/${w.projectId}/members/${other(w, a)}`, { role: pick(roles, b) }),
  'member:remove': (w, me, a) => me.call('DELETE', `/api/projects/${w.projectId}/members/${other(w, a)}`),
  'member:leave': (w, _, a) => {
    const me = pick(w.people.slice(1), a) ?? (w.people[0] as Person)
    return me.call('DELETE', `/api/projects/${w.projectId}/members/${me.id}`)
  },
  'person:rename': (w, _, a, b) =>
    (pick(w.people, a) as Person).call('PATCH', '/api/me', {
      name: `Name ${b}`,
      avatarUrl: b % 2 ? `https://example.com/${b}.png` : null,
    }),
  'invitation:create': async (w, me, a, b) => {
    const body = { role: pick(roles, b), ...(a % 2 && { email: pick(w.people, a)?.email }) }
    const made = await me.call<{ id: string; token: string }>('POST', `/api/projects/${w.projectId}/invitations`, body)
    if (made.status === 201) w.invitations.push(made.body)
    return made
  },
  'invitation:resend': (w, me, a) => me.call('POST', `/api/invitations/${pick(w.invitations, a)?.id}/resend`),
  'invitation:revoke': (w, me, a) => me.call('DELETE', `/api/invitations/${pick(w.invitations, a)?.id}`),
  'invitation:accept': (w, _, a, b) =>
    (pick(w.people, b) as Person).call('POST', `/api/invitations/by-token/${pick(w.invitations, a)?.token}/accept`),
  'invitation:expire': async (w, _, a) => {
    const ids = w.invitations.length > 0 ? [pick(w.invitations, a)?.id] : []
    await w.app.db.query(`UPDATE "Invitation" SET "expiresAt" = now() - interval '8 days' WHERE id = ANY($1::uuid[])`, [ids])
    await w.app.app.rooms.commit(null, removeOld)
    return { status: 200, headers: new Headers(), body: undefined }
  },
  'webhook:create': (w, me, a) =>
    make(w.webhooks, me.call('POST', `/api/projects/${w.projectId}/webhooks`, { url: `https://hooks.example.com/${a}` })),
  'webhook:update': (w, me, a, b) =>
    me.call('PATCH', `/api/webhooks/${pick(w.webhooks, a)}`, { state: b % 2 ? 'off' : 'active' }),
  'webhook:delete': (w, me, a) => {
    const id = pick(w.webhooks, a)
    return remove(w.webhooks, id, me.call('DELETE', `/api/webhooks/${id}`))
  },
  'task:create': (w, me, a, b) =>
    make(
      w.tasks,
      me.call('POST', `/api/projects/${w.projectId}/tasks`, {
        title: `Task ${a}`,
        status: pick(statuses, a),
        assigneeId: b % 2 ? pick(w.people, b)?.id : null,
      }),
    ),
  'task:update': (w, me, a, b) =>
    me.call('PATCH', `/api/tasks/${pick(w.tasks, a)}`, {
      title: `Task ${b}`,
      labels: [`${a}`],
      ...(b % 2 && { assigneeId: pick([...w.people.map((person) => person.id), null], b) }),
    }),
  'task:move': (w, me, a, b) =>
    me.call('POST', `/api/tasks/${pick(w.tasks, a)}/move`, { status: pick(statuses, b), after: sibling(w.tasks, b) }),
  'task:delete': (w, me, a) => {
    const id = pick(w.tasks, a)
    return remove(w.tasks, id, me.call('DELETE', `/api/tasks/${id}`))
  },
  'vibe:create': (w, me, a) => make(w.vibes, me.call('POST', `/api/projects/${w.projectId}/vibes`, { name: `Vibe ${a}` })),
  'vibe:update': (w, me, a, b) => me.call('PATCH', `/api/vibes/${pick(w.vibes, a)}`, { theme: `theme ${b}` }),
  'vibe:move': (w, me, a, b) => me.call('POST', `/api/vibes/${pick(w.vibes, a)}/move`, { after: sibling(w.vibes, b) }),
  'vibe:delete': (w, me, a) => {
    const id = pick(w.vibes, a)
    return remove(w.vibes, id, me.call('DELETE', `/api/vibes/${id}`))
  },
  'cut:create': (w, me, a, b) =>
    make(w.cuts, me.call('POST', `/api/vibes/${pick(w.vibes, a)}/cuts`, { name: `Cut ${b}`, bpm: 60 + (b % 60) })),
  'cut:update': (w, me, a, b) => me.call('PATCH', `/api/cuts/${pick(w.cuts, a)}`, { name: `Cut ${b}`, timeSignature: '7/8' }),
  'cut:move': (w, me, a, b) =>
    me.call('POST', `/api/cuts/${pick(w.cuts, a)}/move`, { vibeId: pick(w.vibes, b), after: sibling(w.cuts, b) }),
  'cut:delete': (w, me, a) => {
    const id = pick(w.cuts, a)
    return remove(w.cuts, id, me.call('DELETE', `/api/cuts/${id}`))
  },
  'cut:state': (w, me, a, b) => me.call('PUT', `/api/cuts/${pick(w.cuts, a)}/state`, { state: b % 2 ? 'review' : 'draft' }),
  'cut:approve': (w, me, _, b) =>
    me.call('PUT', `/api/cuts/${w.cuts[0]}/state`, { state: 'approved', fileId: pick(w.takes, b) ?? UNKNOWN_ID }),
  'comment:onTake': (w, me, a, b) =>
    make(w.comments, me.call('POST', `/api/cuts/${w.cuts[0]}/comments`, { body: `on ${b}`, atMs: a, fileId: pick(w.takes, b) })),
  'comment:carry': (w, me) =>
    me.call('POST', `/api/files/${w.takes[1] ?? UNKNOWN_ID}/comments/carry`, { from: w.takes[0] ?? UNKNOWN_ID }),
  'markers:import': (w, me, a, b) =>
    me.call('POST', `/api/files/${pick(w.takes, a) ?? UNKNOWN_ID}/markers`, {
      csv: `atMs,endMs,body\n${a},,one ${b}\n${b},,two`,
    }),
  'lyrics:write': (w, me, a, b) =>
    me.call('PUT', `/api/cuts/${pick(w.cuts, a)}/lyrics`, { lyrics: [{ atMs: b, text: `line ${b}` }, { text: '' }] }),
  'file:upload': (w, me, a, b) =>
    make(w.files, sendFile(w, me, pick(w.cuts, a) ?? UNKNOWN_ID, b % 2 ? zipOf(40) : textOf(40), { name: `File ${b}` })),
  'file:update': (w, me, a, b) => me.call('PATCH', `/api/files/${pick(w.files, a)}`, { name: `File ${b}` }),
  'file:delete': (w, me, a) => {
    const id = pick(w.files, a)
    return remove(w.files, id, me.call('DELETE', `/api/files/${id}`))
  },
  'share:create': (w, me, a, b) =>
    make(w.shares, me.call('POST', `/api/cuts/${pick(w.cuts, a)}/shares`, { allows: b % 2 ? 'listen' : 'download' })),
  'share:play': async (w, _, a, b) => {
    // As it is written every few seconds.
    await w.app.app.rooms.commit(null, (write) => addPlays(write, new Map([[pick(w.shares, a) ?? UNKNOWN_ID, b + 1]])))
    return { status: 200, headers: new Headers(), body: undefined }
  },
  'share:revoke': (w, me, a) => {
    const id = pick(w.shares, a)
    return remove(w.shares, id, me.call('DELETE', `/api/shares/${id}`))
  },
  'comment:create': (w, me, a, b) =>
    make(
      w.comments,
      b % 2
        ? me.call('POST', `/api/tasks/${pick(w.tasks, a)}/comments`, { body: `note ${b}` })
        : me.call('POST', `/api/cuts/${pick(w.cuts, a)}/comments`, { body: `note ${b}`, atMs: a, endMs: a + b }),
    ),
  'comment:reply': (w, me, a, b) =>
    make(w.comments, me.call('POST', `/api/comments/${pick(w.comments, a)}/replies`, { body: `reply ${b}` })),
  'comment:update': (w, me, a, b) => me.call('PATCH', `/api/comments/${pick(w.comments, a)}`, { body: `edited ${b}` }),
  'comment:resolve': (w, me, a) => me.call('POST', `/api/comments/${pick(w.comments, a)}/resolve`),
  'comment:reopen': (w, me, a) => me.call('POST', `/api/comments/${pick(w.comments, a)}/reopen`),
  'comment:delete': (w, me, a) => {
    const id = pick(w.comments, a)
    return remove(w.comments, id, me.call('DELETE', `/api/comments/${id}`))
  },
} satisfies Record<string, Act>
type Kind = keyof typeof acts
const kinds = Object.keys(acts) as Kind[]

type Event = { name: string; payload: unknown; meta: { seq: number } }

/** What a client holds that began with `snapshot`, or with pages of one, and saw these events. */
function folded(snapshot: Parameters<typeof stateOf>[0], events: Event[]) {
  const state = stateOf(snapshot)
  for (const event of events) applyEvent(state, event as RoomEvent<ProjectEventName>)
  return { content: snapshotOf(state), deleted: state.deleted }
}

const lists = ['members', 'invitations', 'tasks', 'vibes', 'cuts', 'lyrics', 'files', 'shares', 'comments'] as const
type Row = { id: string } | { userId: string } | { cutId: string }
const keyOf = (row: Row): string => ('userId' in row ? row.userId : 'id' in row ? row.id : row.cutId)

/**
 * The pages that a reader would have got who read a part of each list at the position of the first of these snapshots, and
 * other parts as it was at the later ones: which, `at` says by row.
 */
function pagesOf(snapshots: Snapshot[], at: (key: string) => number): [Snapshot, ...Snapshot[]] {
  const [first, ...rest] = snapshots.toSorted((a, b) => a.seq - b.seq) as [Snapshot, ...Snapshot[]]
  const pages = [first, ...rest].map((snapshot, n) => {
    const page = { ...snapshot, head: snapshot.seq, seq: first.seq, project: first.project }
    for (const list of lists)
      Object.assign(page, { [list]: snapshot[list].filter((row) => at(keyOf(row)) % (rest.length + 1) === n) })
    return page
  })
  return pages as [Snapshot, ...Snapshot[]]
}

const plain = ({ name, payload, meta }: Frame): Event => {
  const { replayed: _, ...rest } = meta ?? { seq: 0 }
  return { name, payload, meta: rest }
}
const since = (listener: Listener, room: string, seq: number): Event[] =>
  listener
    .events(room)
    .filter((event) => event.meta.seq > seq)
    .map(plain)

const snapshotBy = (person: Person, projectId: string) => person.must<Snapshot>('GET', `/api/projects/${projectId}/snapshot`)

/** A project with a little of everything in it, so that commands find something. */
async function begin(app: TestApp, people: Person[]): Promise<World> {
  const [owner, ...others] = people as [Person, ...Person[]]
  const project = await createProject(owner)
  for (const person of others.slice(0, 2)) await addMember(owner, project.id, person, 'editor')
  const { vibe, cut } = await createCut(others[0] ?? owner, project.id)
  const made = (path: string, body: unknown) => owner.must<{ id: string }>('POST', path, body)
  const task = await made(`/api/projects/${project.id}/tasks`, { title: 'Mix', assigneeId: others[1]?.id })
  const comment = await made(`/api/cuts/${cut.id}/comments`, { body: 'hm' })
  const world: World = {
    app,
    people,
    projectId: project.id,
    tasks: [task.id],
    vibes: [vibe.id],
    cuts: [cut.id],
    comments: [comment.id],
    files: [],
    takes: [],
    url: app.url,
    shares: [],
    webhooks: [],
    invitations: [],
  }
  for (const take of [1, 2]) world.takes.push((await completeTake(app, owner, cut.id, take)).id)
  world.files.push(...world.takes)
  // Two of each between which there is no room: a move there rewrites ranks.
  for (const _ of [1, 2]) {
    world.tasks.push((await made(`/api/projects/${project.id}/tasks`, { title: 'Crowded' })).id)
    world.vibes.push((await made(`/api/projects/${project.id}/vibes`, { name: 'Crowded' })).id)
  }
  for (const _ of [1, 2]) world.cuts.push((await made(`/api/vibes/${world.vibes[1]}/cuts`, { name: 'Crowded' })).id)
  await crowd(app, 'Task', world.tasks.slice(1))
  await crowd(app, 'Vibe', world.vibes.slice(1))
  await crowd(app, 'Cut', world.cuts.slice(1))
  return world
}

async function act(world: World, { kind, who, a, b }: Command): Promise<void> {
  // Half of what is done the first owner does: the others may well have no right.
  const me = (who % 2 ? world.people[0] : pick(world.people, who)) as Person
  const answer = await acts[kind](world, me, a, b)
  if (answer.status >= 500) throw new Error(`${kind}: ${answer.status} ${JSON.stringify(answer.body)}`)
}

const people = (app: TestApp) => Promise.all(['Olga', 'Ed', 'Mo', 'Vi'].map((name) => register(app, name)))

describe('a snapshot and what follows it', () => {
  let hold: (() => Promise<void>) | undefined
  const app = useApp({
    seams: {
      beforeCommit: async () => {
        await hold?.()
      },
    },
  })

  const command = fc.record({
    kind: fc.constantFrom(...kinds),
    who: fc.nat({ max: 7 }),
    a: fc.nat({ max: 11 }),
    b: fc.nat({ max: 11 }),
  })
  /**
   * What is done step by step; the commands of one step are done at once. The snapshot is taken beside step `at`; later pages are
   * read beside the steps `later`, and `shuffle` says which rows are on which page.
   */
  const history = fc.record({
    steps: fc.array(fc.array(command, { minLength: 1, maxLength: 4 }), { minLength: 4, maxLength: 12 }),
    at: fc.nat({ max: 11 }),
    later: fc.array(fc.nat({ max: 11 }), { maxLength: 3 }),
    shuffle: fc.nat(),
  })
  const by = (kind: Kind, a = 0, b = 0): Command[] => [{ kind, who: 1, a, b }]
  /** Reaches every event, by itself. */
  const everything: typeof history extends fc.Arbitrary<infer T> ? T : never = {
    at: 0,
    later: [9, 20, 27],
    shuffle: 7,
    steps: [
      [...by('task:move', 0, 4), ...by('vibe:move', 0, 4), ...by('cut:move', 0, 4)],
      by('project:update'),
      by('member:add', 2, 2),
      by('member:role', 0, 3),
      ...kinds.filter((kind) => kind.endsWith(':create')).map((kind) => by(kind)),
      by('person:rename', 1, 3),
      by('file:upload', 0, 1),
      by('file:upload', 0, 2),
      by('file:update'),
      by('comment:reply'),
      by('comment:update'),
      by('comment:resolve'),
      by('comment:reopen'),
      by('task:update', 0, 1),
      by('task:move', 0, 3),
      by('vibe:update'),
      by('vibe:move'),
      by('cut:update'),
      by('cut:move', 0, 3),
      by('cut:approve', 0, 1),
      by('cut:state', 0, 0),
      by('cut:state', 0, 1),
      by('cut:approve', 0, 1),
      by('comment:onTake', 3, 0),
      by('markers:import'),
      [...by('comment:carry'), ...by('comment:carry')],
      by('lyrics:write', 0, 5),
      by('member:remove', 1),
      by('person:rename', 2, 4),
      by('member:leave', 0),
      by('person:rename', 1, 5),
      by('invitation:resend'),
      by('invitation:accept', 0, 2),
      by('invitation:create'),
      by('invitation:revoke', 1),
      by('invitation:create'),
      by('invitation:expire', 2),
      by('share:play'),
      by('share:revoke'),
      by('webhook:create'),
      by('webhook:update', 0, 1),
      by('webhook:delete'),
      by('comment:delete'),
      by('file:delete'),
      by('task:delete'),
      by('cut:delete'),
      by('vibe:delete'),
    ],
  }

  it('R4 folded together they equal a fresh snapshot, for every event, over random histories', async () => {
    const team = await people(app())
    const [owner] = team as [Person]
    const live = await connect(app(), owner)
    const resumed = await connect(app(), owner)
    const seen = new Set<string>()

    const property = fc.asyncProperty(history, async ({ steps, at, later, shuffle }) => {
      const world = await begin(app(), team)
      const room = projectRoom(world.projectId)
      await live.join(world.projectId, { activity: false })
      let snapshot: Snapshot | undefined
      const parts: Snapshot[] = []
      const beside = later.map((n) => n % steps.length)
      for (const [n, step] of steps.entries()) {
        const taking = n === at % steps.length ? snapshotBy(owner, world.projectId) : undefined
        const part = beside.includes(n) ? snapshotBy(owner, world.projectId) : undefined
        await Promise.all(step.map((one) => act(world, one)))
        if (part) parts.push(await part)
        if (taking) {
          snapshot = await taking
          await resumed.join(world.projectId, { after: snapshot.seq, epoch: snapshot.epoch, activity: false })
        }
      }
      if (!snapshot) throw new Error('no snapshot was taken')
      const position = snapshot.seq
      const fresh = await snapshotBy(owner, world.projectId)
      const log = await readLog(owner, world.projectId)
      const expected = { content: snapshotOf(stateOf(fresh)), deleted: false }
      const rest: Event[] = log.filter((event) => event.meta.seq > position)

      expect(log.at(-1)?.meta.seq).toBe(fresh.seq)
      expect(folded(snapshot, rest)).toEqual(expected)
      const pages = pagesOf([snapshot, ...parts], (key) => Number.parseInt(key.slice(-6), 16) ^ shuffle)
      const sincePages = log.filter((event) => event.meta.seq > pages[0].seq)
      expect(folded(pages, sincePages)).toEqual(expected)
      for (const listener of [live, resumed]) {
        await until('the whole log', () => since(listener, room, position).length >= rest.length)
        expect(since(listener, room, position)).toEqual(rest)
        expect(folded(snapshot, since(listener, room, position))).toEqual(expected)
      }
      for (const event of log) seen.add(event.name)
      await owner.must('DELETE', `/api/projects/${world.projectId}`)
    })
    await fc.assert(property, {
      numRuns: Number(process.env.RUNS ?? 10),
      interruptAfterTimeLimit: 25_000,
      examples: [[everything]],
    })
    // They come by themselves, after others: test/features/files/processing.test.ts, test/extensions.
    const elsewhere = ['project:deleted', 'file:processed', 'file:failed', 'extension:event']
    const unseen = () => Object.keys(projectEvents).filter((name) => !elsewhere.includes(name) && !seen.has(name))
    expect(unseen()).toEqual([])
  })

  it('R4 a deleted project leaves no rows, and a member who was away learns of it', async () => {
    const world = await begin(app(), await people(app()))
    const [owner, editor] = world.people as [Person, Person]
    const room = projectRoom(world.projectId)
    const live = await connect(app(), editor)
    await live.join(world.projectId)
    const snapshot = await snapshotBy(owner, world.projectId)
    await act(world, { kind: 'cut:create', who: 1, a: 0, b: 0 })
    await owner.must('DELETE', `/api/projects/${world.projectId}`)
    await until('the end', () => live.events(room).some((event) => event.name === 'project:deleted'))

    const events = since(live, room, snapshot.seq)
    expect(events.map((event) => event.name)).toEqual(['cut:created', 'project:deleted'])
    expect(events.at(-1)?.payload).toEqual({ projectId: world.projectId })
    expect(folded(snapshot, events)).toEqual({
      deleted: true,
      content: { project: snapshot.project, ...Object.fromEntries(lists.map((list) => [list, []])) },
    })
    expect((await owner.call('GET', `/api/projects/${world.projectId}/snapshot`)).status).toBe(404)
  })

  /** All that may be left of a person who is no member any more. */
  const traces: Record<string, (world: World, them: Person) => Promise<unknown>> = {
    task: ({ projectId }, them) => them.must('POST', `/api/projects/${projectId}/tasks`, { title: 'left behind' }),
    vibe: ({ projectId }, them) => them.must('POST', `/api/projects/${projectId}/vibes`, { name: 'left behind' }),
    cut: ({ vibes }, them) => them.must('POST', `/api/vibes/${vibes[0]}/cuts`, { name: 'left behind' }),
    share: ({ cuts }, them) => them.must('POST', `/api/cuts/${cuts[0]}/shares`, {}),
    comment: ({ cuts }, them) => them.must('POST', `/api/cuts/${cuts[0]}/comments`, { body: 'left behind' }),
    reply: ({ comments }, them) => them.must('POST', `/api/comments/${comments[0]}/replies`, { body: 'left behind' }),
    resolution: ({ comments }, them) => them.must('POST', `/api/comments/${comments[0]}/resolve`),
    nothing: async () => {},
  }
  it('R4 a rename reaches projects where a former member is shown by one thing, and no project where they are not shown', async () => {
    const [owner, ...others] = (await people(app())) as [Person, Person, Person, Person]
    for (const [trace, leave] of Object.entries(traces)) {
      const world = await begin(app(), [owner, ...others.slice(0, 2)])
      const them = others[2] as Person
      await addMember(owner, world.projectId, them)
      await leave(world, them)
      await them.must('DELETE', `/api/projects/${world.projectId}/members/${them.id}`)
      const snapshot = await snapshotBy(owner, world.projectId)
      await them.must('PATCH', '/api/me', { name: `They of the ${trace}` })
      const log = await readLog(owner, world.projectId, snapshot.seq)
      expect(log.map((event) => event.name)).toEqual(trace === 'nothing' ? [] : ['person:updated'])
      const fresh = await snapshotBy(owner, world.projectId)
      expect([trace, folded(snapshot, log).content]).toEqual([trace, snapshotOf(stateOf(fresh))])
      expect(JSON.stringify(fresh).includes(`They of the ${trace}`)).toBe(trace !== 'nothing')
    }
  })

  it('R4 a rename reaches a project that the person created and left', async () => {
    const [maker, heir] = (await people(app())) as [Person, Person]
    const project = await createProject(maker)
    await addMember(maker, project.id, heir, 'owner')
    await maker.must('DELETE', `/api/projects/${project.id}/members/${maker.id}`)
    const snapshot = await snapshotBy(heir, project.id)
    await maker.must('PATCH', '/api/me', { name: 'Maker' })
    const log = await readLog(heir, project.id, snapshot.seq)
    expect(folded(snapshot, log).content.project.author.name).toBe('Maker')
    expect(folded(snapshot, log).content).toEqual(snapshotOf(stateOf(await snapshotBy(heir, project.id))))
  })

  /** Everything that draws a person anew, done at once by and about a person who is being renamed. */
  async function drawing(world: World, renamed: Person, outsider: Person, theirs: string): Promise<Answer[]> {
    const [owner] = world.people as [Person]
    const at = `/api/projects/${world.projectId}`
    return Promise.all([
      owner.call('PATCH', `/api/cuts/${world.cuts[0]}`, { bpm: 99 }),
      owner.call('POST', `/api/comments/${theirs}/resolve`),
      renamed.call('POST', `${at}/tasks`, { title: 'by them' }),
      owner.call('POST', `${at}/tasks`, { title: 'for them', assigneeId: renamed.id }),
      owner.call('PATCH', `/api/tasks/${world.tasks[0]}`, { assigneeId: renamed.id }),
      renamed.call('POST', `/api/cuts/${world.cuts[0]}/comments`, { body: 'by them' }),
      renamed.call('POST', `/api/comments/${world.comments[0]}/resolve`),
      owner.call('PATCH', `/api/vibes/${world.vibes[0]}`, { theme: 'theirs' }),
      owner.call('POST', `${at}/members`, { userId: outsider.id }),
      owner.call('PATCH', `${at}/members/${renamed.id}`, { role: 'owner' }),
    ])
  }

  for (const first of ['rename', 'write'] as const)
    it(`R4 a person drawn while they are renamed: the ${first} comes to its COMMIT first`, async () => {
      const world = await begin(app(), await people(app()))
      const [owner, renamed, , outsider] = world.people as [Person, Person, Person, Person]
      const theirs = (await renamed.must<{ id: string }>('POST', `/api/cuts/${world.cuts[0]}/comments`, { body: 'theirs' })).id
      const snapshot = await snapshotBy(owner, world.projectId)
      const rename = () =>
        Promise.all([renamed, outsider].map((person) => person.call('PATCH', '/api/me', { name: `New ${person.name}` })))

      const { opened, open } = gate()
      let atCommit = 0
      hold = async () => {
        atCommit++
        await opened
      }
      onTestFinished(() => {
        hold = undefined
        open()
      })
      const waits = async () => {
        const { rows } = await app().db.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        )
        return (rows[0]?.n ?? 0) > 0
      }
      const leading: Promise<Answer[]> = first === 'rename' ? rename() : drawing(world, renamed, outsider, theirs)
      await until('the first to reach their COMMIT', () => atCommit >= 1)
      const following: Promise<Answer[]> = first === 'rename' ? drawing(world, renamed, outsider, theirs) : rename()
      await until('the second to wait for them', waits)
      hold = undefined
      open()
      for (const answer of [...(await leading), ...(await following)])
        expect([200, 201], JSON.stringify(answer.body)).toContain(answer.status)

      const fresh = await snapshotBy(owner, world.projectId)
      const rest = await readLog(owner, world.projectId, snapshot.seq)
      expect(rest.filter((event) => event.name === 'person:updated').length).toBeGreaterThan(0)
      expect(folded(snapshot, rest).content).toEqual(snapshotOf(stateOf(fresh)))
    })
})
