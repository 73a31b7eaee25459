import {
  type Answer,
  type Comment,
  type CutroomClient,
  type comments,
  createClient,
  type Draw,
  me,
  projects,
  rooms,
  tasks,
} from '@cutroom/client'
import { tasks as contractTasks } from '@cutroom/contract'
import { describe, expectTypeOf, it } from 'vitest'

// Nothing here is sent: the compiler checks this file (`npm run typecheck`).
const call = (() => Promise.resolve()) as unknown as CutroomClient['call']
const mutate = (() => Promise.resolve()) as unknown as CutroomClient['mutate']

describe('types of calls', () => {
  it('arguments and answers of an endpoint are those of the contract', () => {
    expectTypeOf(call(tasks.create, { params: { projectId: 'p' }, body: { title: 'Mix' } })).resolves.toEqualTypeOf<
      Answer<typeof tasks.create>
    >()
    expectTypeOf<Answer<typeof comments.get>>().toEqualTypeOf<Comment>()
    expectTypeOf<Answer<typeof comments.delete>>().toEqualTypeOf<void>()
    expectTypeOf(call(projects.list)).resolves.toHaveProperty('nextCursor')
    expectTypeOf(createClient).returns.toEqualTypeOf<CutroomClient>()
  })

  it('what does not fit the contract does not compile', () => {
    // @ts-expect-error a path parameter is missing
    void call(tasks.create, { body: { title: 'Mix' } })
    // @ts-expect-error the body has no such field
    void call(tasks.create, { params: { projectId: 'p' }, body: { title: 'Mix', colour: 'red' } })
    // @ts-expect-error this endpoint needs arguments
    void call(rooms.snapshot)
    // @ts-expect-error this endpoint takes no body
    void call(me.get, { body: {} })
    // @ts-expect-error not a status of a task
    void call(tasks.list, { params: { projectId: 'p' }, query: { status: 'lost' } })
  })

  it('what is drawn of a new row needs neither stamps nor fields that may be empty', () => {
    expectTypeOf<{ name: 'task:created'; payload: { title: string; status: 'todo' } }>().toExtend<Draw>()
    expectTypeOf<{ name: 'comment:reply'; payload: { cutId: string; parentId: string; body: string } }>().toExtend<Draw>()
    expectTypeOf<{ name: 'vibe:created'; payload: { name: string; theme: string } }>().toExtend<Draw>()
    expectTypeOf<{ name: 'task:created'; payload: { title: string } }>().not.toExtend<Draw>()
    expectTypeOf<{ name: 'vibe:created'; payload: { name: string; theme: number } }>().not.toExtend<Draw>()
  })

  it('a mutation takes no options that it sets itself', () => {
    void mutate(tasks.create, { params: { projectId: 'p' }, body: { title: 'Mix' }, ifMatch: 1, timeoutMs: 1_000 })
    // @ts-expect-error its drawing waits for its position
    void mutate(tasks.create, { params: { projectId: 'p' }, body: { title: 'Mix' }, onPosition() {} })
    // @ts-expect-error it has a key of its own
    void mutate(tasks.create, { params: { projectId: 'p' }, body: { title: 'Mix' }, idempotencyKey: 'k' })
  })

  it('endpoints of the contract can be called as well, with the same types', () => {
    expectTypeOf(call(contractTasks.get, { params: { taskId: 't' } })).resolves.toEqualTypeOf<Answer<typeof tasks.get>>()
  })
})
