import { CutroomError, type Endpoint, type MutationArgs, type MutationOptions, type Role, type Room } from '@cutroom/client'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { isAtLeast } from './people.ts'
import { toast } from './say.ts'
import { client, reasonOf } from './session.ts'
import { useSelected } from './use-selected.ts'

export const RoomContext = createContext<Room | null>(null)

/** The room of the project that is shown. */
export function useRoom(): Room {
  const room = useContext(RoomContext)
  if (!room) throw new Error('There is no project here')
  return room
}

/** A part of the room, drawn again when it changes. */
export function useRoomValue<T>(pick: (room: Room) => T, deps: readonly unknown[] = []): T {
  const room = useRoom()
  return useSelected(() => room.select(pick), [room, ...deps])
}

/** Has the person who is signed in the rights of this role here? */
export const useMay = (least: Role): boolean =>
  // until the join is answered, what the snapshot says
  useRoomValue(({ role, state }) => isAtLeast(role ?? state?.members.get(client.userId ?? '')?.role, least), [least])

/** Says why a write failed whose row is back where it was. */
export function complain(error: unknown): void {
  // with the session its writes have ended, and the page says so
  if (client.me || !(error instanceof CutroomError) || error.code !== 'session-revoked') toast(reasonOf(error), 'bad')
}

/**
 * Queues a write that stays where it is drawn, with the reason, when it is refused. Resolves once it is queued.
 * @throws CutroomError too-many: it is not, and what was written must stay in its box
 */
export async function queue<E extends Endpoint>(endpoint: E, args: MutationArgs<E>, options: MutationOptions = {}) {
  const { length } = client.mutations
  const mutate = client.mutate as (endpoint: Endpoint, args: object, options: MutationOptions) => Promise<unknown>
  const answered = mutate(endpoint, args, { ...options, keep: true })
  if (client.mutations.length === length) await answered
  return { answered }
}
