import { problem } from '../../errors.ts'
import { JoinQueue } from '../delivery/join-queue.ts'
import type { Dialect, DialectCaller } from '../dialect.ts'
import type { CustomRooms } from '../sockets/custom-rooms.ts'
import type { RoomSocket } from '../types.ts'
import { type ChooserOptions, createChooser } from './choose.ts'
import { createRelay, type RelayOptions } from './relay.ts'
import { createSpeech, type Speech, type SpeechOptions } from './speech.ts'

export interface Dialects {
  /** The dialect of a socket in its handshake; null: none. @throws problem bad-request */
  dialectOf: (socket: RoomSocket) => Dialect | null
  speech: Speech
  relay: ReturnType<typeof createRelay>
  /** Handles a request of a socket's dialect. */
  ask: (socket: RoomSocket, name: string, payload: unknown) => Promise<unknown>
}

export interface DialectsOptions extends ChooserOptions, RelayOptions, SpeechOptions {
  customRooms: Pick<CustomRooms, 'enter'>
}

/** The dialects of this node: who speaks which, what is said to them, and what they ask. */
export function openDialects({ customRooms, ...options }: DialectsOptions): Dialects {
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
        enter: (room) => customRooms.enter(socket, room),
      }
      return JoinQueue.of(socket).lookup(async () => handle(caller, payload))
    },
  }
}
