import type { CutroomClient, Room } from '@cutroom/client'

/** What a test tells the page, before its script runs. */
export interface Given {
  url: string
  tokens: { accessToken: string; refreshToken: string } | null
  /** What boards show the typing on. */
  targetId: string
  keepRoomsMs: number
  /** The provider makes the client itself. */
  isOwn: boolean
}

/** What a test does with the page. */
export interface Driver {
  client: CutroomClient | null
  /** Draws one board for each of these projects. */
  show(projectIds: string[]): void
  /** Takes everything away. */
  unmount(): void
  /** How often boards were drawn. */
  draws: number
  /** The rooms that boards have had. */
  rooms: Set<WeakRef<Room>>
  /** Mounts and unmounts the board of a project, each time until it is live. */
  cycle(projectId: string, times: number): Promise<void>
}

// of the page, in which tests evaluate functions
declare global {
  var given: Given
  var driver: Driver
  /** Timers that are to come. */
  var timers: Set<unknown>
}
