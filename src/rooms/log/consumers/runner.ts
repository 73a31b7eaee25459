import type { RoomId } from '@cutroom/contract'
import type { Consumer } from './consumer.ts'
import { createHandling, type Handling, type HandlingContext } from './handling.ts'
import { type ConsumerReader, MAX_ROOMS, type RoomPage } from './reader.ts'
import { isSuperseded } from './settlement.ts'
import type { Place } from './statements.ts'
import type { Position } from './turn.ts'

/** A cursor that is to be moved. */
export interface Move {
  room: RoomId
  from: number
  to: number
}

export interface RunnerContext extends HandlingContext {
  reader: ConsumerReader
  /** Moves cursors. @returns those rooms whose cursor was where it was thought to be */
  save(consumer: string, moves: readonly Move[]): Promise<Set<RoomId>>
}

/** A position that is ahead of the database since a time, on the clock of `performance.now`. */
type Unsaved = Position & { since: number }

/** Rooms that wait for a turn; what is beyond, the sweep finds. Cursors that one statement moves. */
const MAX_QUEUE = 20_000
const MAX_MOVES = 1_000

/** A position, but none beyond an event that holds up the room. */
const heldAt = ({ retry }: RoomPage, seq: number): number => (retry?.waits ? Math.min(seq, retry.seq - 1) : seq)

/**
 * One consumer on the leader: takes rooms in turns, `parallel` at a time, and handles what each has behind its cursor, in order. Positions
 * of events that led to no write are known here alone for a moment, and saved together.
 */
export class ConsumerRunner {
  readonly name: string
  readonly #consumer: Consumer
  readonly #names: string
  readonly #context: RunnerContext
  readonly #handling: Handling
  readonly #queue = new Set<RoomId>()
  /** Rooms that are read, in a turn, or being saved. */
  readonly #busy = new Set<RoomId>()
  readonly #unsaved = new Map<RoomId, Unsaved>()
  /** Rooms whose turn failed: for the next tick. */
  readonly #again = new Set<RoomId>()
  /** Read, and waiting for a turn. */
  readonly #pages: RoomPage[] = []
  readonly #retries = new Map<string, Place>()
  readonly #running = new Map<string, Promise<void>>()
  #reading: Promise<void> | null = null
  #saving: Promise<void> | null = null
  #retryNext = false

  constructor(consumer: Consumer, context: RunnerContext) {
    this.name = consumer.name
    this.#consumer = consumer
    this.#names = consumer.events.join()
    this.#context = context
    this.#handling = createHandling(consumer, context)
  }

