import { problem } from '../../errors.ts'
import { JoinQueue } from '../delivery/join-queue.ts'
import { customRoom, type Dialect, type DialectCaller, type MayEnter } from '../dialect.ts'
import type { RoomSocket } from '../types.ts'
import { type ChooserOptions, createChooser } from './choose.ts'
import { createRelay, type RelayOptions } from './relay.ts'
import { createSpeech, type Speech, type SpeechOptions } from './speech.ts'

/** Rooms of extensions that one socket is in. */
const MAX_CUSTOM_ROOMS = 100
const CUSTOM = customRoom('')

export interface Dialects {
  /** The dialect of a socket in its handshake; null: none. @throws problem bad-request */
  dialectOf: (socket: RoomSocket) => Dialect | null
  speech: Speech
  relay: ReturnType<typeof createRelay>
  /** Handles a request of a socket's dialect. */
  ask: (socket: RoomSocket, name: string, payload: unknown) => Promise<unknown>
}

export interface DialectsOptions extends ChooserOptions, RelayOptions, SpeechOptions {
  mayEnter: MayEnter
}

/** Lets a socket into a room of an extension. */
async function enter(socket: RoomSocket, room: string, mayEnter: MayEnter): Promise<boolean> {
  const taken = [...socket.rooms].filter((each) => each.startsWith(CUSTOM))
  if (taken.length >= MAX_CUSTOM_ROOMS) throw problem('too-many', `A socket is in at most ${MAX_CUSTOM_ROOMS} such rooms`)
  const may = (await mayEnter(socket.data.person, room)) === true && socket.connected
  if (may) await socket.join(customRoom(room))
  return may
}

/** Takes a socket out of all rooms of extensions. */
export function leaveCustomRooms(socket: RoomSocket): void {
  for (const room of socket.rooms) if (room.startsWith(CUSTOM)) void socket.leave(room)
}

/** The dialects of this node: who speaks which, what is said to them, and what they ask. */
export function openDialects({ mayEnter, ...options }: DialectsOptions): Dialects {
  const relay = createRelay(options)
  return {
    dialectOf: createChooser(options),
    speech: createSpeech(options),
    relay,
    async ask(socket, name, payload) {
      const { dialect, person, sessionId } = socket.data
      const handle = dialect?.requests?.[name]
      if (!dialect || !handle) throw problem('bad-request', 'There is no such request')
      const caller: DialectCaller = {
        userId: person.id,
        sessionId,
        relay: (frame) => relay.relay(socket, dialect, frame),
        enter: (room) => enter(socket, room, mayEnter),
      }
      return JoinQueue.of(socket).lookup(async () => handle(caller, payload))
    },
  }
}
