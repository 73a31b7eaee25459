import type { ProjectEventName, Role, RoomEvent } from '@cutroom/contract'
import { isOutside } from './comments-part.ts'
import { type Drawing, drawOver } from './draw.ts'
import type { Emitter } from './emitter.ts'
import { type FetchPage, loadProject } from './load.ts'
import type { Mutation } from './mutation.ts'
import { asProjectState, asState } from './project-state.ts'
import { applyEvent, type ProjectState } from './reduce.ts'
import type { Position } from './resume-hooks.ts'
import type { RoomEvents, RoomOptions } from './room.ts'

/** What a mutation draws. */
export type DrawnMutation = Drawing & { mutation: Mutation }

export interface RoomContentDeps {
  options: RoomOptions
  /** What is drawn over the confirmed state, in order. */
  drawings(): readonly DrawnMutation[]
  fetchPage: FetchPage
  emit: Emitter<RoomEvents>['emit']
  /** A snapshot has taken the place of the state, and is not shown yet. */
  replaced(start: Position): void
  /** A start was found. */
  started(): void
}

const NONE: ReadonlyMap<string, Mutation> = new Map()

/** What a room knows of its project: the state, what is drawn over it, and one's own role. */
export function createRoomContent({ options, drawings, fetchPage, emit, replaced, started }: RoomContentDeps) {
  const part = (options.comments ?? 'all').toLowerCase()
  let state: ProjectState | null = null
  let role: Role | undefined
  // there was a start before: events between it and the next one are missing
  let isLater = options.from !== undefined
  // what is shown; made when it is asked for
  let view: { state: ProjectState; pending: ReadonlyMap<string, Mutation> } | null = null

  function shown() {
    if (view || !state) return view
    const fork = asState(state).fork()
    const drawn = drawings()
    const rows = drawn.length === 0 || fork.deleted ? [] : [...drawOver(fork, drawn)]
    const pending = rows.length === 0 ? NONE : new Map(rows.map(([key, { mutation }]) => [key, mutation]))
    view = { state: asProjectState(fork), pending }
    return view
  }

  return {
    state: (): ProjectState | null => shown()?.state ?? null,
    /** Rows that show a mutation, by their keys. */
    pending: (): ReadonlyMap<string, Mutation> => shown()?.pending ?? NONE,
    hasState: () => state !== null,
    /** Something else is drawn. */
    redraw(): void {
      view = null
    },
    role: () => role,
    setRole(next: Role): void {
      role = next
    },
    /** Finds a start where there is no position to resume from: a snapshot, or with `state: false` the head of the log. */
    async load({ epoch, head }: { epoch: string; head: number }, signal: AbortSignal): Promise<Position> {
      let start = { epoch, seq: head }
      if (options.state !== false) {
        const loaded = await loadProject(fetchPage, signal)
        if (signal.aborted) return start
        start = loaded.start
        state = loaded.state
        view = null
        replaced(start)
        emit('change')
      }
      if (isLater) emit('reset')
      isLater = true
      started()
      return start
    },
    /** @throws when the event cannot follow on the state */
    apply(event: RoomEvent<ProjectEventName>): void {
      if (!state || isOutside(part, event)) return
      view = null
      applyEvent(state, event)
    },
    clear(): void {
      state = null
      view = null
      role = undefined
    },
  }
}
