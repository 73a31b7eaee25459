import type { ProjectEventName, Role, RoomEvent } from '@cutroom/contract'
import { isOutside } from './comments-part.ts'
import type { Emitter } from './emitter.ts'
import { type FetchPage, loadProject } from './load.ts'
import { applyEvent, type ProjectState } from './reduce.ts'
import type { Position } from './resume-hooks.ts'
import type { RoomEvents, RoomOptions } from './room.ts'

export interface RoomContentDeps {
  options: RoomOptions
  fetchPage: FetchPage
  emit: Emitter<RoomEvents>['emit']
  /** A start was found. */
  started(): void
}

/** What a room knows of its project: the state, and one's own role. */
export function createRoomContent({ options, fetchPage, emit, started }: RoomContentDeps) {
  const part = (options.comments ?? 'all').toLowerCase()
  let state: ProjectState | null = null
  let role: Role | undefined
  // there was a start before: events between it and the next one are missing
  let isLater = options.from !== undefined

  return {
    state: () => state,
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
        emit('change')
      }
      if (isLater) emit('reset')
      isLater = true
      started()
      return start
    },
    /** @throws when the event cannot follow on the state */
    apply(event: RoomEvent<ProjectEventName>): void {
      if (state && !isOutside(part, event)) applyEvent(state, event)
    },
    clear(): void {
      state = null
      role = undefined
    },
  }
}
