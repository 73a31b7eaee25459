import type { Presence, Room, RoomOptions } from '@cutroom/client'
import { type MaybeRefOrGetter, onScopeDispose, ref, type ShallowRef, shallowRef, toValue, watch } from 'vue'
import { useClient } from './provide.ts'
import { useSelect } from './use-select.ts'

/**
 * The room of a project: joined when the component is set up, released when it unmounts. All components that ask for one project
 * share its room, with the same choice of `state` and `comments`, which may change for all at once; `from` is read when it is opened.
 * A room stays joined for `keepRoomsMs` after its last release, so a change of page loads nothing twice. One that the person is
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
  const refusals = ref(0)

  function release(): void {
    held.value?.leave()
    held.value = null
  }
  function open(): void {
    release()
    const id = toValue(projectId)
    if (id && userId.value !== undefined) held.value = client.room<P>(id, toValue(options))
  }
  // refused while a component that follows the same change still holds the room as it was: again when all are up to date
  watch(refusals, () => held.value || open(), { flush: 'post' })
  watch(
    // each by itself: an equal choice from another object changes nothing
    [
      () => toValue(projectId),
      userId,
      () => toValue(options).activity,
      () => toValue(options).state,
      () => toValue(options).comments,
    ],
    () => {
      try {
        open()
      } catch {
        refusals.value++
      }
    },
    { immediate: true },
  )
  onScopeDispose(release)
  return held
}
