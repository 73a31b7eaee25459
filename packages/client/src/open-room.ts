import type { Problem, ProjectEventName, RoomEvent } from '@cutroom/contract'
import type { PassingEvent } from './frames.ts'
import { createResume } from './resume.ts'
import type { Room, RoomOptions } from './room.ts'
import { readHistory } from './room-history.ts'
import { applyToRoom, createRoomParts, type RoomDeps, type RoomParts, showPassing } from './room-parts.ts'
import type { RoomJoined } from './room-requests.ts'
import { deadline } from './timing.ts'

/** An open room as the client drives it. */
export interface RoomControl {
  room: Room
  connected(): void
  disconnected(): void
  /** Without a login: waits for one. */
  suspended(problem: Problem | undefined): void
  receive(event: RoomEvent<ProjectEventName>): void
  passing(event: PassingEvent): void
  /** Is the person not allowed in, as far as is known? */
  isBarred(): boolean
  /** They may be by now. */
  admit(): void
  /** Makes sure that nothing is missing. */
  check(): void
  /** Something else is drawn over the state. */
  redraw(): void
  /** Leaves it now. */
  leave(): void
  end(problem?: Problem): void
}

type Resume = ReturnType<typeof createResume<RoomEvent<ProjectEventName>, RoomJoined>>

/** How long a position is waited for, ms. */
const WAIT_MS = 60_000

/** The room as the app sees it. */
function roomOf(projectId: string, parts: RoomParts, deps: RoomDeps, resume: Resume): Room {
  const { content, presence, requests, selections, status, typing } = parts
  async function caughtUp(
    seq: number,
    { signal, timeoutMs = WAIT_MS }: { signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<void> {
    if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError(`${seq} is no position in a log`)
    status.assertOnline()
    if ((resume.position?.seq ?? -1) >= seq) return
    const limit = deadline(timeoutMs, signal)
    await status.wait(seq, requests.joins(), limit.signal).finally(limit.done)
  }
  return {
    projectId,
    get status() {
      return status.get()
    },
    get problem() {
      return status.problem()
    },
    get position() {
      return resume.position
    },
    get state() {
      return content.state()
    },
    get pending() {
      return content.pending()
    },
    get role() {
      return content.role()
    },
    get presence() {
      return presence.people()
    },
    get typing() {
      return typing.shown()
    },
    on: parts.on,
    select: selections.select,
    setPresence: presence.show,
    setTyping: typing.set,
    history: ({ last }) => readHistory(deps.fetchEvents, last),
    // any position will do
    ready: (options) => caughtUp(0, options),
    caughtUp,
    leave: deps.release,
  }
}

/** Whether the person may be in the room; where they may not, nothing of it is kept. */
function createAccess(projectId: string, parts: RoomParts, deps: RoomDeps, resume: () => Resume) {
  const { content, presence, requests, status, typing } = parts
  let ended = false
  // the person was removed, or is no member
  let barred = false

  function clear(): void {
    presence.left()
    typing.clear()
    content.clear()
    presence.clear()
    status.cleared()
    deps.mutations.reached(projectId)
  }
  return {
    isBarred: () => barred,
    isEnded: () => ended,
    /** The person has no right to see it; they may get it. */
    bar(why: Problem): void {
      if (ended || barred) return
      barred = true
      status.pauseChecks()
      requests.disconnected()
      resume().barred()
      clear()
      status.offline(why, why.title)
      deps.barred()
    },
    admit(): void {
      barred = false
      if (deps.socket()) resume().connected()
    },
    /** For good. */
    end(why?: Problem): void {
      if (ended) return
      ended = true
      resume().stop()
      clear()
      deps.forget()
      status.offline(why, 'The room was left')
    },
    /** Who is not allowed in waits for that, not for the connection. */
    unlessBarred(run: () => void): void {
      if (!barred) run()
    },
  }
}

/** Opens a room; it joins when it is told that the socket is connected. */
export function openRoom(projectId: string, options: RoomOptions, deps: RoomDeps): RoomControl {
  const parts = createRoomParts(
    projectId,
    options,
    deps,
    () => resume.join(),
    () => room,
  )
  const { content, presence, requests, status, typing } = parts
  const access = createAccess(projectId, parts, deps, () => resume)
  const { bar, end, unlessBarred } = access

  const resume: Resume = createResume<RoomEvent<ProjectEventName>, RoomJoined>(
    {
      ...requests,
      joined(answer) {
        content.setRole(answer.role)
        presence.entered(answer.presence)
      },
      load: content.load,
      apply(event) {
        if (!applyToRoom(parts, deps, projectId, event)) resume.restart()
      },
      syncing: status.syncing,
      live() {
        deps.live()
        status.live(resume.position?.seq ?? 0, requests.joins())
      },
      refused(why) {
        if (why.code !== 'rate-limited') return bar(why)
        pause(why, 'The room is full')
        deps.full(why)
      },
      failing: status.failing,
    },
    options.from ?? null,
    deps.ackTimeoutMs,
  )

  function disconnected(): void {
    status.pauseChecks()
    requests.disconnected()
    presence.left()
    typing.clear()
    resume.disconnected()
  }

  /** Neither in the room nor joining, until `connected` begins again. */
  function pause(why: Problem | undefined, words: string): void {
    disconnected()
    status.offline(why, words)
  }

  function leave(): void {
    if (!access.isEnded()) requests.leave()
    end()
  }

  const room = roomOf(projectId, parts, deps, resume)
  return {
    room,
    leave,
    redraw() {
      content.redraw()
      if (content.hasState()) parts.emit('change')
    },
    connected: () => unlessBarred(resume.connected),
    disconnected: () =>
      unlessBarred(() => {
        disconnected()
        status.interrupted()
      }),
    suspended: (why) => unlessBarred(() => pause(why, 'The connection was closed')),
    isBarred: access.isBarred,
    admit: access.admit,
    receive: (event) => unlessBarred(() => resume.receive(event)),
    passing: (event) => showPassing(parts, event, (why, isGone) => (isGone ? end(why) : bar(why))),
    check: resume.join,
    end,
  }
}
