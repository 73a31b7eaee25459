import type { Problem, Project, ProjectEventName, RoomEvent } from '@cutroom/contract'
import type { Call } from './call.ts'
import type { CutroomSocket, PassingEvent } from './frames.ts'
import { rooms as endpoints, roomPrefix } from './generated/contract.ts'
import type { Mutations } from './mutations.ts'
import { openRoom, type RoomControl } from './open-room.ts'
import { type Pacer, ranks } from './pacer.ts'
import type { Position } from './resume-hooks.ts'
import type { Room, RoomOptions } from './room.ts'
import type { RoomDeps } from './room-parts.ts'
import { timeout } from './timing.ts'

export interface RoomsDeps {
  call: Call
  socket(): CutroomSocket | undefined
  pacer: Pacer
  userId(): string | undefined
  onError(error: unknown): void
  ackTimeoutMs: number
  /** How long a room stays after its last release, ms. */
  keepMs: number
  mutations: Mutations
  /** The project of a room was changed or deleted. */
  onProject(project: Project | null, projectId: string): void
  /** A room is live: joined for the first time, or again. */
  onLive(): void
}

interface Open {
  control: RoomControl
  /** The options that must be the same when the room is asked for again. */
  choice: string
  /** How often it was asked for and not left. */
  holds: number
  /** The person was added since it was last live. */
  isAdmitted?: boolean
  /** Ends it, since it is not held any more. */
  timer?: ReturnType<typeof setTimeout>
}

const roomOf = (projectId: string): string => `${roomPrefix.project}${projectId}`

/** The limit of rooms of a connection, which is known only when the server has refused one. */
function createRoomLimit() {
  // rooms that were refused for it
  const waiting = new Set<string>()
  let full: Problem | undefined
  return {
    problem: () => full,
    /** @returns whether the limit was not known before */
    refused(id: string, problem: Problem): boolean {
      waiting.add(id)
      const isNews = full === undefined
      full = problem
      return isNews
    },
    /** A room has been left. @returns the room of `open` that may be joined in its place */
    left(id: string, open: Iterable<string>): string | undefined {
      if (waiting.delete(id)) return undefined
      full = undefined
      const next = [...open].find((key) => waiting.has(key))
      if (next !== undefined) waiting.delete(next)
      return next
    },
    clear(): void {
      full = undefined
      waiting.clear()
    },
  }
}

/** What a room reads over REST. */
function readersOf(call: Call, projectId: string, options: RoomOptions): Pick<RoomDeps, 'fetchPage' | 'fetchEvents'> {
  const comments = options.comments === undefined || options.comments === 'all' ? {} : { comments: options.comments }
  const params = { projectId }
  return {
    fetchPage(cursor, signal) {
      const query = { ...comments, ...(cursor === undefined ? {} : { cursor }) }
      return call(endpoints.snapshot, { params, query, signal, retryForMs: 0 })
    },
    fetchEvents: (after, limit) => call(endpoints.events, { params, query: { after, limit } }),
  }
}

/** Lets people into rooms of `open` that they were not allowed in before. */
function createAdmission(open: ReadonlyMap<string, Open>, onLive: () => void) {
  function admit(known: Open): void {
    known.isAdmitted = !known.control.isBarred()
    if (known.control.isBarred()) known.control.admit()
  }
  return {
    live(id: string): void {
      const known = open.get(id)
      if (known) known.isAdmitted = false
      onLive()
    },
    barred(id: string): void {
      const known = open.get(id)
      // the word of the addition, from another room, was faster than that of the removal
      if (known?.isAdmitted) admit(known)
    },
    /** The person was added to this project, or may have been to any: events that would say so were missed. */
    admitted(projectId?: string): void {
      if (projectId === undefined) {
        for (const known of [...open.values()]) if (known.control.isBarred()) admit(known)
        return
      }
      const known = open.get(roomOf(projectId))
      if (known) admit(known)
    },
  }
}

/** The open rooms of a client, and how many of them the server allows. */
export function createRooms({ call, ...deps }: RoomsDeps) {
  const open = new Map<string, Open>()
  const limit = createRoomLimit()
  const admission = createAdmission(open, deps.onLive)

  /** The server has one room less to count. */
  function left(id: string): void {
    const next = limit.left(id, open.keys())
    if (next !== undefined) open.get(next)?.control.connected()
  }

  function make(projectId: string, id: string, options: RoomOptions): RoomControl {
    const control = openRoom(projectId, options, {
      ...deps,
      ...readersOf(call, projectId, options),
      fullProblem: limit.problem,
      full(problem) {
        if (limit.refused(id, problem)) deps.pacer.flush(ranks.join)
      },
      forget() {
        clearTimeout(open.get(id)?.timer)
        open.delete(id)
        left(id)
      },
      barred() {
        left(id)
        admission.barred(id)
      },
      live: () => admission.live(id),
      release: () => release(id, control),
    })
    return control
  }

  function release(id: string, control: RoomControl): void {
    const known = open.get(id)
    // one that has ended holds no room that was opened since
    if (known?.control !== control || known.holds === 0) return
    if (--known.holds > 0) return
    if (deps.keepMs > 0) known.timer = timeout(() => known.control.leave(), deps.keepMs)
    else known.control.leave()
  }

  const each = (run: (control: RoomControl) => void): void => {
    for (const { control } of [...open.values()]) run(control)
  }
  /** Another connection has limits of its own. */
  function eachAnew(run: (control: RoomControl) => void): void {
    limit.clear()
    each(run)
  }

  return {
    /** The room of a project, opened where it is not yet; `isNew` says which. */
    get(project: string, options: RoomOptions): { room: Room; control: RoomControl; isNew: boolean } {
      const projectId = project.toLowerCase()
      const id = roomOf(projectId)
      const choice = `${options.state ?? true} ${options.comments?.toLowerCase() ?? 'all'}`
      let known = open.get(id)
      if (known && known.choice !== choice) {
        if (known.holds > 0) throw new Error('This room is open with another choice of state or comments; leave it first')
        known.control.leave()
        known = undefined
      }
      const control = known?.control ?? make(projectId, id, options)
      const held = known ?? { control, choice, holds: 0 }
      clearTimeout(held.timer)
      held.holds++
      open.set(id, held)
      if (control.isBarred()) control.admit()
      return { room: control.room, control, isNew: !known }
    },
    admitted: admission.admitted,
    /** How far the room of a project has come, where it is open and has a state; null while a snapshot is to take its place. */
    reached(projectId: string): Position | null | undefined {
      const room = open.get(roomOf(projectId))?.control.room
      return room?.state ? room.position : undefined
    },
    /** Something else is drawn in a project. */
    redraw: (projectId: string): void => open.get(roomOf(projectId))?.control.redraw(),
    connected: () => eachAnew((control) => control.connected()),
    disconnected: () => eachAnew((control) => control.disconnected()),
    suspended: (problem: Problem | undefined) => eachAnew((control) => control.suspended(problem)),
    check: () => each((control) => control.check()),
    end: (problem?: Problem) => eachAnew((control) => control.end(problem)),
    /** Hands an event to its room. @returns whether that room is open */
    receive(event: RoomEvent): boolean {
      const known = open.get(event.meta.room)
      // the room a name came from says which names it can be
      known?.control.receive(event as RoomEvent<ProjectEventName>)
      return known !== undefined
    },
    passing(projectId: string, event: PassingEvent): void {
      open.get(roomOf(projectId))?.control.passing(event)
    },
  }
}