  /** Looks at these rooms. */
  wake(rooms: Iterable<RoomId>): void {
    for (const room of rooms) if (this.#queue.size < MAX_QUEUE) this.#queue.add(room)
    this.#pump()
  }

  /** Tries these events again, which the cursor has passed. */
  retry(places: readonly Place[]): void {
    for (const place of places) {
      const key = `${place.room} ${place.seq}`
      if (!this.#running.has(key)) this.#retries.set(key, place)
    }
    this.#pump()
  }

  /** Looks again at rooms whose turn failed. */
  tick(): void {
    const rooms = [...this.#again]
    this.#again.clear()
    this.wake(rooms)
  }

  /** Saves the positions of rooms that have no turn at the moment. */
  save(): Promise<void> {
    this.#saving ??= this.#saveIdle().finally(() => {
      this.#saving = null
      this.#pump()
    })
    return this.#saving
  }

  /** Resolves when nothing runs any more, after the end of the term. */
  async finished(): Promise<void> {
    await this.#reading
    await Promise.all(this.#running.values())
    await this.#saving
    await this.save()
  }

  #pump(): void {
    if (this.#context.signal.aborted) return
    const { parallel = 1 } = this.#consumer
    while (this.#running.size < parallel && this.#startNext());
    if (this.#reading || this.#pages.length > 0 || this.#running.size >= parallel) return
    const rooms = this.#pick()
    if (rooms.length === 0) return
    this.#reading = this.#read(rooms).finally(() => {
      this.#reading = null
      this.#pump()
    })
  }

  /** Starts a retry or a turn, in alternation where both wait. @returns whether there was one */
  #startNext(): boolean {
    const [retry] = this.#retries
    if (retry && (this.#retryNext || this.#pages.length === 0)) {
      const [key, place] = retry
      this.#retryNext = false
      this.#retries.delete(key)
      this.#start(key, this.#handling.retry(place))
      return true
    }
    const page = this.#pages.shift()
    if (!page) return false
    this.#retryNext = true
    this.#start(page.room, this.#turn(page), page.room)
    return true
  }

  #start(key: string, work: Promise<void>, room?: RoomId): void {
    const ended = work
      .catch((error: unknown) => {
        if (!isSuperseded(error) && !this.#context.signal.aborted) this.#context.report.error(error)
        // What is known here of the room may not be so: the next look reads the database.
        if (room && this.#again.add(room)) this.#unsaved.delete(room)
      })
      .finally(() => {
        if (room) this.#busy.delete(room)
        this.#running.delete(key)
        this.#pump()
      })
    this.#running.set(key, ended)
  }

  /** Rooms of the queue, now busy. */
  #pick(): RoomId[] {
    const rooms: RoomId[] = []
    for (const room of this.#queue) {
      if (rooms.length === MAX_ROOMS) break
      if (!this.#busy.has(room)) rooms.push(room)
    }
    for (const room of rooms) {
      this.#queue.delete(room)
      this.#busy.add(room)
    }
    return rooms
  }

  async #read(rooms: readonly RoomId[]): Promise<void> {
    const { reader, report } = this.#context
    const request = (room: RoomId) => ({
      consumer: this.name,
      names: this.#names,
      room,
      after: this.#unsaved.get(room)?.done ?? 0,
    })
    try {
      const pages = await reader.read(rooms.map(request))
      for (const room of rooms) {
        const page = pages.get(room)
        if (page && (page.entries.length > 0 || page.floor > this.#doneIn(page))) this.#pages.push(page)
        else {
          this.#busy.delete(room)
          if (page) this.#passUnwanted(page)
        }
      }
    } catch (error) {
      report.error(error)
      for (const room of rooms) {
        this.#busy.delete(room)
        this.#again.add(room)
      }
    }
  }

  #doneIn({ room, saved }: RoomPage): number {
    return Math.max(saved, this.#unsaved.get(room)?.done ?? 0)
  }

  #passUnwanted(page: RoomPage): void {
    this.#note(page.room, { saved: page.saved, done: Math.max(this.#doneIn(page), heldAt(page, page.upto)) })
    if (page.more && !page.retry?.waits) this.#queue.add(page.room)
  }

  #note(room: RoomId, { saved, done }: Position): void {
    if (done > saved) this.#unsaved.set(room, { saved, done, since: this.#unsaved.get(room)?.since ?? performance.now() })
    else this.#unsaved.delete(room)
  }

  /** Handles what a page has, as long as its turn lasts. */
  async #turn(page: RoomPage): Promise<void> {
    const { room } = page
    const { timings } = this.#context
    const position = { saved: page.saved, done: this.#doneIn(page) }
    const ends = performance.now() + timings.turnMs
    if (page.floor > position.done) await this.#handling.overtaken({ consumer: this.name, room, seq: page.floor }, position)
    let [upto, more] = [heldAt(page, page.upto), page.more && !page.retry?.waits]
    const [done, last] = [position.done, upto]
    const events = page.entries.filter(({ meta: { seq } }) => seq > done && seq <= last)
    const end = await this.#handling.handle(events, page, position, ends)
    if (end !== 'all') {
      more = end === 'late'
      upto = position.done
    }
    position.done = Math.max(position.done, upto)
    this.#note(room, position)
    if (more) this.#queue.add(room)
    // One that is always busy is not met by the timer.
    const unsaved = this.#unsaved.get(room)
    if (unsaved && performance.now() - unsaved.since > timings.saveMs) await this.#saveRooms([[room, unsaved]])
  }

  async #saveIdle(): Promise<void> {
    const rooms = [...this.#unsaved].filter(([room]) => !this.#busy.has(room)).slice(0, MAX_MOVES)
    if (rooms.length === 0) return
    for (const [room] of rooms) this.#busy.add(room)
    try {
      await this.#saveRooms(rooms)
    } catch (error) {
      this.#context.report.error(error)
    }
    for (const [room] of rooms) this.#busy.delete(room)
  }

  /** Saves positions of busy rooms. Where another leader has moved a cursor, the database is read again. */
  async #saveRooms(rooms: readonly (readonly [RoomId, Unsaved])[]): Promise<void> {
    const moves = rooms.map(([room, { saved: from, done: to }]) => ({ room, from, to }))
    const moved = await this.#context.save(this.name, moves)
    for (const [room] of rooms) {
      this.#unsaved.delete(room)
      if (!moved.has(room)) this.#again.add(room)
    }
  }
}
