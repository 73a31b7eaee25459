import type { Person, Presence, RoomId } from '../contract/index.ts'

/** Who stands in which project, as far as this node sees. Never in the log, never moves a head. */
export interface PresenceTable {
  enter(room: RoomId, person: Person, socketId: string): void
  /** `grace`: the person may be back in a moment (a lost connection), so others are told only later. */
  exit(room: RoomId, userId: string, socketId: string, grace: boolean): void
  set(room: RoomId, userId: string, state: Presence['state']): void
  list(room: RoomId): Presence[]
  close(): void
}

export interface PresenceOptions {
  announce: (room: RoomId, change: { present: Presence[]; left: string[] }) => void
  /** How long a lost connection goes unmentioned, ms. */
  graceMs: number
  /** Changes of one room within this time make one message, ms. */
  coalesceMs: number
}

interface Entry {
  presence: Presence
  sockets: Set<string>
  leaving: NodeJS.Timeout | null
}

interface Room {
  people: Map<string, Entry>
  changed: Set<string>
  flush: NodeJS.Timeout | null
}

export function createPresence({ announce, graceMs, coalesceMs }: PresenceOptions): PresenceTable {
  const rooms = new Map<RoomId, Room>()

  function touch(id: RoomId, room: Room, userId: string): void {
    room.changed.add(userId)
    room.flush ??= setTimeout(() => {
      room.flush = null
      const changed = [...room.changed]
      room.changed.clear()
      const present = changed.flatMap((user) => room.people.get(user)?.presence ?? [])
      const left = changed.filter((user) => !room.people.has(user))
      if (room.people.size === 0) rooms.delete(id)
      announce(id, { present, left })
    }, coalesceMs)
  }

  function remove(id: RoomId, room: Room, userId: string): void {
    room.people.delete(userId)
    touch(id, room, userId)
  }

  return {
    enter(id, person, socketId) {
      const room = rooms.get(id) ?? { people: new Map<string, Entry>(), changed: new Set<string>(), flush: null }
      rooms.set(id, room)
      const entry = room.people.get(person.id)
      if (entry) {
        entry.sockets.add(socketId)
        if (entry.leaving) clearTimeout(entry.leaving)
        entry.leaving = null
        return
      }
      const presence = { user: person, since: new Date().toISOString(), state: null }
      room.people.set(person.id, { presence, sockets: new Set([socketId]), leaving: null })
      touch(id, room, person.id)
    },
    exit(id, userId, socketId, grace) {
      const room = rooms.get(id)
      const entry = room?.people.get(userId)
      if (!room || !entry?.sockets.delete(socketId) || entry.sockets.size > 0) return
      if (!grace) remove(id, room, userId)
      else entry.leaving = setTimeout(() => remove(id, room, userId), graceMs)
    },
    set(id, userId, state) {
      const room = rooms.get(id)
      const entry = room?.people.get(userId)
      if (!room || !entry) return
      entry.presence = { ...entry.presence, state }
      touch(id, room, userId)
    },
    list: (id) => [...(rooms.get(id)?.people.values() ?? [])].map((entry) => entry.presence),
    close() {
      for (const room of rooms.values()) {
        if (room.flush) clearTimeout(room.flush)
        for (const entry of room.people.values()) if (entry.leaving) clearTimeout(entry.leaving)
      }
      rooms.clear()
    },
  }
}
