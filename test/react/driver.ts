import type { CommentsPart, CutroomClient, Room } from '@cutroom/client'

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

/** What a board shows. */
export interface Shown {
  projectId: string
  comments?: CommentsPart
  /** What its typing is on, where that is not the target of all boards. */
  targetId?: string
  /** A task that a child of the board adds when it is drawn with it. */
  adds?: string
  /** Of another name: a board of its own takes the place of this one. */
  name?: string
}

/** What a test does with the page. */
export interface Driver {
  client: CutroomClient | null
  /** Draws these boards. */
  show(boards: Shown[]): void
  /** Takes everything away. */
  unmount(): void
  /** How often boards were drawn. */
  draws: number
  /** The rooms that boards have had. */
  rooms: Set<WeakRef<Room>>
  /** How many of them had ended when a board got them. */
  ended: number
  /** How often boards were unmounted. */
  unmounts: number
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
