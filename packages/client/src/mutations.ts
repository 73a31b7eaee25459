import type { Meta, Person, Problem } from '@cutroom/contract'
import type { Call, LooseArgs } from './call.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import type { Mutation, MutationOptions, MutationRest, MutationState, StoredMutation } from './mutation.ts'
import { createMutationStorage, type MutationStorageDeps } from './mutation-storage.ts'
import { CutroomError, problemOf } from './problem.ts'
import { randomKey } from './random-key.ts'
import type { DrawnMutation } from './room-content.ts'

/** How many wait at most, and how many characters of JSON all of them are. */
const MAX_MUTATIONS = 500
const MAX_LENGTH = 1024 * 1024
/** How long one is tried, ms: the server knows its key for a day, and after that would do it twice. */
const RETRY_MS = 23 * 60 * 60 * 1000

export interface MutationsDeps extends MutationStorageDeps {
  call: Call
  me(): Person
  /** How far the open room of a project has come; undefined: it draws nothing. */
  reached(projectId: string): number | undefined
  /** Something else is drawn in this project. */
  redraw(projectId: string): void
  /** `all()` is another list. */
  changed(): void
}

export type Mutations = ReturnType<typeof createMutations>

/** One mutation as it is driven here. */
export interface Item extends StoredMutation {
  keep: boolean
  length: number
  /** Where its event is in the log, once it is answered. */
  seq?: number | undefined
  shown: Mutation
  resolve(answer: unknown): void
  reject(error: unknown): void
}

const asArray = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? (value as readonly T[]) : [value as T])

