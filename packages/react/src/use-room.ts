import type { Presence, Room, RoomOptions } from '@cutroom/client'
import { useEffect, useLayoutEffect, useState } from 'react'
import { useClient } from './provider.ts'
import { useSelect } from './use-select.ts'

/** Before the page is painted, so that a room which is there already is in the first picture. A server has no layout. */
const useOpeningEffect = 'document' in globalThis ? useLayoutEffect : useEffect

/**
 * The room of a project: joined when the component mounts, released when it unmounts. All components that ask for one project share
 * its room, with the same choice of `state` and `comments`, which may change for all at once; `from` is read when it is opened. A room
 * stays joined for `keepRoomsMs` after its last release, so a change of page loads nothing twice. One that the person is removed from
 * is empty until they are added again.
 *
 * @returns null without a login, without a project, and in the first drawing
 */
export function useRoom<P extends Presence['state'] = Presence['state']>(
  projectId: string | null | undefined,
  options: RoomOptions = {},
): Room<P> | null {
  const client = useClient()
  const userId = useSelect(client, (client) => client.userId)
  const [held, setHeld] = useState<{ key: string; room: Room<P> } | { key: string; error: unknown } | null>(null)
  const key = JSON.stringify([projectId, userId, options.activity, options.state, options.comments])
  // the key has what is used
  useOpeningEffect(() => {
    if (!projectId || userId === undefined) return setHeld(null)
    let room: Room<P> | undefined
    let isOver = false
    const open = () => {
      if (isOver) return
      room = client.room<P>(projectId, options)
      setHeld({ key, room })
    }
    try {
      open()
    } catch {
      // Preact opens for one component before it releases for the next: again when all have released
      Promise.resolve()
        .then(open)
        .catch((error) => setHeld({ key, error }))
    }
    return () => {
      isOver = true
      room?.leave()
    }
  }, [client, key])
  // that of another project or person is not this one
  if (held?.key !== key) return null
  if ('error' in held) throw held.error
  return held.room
}
