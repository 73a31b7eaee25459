import type { Presence, Room, RoomOptions } from '@cutroom/client'
import { type MaybeRefOrGetter, type ShallowRef, shallowRef, toValue, watch } from 'vue'
import { useClient } from './provide.ts'
import { useSelect } from './use-select.ts'

/**
 * The room of a project: joined when the component is set up, released when it unmounts. All components that ask for one project
 * share its room, with the same choice of `state` and `comments`; `from` is read when it is opened. A room stays joined for
 * `keepRoomsMs` after its last release, so a change of page loads nothing twice. One that the person is
 * removed from is empty until they are added again.
 *
 * @returns null without a login, and without a project
 */
export function useRoom<P extends Presence['state'] = Presence['state']>(
  projectId: MaybeRefOrGetter<string | null | undefined>,
  options: MaybeRefOrGetter<RoomOptions> = {},
): Readonly<ShallowRef<Room<P> | null>> {
  const client = useClient()
  const userId = useSelect(client, (client) => client.userId)
  const held = shallowRef<Room<P> | null>(null)
  const choice = () => {
    const { activity, state, comments } = toValue(options)
    return [toValue(projectId), userId.value, activity, state, comments] as const
  }
  watch(
    choice,
    ([projectId, userId], _, onCleanup) => {
      held.value = null
      if (!projectId || userId === undefined) return
      const room = client.room<P>(projectId, toValue(options))
      held.value = room
      onCleanup(() => room.leave())
    },
    { immediate: true },
  )
  return held
}