/** The writes of a client that are not confirmed yet: sent in order per project, drawn until their event comes. */
export function createMutations(deps: MutationsDeps) {
  const { call, me, reached, redraw, changed, onError } = deps
  let items: readonly Item[] = []
  const lanes = new Set<string>()
  const storage = createMutationStorage(deps)

  const laneOf = (item: Item): string => item.projectId ?? ''

  function show(item: Item): void {
    const { key, projectId, endpoint, args, at, state, problem } = item
    const retry = () => again(item)
    const discard = () => {
      if (item.state === 'refused') remove(item)
    }
    item.shown = { key, projectId, endpoint, args, at, state, problem, retry, discard }
  }

  function update(...touched: Item[]): void {
    for (const item of touched) show(item)
    items = [...items]
    storage.save(items)
    changed()
    for (const projectId of new Set(touched.map((item) => item.projectId))) if (projectId !== null) redraw(projectId)
  }
  function set(item: Item, state: MutationState, problem?: Problem): void {
    Object.assign(item, { state, problem })
    update(item)
  }
  function remove(...gone: Item[]): void {
    items = items.filter((item) => !gone.includes(item))
    update(...gone)
  }

  /** The row of this mutation has its id: what was written about it meanwhile means that one. */
  function named(item: Item, id: unknown): void {
    if (typeof id !== 'string' || id === item.id) return
    const replace = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(item.id, id)) as T
    const later = items.filter((other) => other !== item && other.projectId === item.projectId)
    for (const other of later) Object.assign(other, { args: replace(other.args), draws: replace(other.draws) })
    update(...later)
  }

  function answered(item: Item, answer: unknown, seq: number | undefined): void {
    named(item, (answer as { id?: unknown } | null | undefined)?.id)
    item.seq = seq
    const here = item.projectId === null ? undefined : reached(item.projectId)
    if (item.draws.length === 0 || seq === undefined || here === undefined || here >= seq) remove(item)
    else set(item, 'sent')
    item.resolve(answer)
  }

  function refused(item: Item, error: unknown): void {
    if (!(error instanceof CutroomError)) onError(error)
    if (item.keep) set(item, 'refused', error instanceof CutroomError ? error.problem : problemOf('internal'))
    else remove(item)
    item.reject(error)
  }

  async function send(item: Item): Promise<void> {
    let seq: number | undefined
    const now = Date.now()
    item.sentAt ??= now
    set(item, 'sending')
    const retryForMs = item.sentAt + RETRY_MS - now
    const options = { idempotencyKey: item.key, retryForMs, onPosition: (position: { seq: number }) => void (seq = position.seq) }
    try {
      if (retryForMs <= 0) throw new CutroomError(problemOf('unavailable', 'This was sent a day ago, and may have been done'))
      // the types of one endpoint are those of `mutate`
      answered(
        item,
        await (call as (endpoint: Endpoint, args: LooseArgs) => Promise<unknown>)(item.endpoint, { ...item.args, ...options }),
        seq,
      )
    } catch (error) {
      if (items.includes(item)) refused(item, error)
    }
  }

  /** Sends what is queued in a lane, one after the other. */
  async function run(lane: string): Promise<void> {
    if (lanes.has(lane)) return
    lanes.add(lane)
    await storage.loaded()
    for (;;) {
      const next = items.find((item) => item.state === 'queued' && laneOf(item) === lane)
      if (!next) break
      await send(next)
    }
    lanes.delete(lane)
  }

  function again(item: Item): void {
    if (item.state !== 'refused') return
    set(item, 'queued')
    void run(laneOf(item))
  }

  function itemOf(stored: StoredMutation, rest: Pick<Item, 'keep' | 'resolve' | 'reject'>): Item {
    const { args, draws } = stored
    const length = JSON.stringify([args, draws]).length
    if (items.length >= MAX_MUTATIONS || items.reduce((sum, item) => sum + item.length, length) > MAX_LENGTH)
      throw new CutroomError(problemOf('unavailable', 'Too many writes wait to be sent'))
    return { ...stored, ...rest, length } as Item
  }

  /** A room has come to a position, or has ended (Infinity). */
  function reachedBy(projectId: string, seq: number): void {
    const shown = items.filter((item) => item.projectId === projectId && item.state === 'sent' && (item.seq ?? 0) <= seq)
    if (shown.length > 0) remove(...shown)
  }

  const isWaiting = ({ state }: Item): boolean => state === 'queued' || state === 'sending'

  async function mutate<E extends Endpoint>(
    endpoint: E,
    ...[args = {} as never, options = {}]: MutationRest<E>
  ): Promise<Answer<E>> {
    const { method, url, access } = endpoint
    const made = { id: `pending-${randomKey()}`, at: new Date().toISOString(), me: me() }
    const { draw = [] } = options as MutationOptions
    const draws = asArray(typeof draw === 'function' ? draw(made) : draw)
    const params = (args as LooseArgs).params as { projectId?: string } | undefined
    const projectId = ((options as MutationOptions).projectId ?? params?.projectId)?.toLowerCase() ?? null
    const keep = (options as MutationOptions).keep ?? false
    const result = new Promise<Answer<E>>((resolve, reject) => {
      const stored = {
        ...made,
        key: randomKey(),
        projectId,
        endpoint: { method, url, access },
        args: args as LooseArgs,
        draws,
        state: 'queued' as const,
      }
      const item = itemOf(stored, { keep, resolve: resolve as (answer: unknown) => void, reject })
      items = [...items, item]
      update(item)
      void run(laneOf(item))
    })
    // a refused one that is kept is seen in `client.mutations`
    if (keep) result.catch(() => {})
    return result
  }

  return {
    mutate,
    all: (): readonly Mutation[] => items.map((item) => item.shown),
    /** What is drawn in a project, in order. */
    drawingsOf: (projectId: string): DrawnMutation[] =>
      items.flatMap(({ id, at, me, draws, shown, ...item }) =>
        item.projectId === projectId && draws.length > 0 ? [{ id, at, me, draws, projectId, mutation: shown }] : [],
      ),
    /** An event was applied in a room: the mutation that it is of is not drawn any more. */
    applied(projectId: string, { mutationId, seq }: Meta, payload: object): void {
      if (items.length === 0) return
      const item = items.find(({ key }) => key === mutationId)
      if (item) {
        named(item, (payload as { id?: unknown }).id)
        item.draws = []
        if (item.state === 'sent') remove(item)
        else update(item)
      }
      reachedBy(projectId, seq)
    },
    reached: reachedBy,
    /** A person is logged in: what they had stored goes on, before what they have made since. */
    async began(userId: string): Promise<void> {
      const stored = await storage.begin(userId)
      if (stored.length === 0) return
      const before = stored.map((each) => {
        const state = each.state === 'refused' ? ('refused' as const) : ('queued' as const)
        return itemOf({ ...each, state }, { keep: true, resolve() {}, reject() {} })
      })
      items = [...before, ...items]
      update(...before)
      for (const lane of new Set(before.map(laneOf))) void run(lane)
    },
    /** The login in which they were made has ended. */
    ended(problem: Problem): void {
      for (const item of items) if (isWaiting(item)) refused(item, new CutroomError(problem))
    },
    /** Nothing of this person is shown or sent any more. */
    clear(): void {
      const gone = items
      items = []
      storage.clear()
      for (const item of gone)
        if (isWaiting(item))
          item.reject(new CutroomError(problemOf('session-revoked', 'The login has changed since this was asked')))
      if (gone.length > 0) update(...gone)
    },
  }
}
