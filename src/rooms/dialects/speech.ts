import type { RoomId } from '@cutroom/contract'
import { type Dialect, dialectRoom, type Frame, type ToldEntry } from '../dialect.ts'
import { entryOf } from '../sockets/engine-io.ts'
import type { RoomServer, RoomSocket } from '../types.ts'

export interface SpeechOptions {
  io: RoomServer
  dialects: readonly Dialect[]
  /** Called with failures of a translation; the entry is left out for the sockets of that dialect. */
  onError: (error: unknown, room: RoomId) => void
}

/** What is delivered, in the words of each dialect that is spoken in the room. */
export interface Speech {
  /** The Socket.IO rooms of those who receive what is in a room in other words, or with more. */
  roomsOf(room: RoomId): string[]
  deliver(room: RoomId, entry: ToldEntry): void
  close(): void
}

// The typed maps of Socket.IO know the names of the contract.
interface Emitter {
  emit(name: string, ...args: unknown[]): unknown
}

/** Frames that follow one another too fast: the newest waits for the end of the pause. */
interface Pause {
  timer: NodeJS.Timeout
  newest: readonly Frame[]
}

/** Translates entries at delivery: once for each dialect that has a socket in the room, and for no other. */
export function createSpeech({ io, dialects, onError }: SpeechOptions): Speech {
  const speaking = dialects.flatMap(({ name, coalesceMs = 0, ...dialect }) => {
    const translate = dialect.translate ?? dialect.adds
    return translate ? [{ name, translate, coalesceMs }] : []
  })
  /** By Socket.IO room. */
  const pauses = new Map<string, Pause>()

  function send(to: string, frames: readonly Frame[]): void {
    for (const frame of frames) (io.local.to(to) as Emitter).emit(...frame)
  }
  function pause(to: string, ms: number): void {
    const timer = setTimeout(() => {
      const newest = pauses.get(to)?.newest ?? []
      pauses.delete(to)
      if (newest.length === 0) return
      send(to, newest)
      pause(to, ms)
    }, ms)
    timer.unref()
    pauses.set(to, { timer, newest: [] })
  }
  function coalesce(to: string, frames: readonly Frame[], ms: number): void {
    const waiting = pauses.get(to)
    if (waiting) waiting.newest = frames
    else {
      send(to, frames)
      pause(to, ms)
    }
  }

  return {
    roomsOf: (room) => speaking.map(({ name }) => dialectRoom(name, room)),
    deliver(room, entry) {
      for (const { name, translate, coalesceMs } of speaking) {
        const to = dialectRoom(name, room)
        if (!io.of('/').adapter.rooms.has(to)) continue
        try {
          const frames = translate(entry)
          if (coalesceMs === 0) send(to, frames)
          else if (frames.length > 0) coalesce(to, frames, coalesceMs)
        } catch (error) {
          onError(error, room)
        }
      }
    },
    close() {
      for (const { timer } of pauses.values()) clearTimeout(timer)
      pauses.clear()
    },
  }
}

/** Sends frames of a replay to a socket in the words of its dialect, or what the dialect adds to them. */
export function sendTranslated(socket: RoomSocket, dialect: Dialect, frames: readonly Buffer[]): void {
  const { translate = dialect.adds, coalesceMs = 0 } = dialect
  if (!translate) return
  const translated = frames.flatMap((frame) => translate(entryOf(frame)))
  for (const frame of coalesceMs > 0 ? translated.slice(-1) : translated) (socket as Emitter).emit(...frame)
}
