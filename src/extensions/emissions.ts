import { customRoom, ExtensionEvent, type ExtensionMessage, MAX_EXTENSION_DATA, type RoomId, userRoom } from '@cutroom/contract'
import { isRoomId, kinds } from '../rooms/kinds.ts'

/** What one handling of an event may send. */
export const MAX_EMISSIONS = 100
const MAX_BYTES = 256 * 1024

/** What handlers of extensions send by. */
export interface SocketService {
  /** Tells a person, on each of their devices: a durable event in their own room. @throws TypeError, RangeError */
  emitToUser(userId: string, event: string, data?: unknown): void
  /** Tells a room: `project:<id>` and `user:<id>` durably, `<prefix>:<name>` of an extension those who are in it. @throws TypeError, RangeError */
  emitToRoom(room: string, event: string, data?: unknown): void
}

/** What a handler sent, until it is written. */
export interface Emissions {
  socket: SocketService
  /** Durable events. */
  events: { room: RoomId; payload: ExtensionEvent }[]
  /** For rooms of extensions. */
  messages: ExtensionMessage[]
  /** What is sent later is refused: it could be written no more. */
  close(): void
}

export const prefixOf = (room: string): string => room.slice(0, Math.max(room.indexOf(':'), 0))

/** A copy as it will be in JSON. @throws TypeError where it cannot be */
function toJson(data: unknown): { copy: unknown; bytes: number } {
  const json: string | undefined = JSON.stringify(data ?? null)
  if (json === undefined) throw new TypeError('What is sent must be JSON')
  const bytes = Buffer.byteLength(json)
  if (bytes > MAX_EXTENSION_DATA) throw new RangeError(`One event has at most ${MAX_EXTENSION_DATA} bytes of data, not ${bytes}`)
  return { copy: JSON.parse(json), bytes }
}

/**
 * Collects what the handlers of one event send.
 * @param from id of the extension
 * @param isOpened whether an extension has rooms of this prefix
 * @param signal ends with the time for the event
 */
export function collectEmissions(from: string, isOpened: (prefix: string) => boolean, signal: AbortSignal): Emissions {
  const [events, messages]: [Emissions['events'], ExtensionMessage[]] = [[], []]
  let closed = false
  let bytes = 0

  function payloadOf(event: string, data: unknown): ExtensionEvent {
    if (closed || signal.aborted) throw new TypeError('The handler has ended: what it sends has to be awaited')
    if (events.length + messages.length >= MAX_EMISSIONS)
      throw new RangeError(`One event is answered by at most ${MAX_EMISSIONS} emissions`)
    const json = toJson(data)
    if (bytes + json.bytes > MAX_BYTES) throw new RangeError(`One event is answered by at most ${MAX_BYTES} bytes`)
    const parsed = ExtensionEvent.safeParse({ from, event, data: json.copy })
    if (!parsed.success)
      throw new TypeError(
        'The name of an event has 1 to 100 visible characters of ASCII, its data at most 32 levels and 5,000 values',
      )
    bytes += json.bytes
    return parsed.data
  }

  function emit(room: string, event: string, data: unknown): void {
    const payload = payloadOf(event, data)
    if (isRoomId(room)) events.push({ room, payload })
    else if (Object.hasOwn(kinds, prefixOf(String(room)))) throw new TypeError(`${room} is no room: its id must be a UUID`)
    else if (customRoom.safeParse(room).success && isOpened(prefixOf(room))) messages.push({ room, ...payload })
    else throw new TypeError(`No extension opens rooms like ${String(room).slice(0, 200)}`)
  }

  return {
    events,
    messages,
    socket: {
      emitToUser: (userId, event, data) => emit(userRoom(userId), event, data),
      emitToRoom: emit,
    },
    close() {
      closed = true
    },
  }
}
