import type { RoomId } from '@cutroom/contract'
import { problem } from '../../errors.ts'
import { createSemaphore } from '../../lib/semaphore.ts'
import type { RoomSocket } from '../types.ts'

/** Database lookups of one socket at a time, so that one socket does not take all connections. */
const MAX_CONCURRENT_LOOKUPS = 4

/** Queues of the sockets that have work in one; removed with its end, so that an idle socket holds no memory for it. */
const queues = new Map<RoomSocket, JoinQueue>()

/**
 * The joins of one socket. Of several joins of one room the newest wins; lookups run a few at a time; replays of different rooms send
 * their pages one after the other, so that the socket has one page to read at most.
 */
export class JoinQueue {
  readonly #socket: RoomSocket
  readonly #newest = new Map<RoomId, symbol>()
  readonly #lookups = createSemaphore(MAX_CONCURRENT_LOOKUPS)
  #replays = 0
  #lastReplay: Promise<void> = Promise.resolve()

  /** The queue of a socket, made when it is needed. */
  static of(socket: RoomSocket): JoinQueue {
    const queue = queues.get(socket) ?? new JoinQueue(socket)
    queues.set(socket, queue)
    return queue
  }

  /** Whether a join of this room was asked for whose lookup is not answered yet. */
  static isJoining(socket: RoomSocket, room: RoomId): boolean {
    const queue = queues.get(socket)
    return queue ? queue.#newest.has(room) : false
  }

  private constructor(socket: RoomSocket) {
    this.#socket = socket
  }

  /** Rooms that the socket is not in and whose join has no answer to its lookup yet, without one of them. */
  pendingBeside(room: RoomId): number {
    const { rooms } = this.#socket.data
    let count = 0
    for (const other of this.#newest.keys()) if (other !== room && !rooms.has(other)) count++
    return count
  }

  /** Runs a lookup when fewer than MAX_CONCURRENT_LOOKUPS of the socket are under way. */
  async lookup<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#lookups.run(work)
    } finally {
      this.#forgetIfIdle()
    }
  }

  /**
   * Runs the lookup of a join. Lookups run side by side, and may be answered in another order.
   * @throws problem superseded when a later join or leave of the room came first; the lookup is left out then, if it has not begun
   */
  async join<T>(room: RoomId, work: () => Promise<T>): Promise<T> {
    const join = Symbol(room)
    this.#newest.set(room, join)
    const throwIfSuperseded = () => {
      if (this.#newest.get(room) !== join) throw problem('superseded')
    }
    try {
      const found = await this.#lookups.run(async () => {
        throwIfSuperseded()
        return work()
      })
      throwIfSuperseded()
      return found
    } finally {
      if (this.#newest.get(room) === join) this.#newest.delete(room)
      this.#forgetIfIdle()
    }
  }

  /** Makes a pending join of the room fail as superseded. */
  supersede(room: RoomId): void {
    this.#newest.delete(room)
  }

  /** Runs one step of a replay behind those that were asked for before. */
  async replay(step: () => Promise<void>): Promise<void> {
    this.#replays++
    const run = this.#lastReplay.then(step)
    this.#lastReplay = run.catch(() => {})
    try {
      await run
    } finally {
      this.#replays--
      this.#forgetIfIdle()
    }
  }

  #forgetIfIdle(): void {
    if (this.#newest.size === 0 && this.#replays === 0 && this.#lookups.isEmpty()) queues.delete(this.#socket)
  }
}

/** Other rooms that a socket is not in and whose join has no answer to its lookup yet. */
export const pendingBeside = (socket: RoomSocket, room: RoomId): number => queues.get(socket)?.pendingBeside(room) ?? 0

/** Makes a pending join of a room fail as superseded. */
export const supersedeJoin = (socket: RoomSocket, room: RoomId): void => queues.get(socket)?.supersede(room)
