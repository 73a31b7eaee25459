// Any interleaving of mutations, echoes, lost answers, lost connections and reloads ends with what the server has, each write done once.
import { comments, type Draw, type MutationStore, placeAfter, type Room, type Task, tasks } from '@cutroom/client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { addMember, createProject, createTeam, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf, expectCurrent, live } from './clients.ts'
import { createNetwork } from './network.ts'

type Step =
  | { kind: 'create' | 'comment' | 'rename' | 'move' | 'delete'; at: number; to: number }
  | { kind: 'network'; fate: 'pass' | 'lose' | 'refuse' }
  | { kind: 'cut' | 'reload' | 'other' | 'pause' }

const write = fc.record({
  kind: fc.constantFrom('create', 'create', 'comment', 'rename', 'move', 'delete'),
  at: fc.nat(20),
  to: fc.nat(20),
})
const step = fc.oneof(
  { weight: 8, arbitrary: write },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('network'), fate: fc.constantFrom('pass', 'lose', 'refuse') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('cut', 'reload', 'other', 'pause') }) },
) as fc.Arbitrary<Step>

const RUNS = Number(process.env.RUNS ?? 4)

describe('mutations in any order', () => {
  const app = useApp()

  /** One person at one device that is reloaded now and then, with a network that fails. */
  function startDevice(person: Person, projectId: string) {
    const network = createNetwork()
    let text: string | null = null
    const store: MutationStore = {
      load: () => text,
      save(next) {
        text = next
      },
    }
    const open = () => {
      const { client } = clientOf(app(), person, { fetch: network.fetch, mutationStore: store })
      return { client, room: client.room(projectId) }
    }
    let page = open()
    let created = 0
    const put = (draw: Draw, ...[endpoint, args]: [never, never]) =>
      void page.client.mutate(endpoint, args, { projectId, draw, keep: true } as never)

    function mutate({ kind, at, to }: Extract<Step, { at: number }>, room: Room): void {
      const list = room.state?.tasksIn('todo') ?? []
      const task: Task | undefined = list[at % Math.max(list.length, 1)]
      const params = { taskId: task?.id }
      if (kind === 'create') {
        const title = `${person.name} ${created++}`
        const draw: Draw = { name: 'task:created', payload: { title, status: 'todo' } }
        put(draw, tasks.create as never, { params: { projectId }, body: { title } } as never)
      } else if (!task) return
      else if (kind === 'rename') {
        const title = `${task.title}!`
        put(
          { name: 'task:updated', payload: { id: task.id, title } },
          tasks.update as never,
          { params, body: { title } } as never,
        )
      } else if (kind === 'move') {
        const { after, rank } = placeAfter(list, task.id, to % list.length)
        put(
          { name: 'task:moved', payload: { taskId: task.id, to: 'todo', rank } },
          tasks.move as never,
          { params, body: { status: 'todo', after } } as never,
        )
      } else if (kind === 'delete')
        put({ name: 'task:deleted', payload: { taskId: task.id } }, tasks.delete as never, { params } as never)
      else {
        const body = `about ${task.title}`
        const draw: Draw = { name: 'comment:created', payload: { body, taskId: task.id } }
        put(draw, comments.createOnTask as never, { params, body: { body } } as never)
      }
    }
    return {
      network,
      mutate: (one: Extract<Step, { at: number }>) => mutate(one, page.room),
      page: () => page,
      async reload(): Promise<void> {
        // what was decided in this turn is stored by its end
        await Promise.resolve()
        page.client.close()
        page = open()
      },
      created: () => created,
    }
  }

  it(`U6 end equal to a fresh snapshot, each done once (${RUNS} runs)`, async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
        const project = await createProject(owner)
        await addMember(owner, project.id, editor, 'editor')
        const device = startDevice(owner, project.id)
        await until('a start', () => device.page().room.state !== null)
        let others = 0
        for (const one of steps) {
          if ('at' in one) device.mutate(one)
          else if (one.kind === 'network')
            device.network.rule((path) => (one.fate === 'lose' && path.includes('snapshot') ? 'pass' : one.fate))
          else if (one.kind === 'cut') for (const socket of app().app.io.of('/').sockets.values()) socket.conn.close()
          else if (one.kind === 'reload') await device.reload()
          else if (one.kind === 'other')
            await editor.must('POST', `/api/projects/${project.id}/tasks`, { title: `other ${others++}` })
          else await new Promise((next) => setTimeout(next, 20))
        }
        device.network.rule(() => 'pass')
        const { client, room } = device.page()
        await client.restore()
        await live(room)
        await until('all are decided', () => client.mutations.every(({ state }) => state === 'refused'), 60_000)
        // what was written about a row that is gone, or was refused itself, has its problem; nothing is lost without a word
        for (const { problem } of client.mutations) expect(['not-found', 'validation', 'conflict']).toContain(problem?.code)
        for (const mutation of client.mutations) mutation.discard()
        expect([client.mutations, room.pending.size]).toEqual([[], 0])
        await expectCurrent(room, owner)
        const log = await room.history({ last: 1_000 })
        const made = log.flatMap(({ name, payload }) => (name === 'task:created' ? [(payload as Task).title] : []))
        const mine = made.filter((title) => title.startsWith(owner.name))
        expect(mine).toEqual(Array.from({ length: device.created() }, (_, n) => `${owner.name} ${n}`))
        client.close()
      }),
      { numRuns: RUNS, ...(process.env.SEED !== undefined && { seed: Number(process.env.SEED) }) },
    )
  }, 600_000)
})
