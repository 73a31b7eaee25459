import { type ActivityState, type NotificationState, type Project, type Room, type Task, tasks } from '@cutroom/client'
import * as react from '@cutroom/react'
import * as vue from '@cutroom/vue'
import { describe, expect, expectTypeOf, it } from 'vitest'

// Nothing here is run: the compiler checks this file (`npm run typecheck`).
const use = (_: () => void) => {}
declare const room: Room<{ view: string }>
declare const maybe: Room | null

describe('types of hooks and composables', () => {
  it('what is picked has its type; without a source it may be undefined', () => {
    use(() => {
      expectTypeOf(react.useSelect(room, (room) => room.state?.tasksIn('todo'))).toEqualTypeOf<readonly Task[] | undefined>()
      expectTypeOf(react.useSelect(room, ({ status }) => status)).toEqualTypeOf<Room['status']>()
      expectTypeOf(react.useSelect(maybe, ({ status }) => status)).toEqualTypeOf<Room['status'] | undefined>()
      expectTypeOf(react.useSelect(react.useClient().user, ({ projects }) => projects)).toEqualTypeOf<ReadonlyMap<
        string,
        Project
      > | null>()
      expectTypeOf(react.usePresence(room).people.get('id')?.state?.view).toEqualTypeOf<string | undefined>()
      expectTypeOf(react.useActivity()).toEqualTypeOf<ActivityState | null>()
      expectTypeOf(vue.useActivity().value).toEqualTypeOf<ActivityState | null>()
      expectTypeOf(react.useNotifications()).toEqualTypeOf<NotificationState | null>()
      expectTypeOf(vue.useNotifications().value).toEqualTypeOf<NotificationState | null>()
      expectTypeOf(vue.useSelect(maybe, ({ status }) => status).value).toEqualTypeOf<Room['status'] | undefined>()
      expectTypeOf(
        vue.useSelect(
          () => maybe,
          ({ status }: Room) => status,
        ).value,
      ).toEqualTypeOf<Room['status'] | undefined>()
    })
  })

  it('a mutation takes and gives what its endpoint does', () => {
    use(() => {
      for (const { useMutation } of [react, vue]) {
        const { mutate } = useMutation(tasks.create)
        expectTypeOf(mutate({ params: { projectId: 'p' }, body: { title: 'Mix' } })).resolves.toEqualTypeOf<Task>()
        // @ts-expect-error a path parameter is missing
        void mutate({ body: { title: 'Mix' } })
        // @ts-expect-error the body has no such field
        void mutate({ params: { projectId: 'p' }, body: { title: 'Mix', colour: 'red' } })
        // @ts-expect-error this endpoint needs arguments
        void mutate()
      }
    })
  })

  it('both packages have the same functions', () => {
    const names = (module: object) => Object.keys(module).filter((name) => name.startsWith('use'))
    expect(names(react)).toEqual(names(vue))
  })
})
