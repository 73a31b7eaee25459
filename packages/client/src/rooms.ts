import type { Problem, ProjectEventName, RoomEvent } from '@cutroom/contract'
import type { Call } from './call.ts'
import type { CutroomSocket, PassingEvent } from './frames.ts'
import { rooms as endpoints, roomPrefix } from './generated/contract.ts'
import { openRoom, type RoomInlet } from './open-room.ts'
import { type Pacer, ranks } from './pacer.ts'
import type { Room, RoomOptions } from './room.ts'

export interface RoomsDeps {
  call: Call
  socket(): CutroomSocket | undefined
  pacer: Pacer
  userId(): string | undefined
  onError(error: unknown): void
  ackTimeoutMs: number
}

interface Open {
  inlet: RoomInlet
  /** What may not differ when it is asked for again. */
  kept: string
}

const roomOf = (projectId: string): string => `${roomPrefix.project}${projectId}`

/** The open rooms of a client, and how many of them the server allows. */
export function createRooms({ call, ...deps }: RoomsDeps) {
  const open = new Map<string, Open>()
  // the server refused the last of these for the number of rooms; in the order in which they were opened
  const waiting = new Set<string>()
  let full: Problem | undefined

  /** The limit is one of a connection. */
  function forgetLimit(): void {
    full = undefined
    waiting.clear()
  }

  /** A room has been left: there is space for the next one. */
  function forget(id: string): void {
    open.delete(id)
    if (waiting.delete(id)) return
    full = undefined
    const [next] = [...open.keys()].filter((key) => waiting.has(key))
    if (next === undefined) return
    waiting.delete(next)
    open.get(next)?.inlet.connected()
  }

  function make(projectId: string, id: string, options: RoomOptions): RoomInlet {
    const comments = options.comments === undefined || options.comments === 'all' ? {} : { comments: options.comments }
    return openRoom(projectId, options, {
      ...deps,
      fetchPage: (cursor, signal) =>
        call(endpoints.snapshot, {
          params: { projectId },
          query: { ...comments, ...(cursor === undefined ? {} : { cursor }) },
          signal,
          retryForMs: 0,
        }),
      fullProblem: () => full,
      full(problem) {
        waiting.add(id)
        const isNews = full === undefined
        full = problem
        if (isNews) deps.pacer.flush(ranks.join)
      },
      forget: () => forget(id),
    })
  }

  const each = (run: (inlet: RoomInlet) => void): void => {
    for (const { inlet } of [...open.values()]) run(inlet)
  }

  return {
    /** The room of a project, opened where it is not yet; `isNew` says which. */
    get(project: string, options: RoomOptions): { room: Room; inlet: RoomInlet; isNew: boolean } {
      const projectId = project.toLowerCase()
      const id = roomOf(projectId)
      const kept = `${options.state ?? true} ${options.comments?.toLowerCase() ?? 'all'}`
      const known = open.get(id)
      if (known && known.kept !== kept)
        throw new Error('This room is open with another choice of state or comments; leave it first')
      const inlet = known?.inlet ?? make(projectId, id, options)
      if (!known) open.set(id, { inlet, kept })
      return { room: inlet.room, inlet, isNew: !known }
    },
    connected(): void {
      forgetLimit()
      each((inlet) => inlet.connected())
    },
    disconnected(): void {
      forgetLimit()
      each((inlet) => inlet.disconnected())
    },
    suspended(problem: Problem | undefined): void {
      forgetLimit()
      each((inlet) => inlet.suspended(problem))
    },
    check: () => each((inlet) => inlet.check()),
    end(problem?: Problem): void {
      forgetLimit()
      each((inlet) => inlet.end(problem))
    },
    /** Takes an event, if its room is open. */
    take(event: RoomEvent): boolean {
      const known = open.get(event.meta.room)
      // the room a name came from says which names it can be
      known?.inlet.take(event as RoomEvent<ProjectEventName>)
      return known !== undefined
    },
    passing(projectId: string, event: PassingEvent): void {
      open.get(roomOf(projectId))?.inlet.passing(event)
    },
  }
}
