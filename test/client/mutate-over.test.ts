// Writes that name a version which a write before them has yet to make.
import { type MutationOptions, type MutationStore, type Room, type Task, tasks } from '@cutroom/client'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createTeam, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf, expectCurrent, live } from './clients.ts'
import { createNetwork } from './network.ts'

type Changes = { title?: string; description?: string }

describe('a mutation over one that is not answered', () => {
  const app = useApp()

  /** A task in a room that has no network. */
  async function enter(mutationStore?: MutationStore) {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { id } = await owner.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const network = createNetwork()
    const { client } = clientOf(app(), owner, { fetch: network.fetch, ...(mutationStore && { mutationStore }) })
    await client.restore()
    const room = client.room(project.id)
    await live(room)
    await until('the task', () => room.state?.tasks.has(id) === true)
    network.rule(() => 'refuse')
    const shown = () => room.state?.tasks.get(id) as Task
    /** Changes the task as it is drawn. */
    const edit = (body: Changes, options: MutationOptions = { keep: true }) => {
      const version = shown().version
      return client.mutate(
        tasks.update,
        { params: { taskId: id }, body, ifMatch: version },
        { projectId: project.id, draw: { name: 'task:updated', payload: { id, ...body, version: version + 1 } }, ...options },
      )
    }
    const move = (to: Task['status']) => {
      const { version, status: from, rank } = shown()
      const draw = { name: 'task:moved' as const, payload: { taskId: id, from, to, rank, version: version + 1 } }
      const args = { params: { taskId: id }, body: { status: to, after: null } }
      return client.mutate(tasks.move, args, { projectId: project.id, draw })
    }
    const read = () => owner.must<Task>('GET', `/api/tasks/${id}`)
    const change = (person: Person, body: Changes) => person.must<Task>('PATCH', `/api/tasks/${id}`, body)
    const codes = () => client.mutations.map(({ problem }) => problem?.code)
    return { client, room, network, owner, editor, shown, edit, move, read, change, codes, version: shown().version }
  }
  const decided = (room: Room, client: { mutations: readonly { state: string }[] }) =>
    until('all are decided', () => room.state !== null && client.mutations.every(({ state }) => state === 'refused'))

  it('U5 of two queued changes of a row, the second is refused with the first, and writes nothing over another person’s', async () => {
    const { client, room, network, owner, editor, edit, read, change, codes, shown } = await enter()
    const first = edit({ title: 'Mix of Ann' })
    const other = edit({ title: 'Master' }, { keep: false })
    const both = Promise.allSettled([first, edit({ description: 'of Ann' })])
    const { version } = await change(editor, { title: 'Mix of Ben', description: 'of Ben' })
    network.rule(() => 'pass')
    await expect(other).rejects.toMatchObject({ code: 'stale' })
    const stale = { status: 'rejected', reason: { code: 'stale', problem: { current: { title: 'Mix of Ben' } } } }
    expect(await both).toMatchObject([stale, stale])
    await decided(room, client)
    expect(await read()).toMatchObject({ title: 'Mix of Ben', description: 'of Ben', version })
    expect(codes()).toEqual(['stale', 'stale'])
    expect(client.mutations.map(({ args }) => args.ifMatch)).toEqual([version - 1, version - 1])
    expect(shown()).toMatchObject({ title: 'Mix of Ann', description: 'of Ann' })
    for (const mutation of client.mutations) mutation.discard()
    await expectCurrent(room, owner)
  })

  it('U5 sent again, it writes nothing over what another person made by then', async () => {
    const { client, room, network, owner, edit, read, change, codes, editor } = await enter()
    void edit({ title: 'x'.repeat(1_000) })
    void edit({ description: 'of Ann' })
    network.rule(() => 'pass')
    await decided(room, client)
    expect(codes()).toEqual(['validation', 'validation'])
    await change(editor, { description: 'of Ben' })
    client.mutations[1]?.retry()
    await decided(room, client)
    expect(codes()).toEqual(['validation', 'stale'])
    expect(await read()).toMatchObject({ title: 'Mix', description: 'of Ben' })
    for (const mutation of client.mutations) mutation.discard()
    await expectCurrent(room, owner)
  })

  it.each([true, false])(
    'U5 where the first is gone (kept: %s), the second names the version that the first was over',
    async (keep) => {
      const { client, room, network, owner, edit, read, version } = await enter()
      edit({ title: 'x'.repeat(1_000) }, { keep }).catch(() => {})
      void edit({ description: 'one' })
      void edit({ description: 'two' })
      network.rule(() => 'pass')
      await decided(room, client)
      if (keep) client.mutations[0]?.discard()
      expect(client.mutations.map(({ args }) => args.ifMatch)).toEqual([version, version])
      client.mutations[0]?.discard()
      client.mutations[0]?.retry()
      await until('confirmed', () => client.mutations.length === 0)
      expect(await read()).toMatchObject({ title: 'Mix', description: 'two', version: version + 1 })
      await expectCurrent(room, owner)
    },
  )

  it('U5 an edit, a move and an edit of one row that were queued do not refuse each other', async () => {
    const { client, room, network, owner, edit, move, read } = await enter()
    const all = [
      edit({ title: 'Mix of Ann' }),
      move('done'),
      edit({ description: 'of Ann' }),
      move('doing'),
      edit({ title: 'Mix' }),
    ]
    network.rule(() => 'pass')
    await Promise.all(all)
    expect(await read()).toMatchObject({ title: 'Mix', description: 'of Ann', status: 'doing' })
    await until('confirmed', () => client.mutations.length === 0)
    await expectCurrent(room, owner)
  })

  it.each<[string, (ways: Awaited<ReturnType<typeof enter>>) => Promise<unknown>]>([
    ['a move that changes nothing', ({ move }) => move('todo')],
    ['a move that is refused', ({ move }) => move('nowhere' as 'todo')],
    ['an edit that changes nothing', ({ edit }) => edit({ title: 'Mix' })],
  ])('U5 an edit that was queued over %s is done', async (_, write) => {
    const ways = await enter()
    const { network, edit, read } = ways
    const before = write(ways)
    const after = edit({ description: 'of Ann' })
    network.rule(() => 'pass')
    await Promise.allSettled([before, after])
    expect(await after).toMatchObject({ description: 'of Ann' })
    expect(await read()).toMatchObject({ description: 'of Ann' })
  })

  it('U5 two edits that were queued and are not drawn do not refuse each other', async () => {
    const { network, edit, read } = await enter()
    const both = [edit({ title: 'Mix of Ann' }, { draw: [] }), edit({ description: 'of Ann' }, { draw: [] })]
    network.rule(() => 'pass')
    await Promise.all(both)
    expect(await read()).toMatchObject({ title: 'Mix of Ann', description: 'of Ann' })
  })

  it('U5 one that was refused for another reason is sent again over a move that was made by then', async () => {
    const { client, room, network, edit, move, codes, read } = await enter()
    void edit({ title: 'x'.repeat(1_000) })
    const moved = move('done')
    void edit({ description: 'of Ann' })
    network.rule(() => 'pass')
    await moved
    await decided(room, client)
    client.mutations[1]?.retry()
    await until('it is sent', () => client.mutations.length === 1)
    expect(codes()).toEqual(['validation'])
    expect(await read()).toMatchObject({ title: 'Mix', description: 'of Ann', status: 'done' })
  })

  it('U5 what another person made before a queued move is not written over by an edit behind it, and is shown as it is after it', async () => {
    const { client, room, network, editor, edit, move, change, codes, read } = await enter()
    void edit({ title: 'Mix of Ann' })
    const moved = move('done')
    void edit({ description: 'of Ann' })
    await change(editor, { title: 'Mix of Ben', description: 'of Ben' })
    network.rule(() => 'pass')
    await moved
    await decided(room, client)
    expect(codes()).toEqual(['stale', 'stale'])
    const current = await read()
    expect(current).toMatchObject({ title: 'Mix of Ben', description: 'of Ben', status: 'done' })
    expect(client.mutations.map(({ problem }) => problem?.current)).toEqual([current, current])
  })

  it('U5 an edit behind a move alone is refused where another person was faster', async () => {
    const { network, editor, edit, move, change, read } = await enter()
    const moved = move('done')
    const edited = edit({ description: 'of Ann' })
    await change(editor, { description: 'of Ben' })
    network.rule(() => 'pass')
    await moved
    await expect(edited).rejects.toMatchObject({ code: 'stale' })
    expect(await read()).toMatchObject({ description: 'of Ben', status: 'done' })
  })

  it('U5 they go on with each other also after a reload', async () => {
    let stored: string | null = null
    const store: MutationStore = {
      load: () => stored,
      save: (text) => {
        stored = text
      },
    }
    const { client, owner, edit, move, read } = await enter(store)
    void edit({ title: 'Mix of Ann' })
    void move('todo')
    void edit({ description: 'of Ann' })
    await until('they are stored', () => stored?.includes('"description":"of Ann"') === true)
    client.close()
    const again = clientOf(app(), owner, { mutationStore: store })
    await again.client.restore()
    await until('they are there', () => again.client.mutations.length > 0)
    await until('they are sent', () => again.client.mutations.length === 0)
    expect(await read()).toMatchObject({ title: 'Mix of Ann', description: 'of Ann' })
  })

  it('U5 another row, and a change that names no version, are sent all the same', async () => {
    const { client, room, network, owner, edit, change, editor, shown } = await enter()
    void edit({ title: 'Mix of Ann' })
    const { projectId, id } = shown()
    const unnamed = client.mutate(tasks.update, { params: { taskId: id }, body: { labels: ['loud'] } }, { projectId })
    const made = client.mutate(tasks.create, { params: { projectId }, body: { title: 'Another' } })
    await change(editor, { title: 'Mix of Ben' })
    network.rule(() => 'pass')
    expect(await unnamed).toMatchObject({ title: 'Mix of Ben', labels: ['loud'] })
    expect(await made).toMatchObject({ title: 'Another' })
    await decided(room, client)
    client.mutations[0]?.discard()
    await expectCurrent(room, owner)
  })
})
