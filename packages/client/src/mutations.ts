import type { Meta, Person, Problem } from '@cutroom/contract'
import { type Call, isPassing, type LooseArgs, randomKey } from './call.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import { auth } from './generated/contract.ts'
import { loginChanged } from './login.ts'
import type { Mutation, MutationOptions, MutationRest, StoredMutation } from './mutation.ts'
import { createMutationList, type Item, type NewItem } from './mutation-list.ts'
import { createPersonStorage, type PersonStorageDeps } from './person-storage.ts'
import { CutroomError, problemOf } from './problem.ts'
import type { Position } from './resume-hooks.ts'

/** How long one is tried that may have been received, ms: the server knows its key for a day, and after that would do it twice. */
const RETRY_MS = 23 * 60 * 60 * 1000

export interface MutationsDeps extends PersonStorageDeps {
  call: Call
  /** The socket while it is connected. */
  socket(): unknown
  me(): Person
  /** How far the open room of a project has come; null: a snapshot is being loaded; undefined: it draws nothing. */
  reached(projectId: string): Position | null | undefined
  /** Something else is drawn in this project. */
  redraw(projectId: string): void
  /** `all()` is another list. */
  changed(): void
}

export type Mutations = ReturnType<typeof createMutations>
type List = ReturnType<typeof createMutationList>

const asArray = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? (value as readonly T[]) : [value as T])
const laneOf = ({ projectId }: NewItem): string => projectId ?? ''
/** 0: none. */
const versionOf = (row: unknown): number => (row as { version?: number } | null | undefined)?.version ?? 0
const drawnVersion = (draws: Item['draws']): number => versionOf(draws[0]?.payload)
/** With these the server says that nothing was done under a key: 401, 404 and 410 may hide that it was. */
const UNDONE: unknown[] = [403, 409, 412, 413, 422]
const isWaiting = ({ state }: Item): boolean => state === 'queued' || state === 'sending'

/** A mutation as it is stored. */
function plain(item: StoredMutation): StoredMutation {
  const { shown, keep, position, resolve, reject, close, ...stored } = item as Item
  return stored
}

let drafts = 0
/** The id of a row that has none yet: unique, and behind all ids of the server and those that were made before. */
const draftId = (): string =>
  `pending-${Date.now().toString(36)}-${(drafts++ % 36 ** 4).toString(36).padStart(4, '0')}-${randomKey().slice(0, 16)}`

/** A mutation as the app asks for it. @param before what waits already @param settle what becomes of its promise */
function itemOf(
  before: readonly Item[],
  me: Person,
  endpoint: Endpoint,
  args: LooseArgs,
  { draw = [], keep = false, projectId }: MutationOptions,
  settle: Pick<Item, 'resolve' | 'reject' | 'close'>,
): NewItem {
  const { method, url, access } = endpoint
  const made = { id: draftId(), at: new Date().toISOString(), me }
  const inParams = (args.params as { projectId?: string } | undefined)?.projectId
  const draws = asArray(typeof draw === 'function' ? draw(made) : draw)
  const row = JSON.stringify([draws[0]?.name.split(':')[0] ?? url, args.params])
  const seen = args.ifMatch ?? drawnVersion(draws) - 1
  // what was seen may be drawn by one that is not answered: the server has the version below it
  const under = before.findLast(
    (each) => each.state !== 'sent' && each.problem?.code !== 'stale' && drawnVersion(each.draws) === seen && each.row === row,
  )
  const base = under?.base ?? seen
  return {
    ...made,
    ...settle,
    key: randomKey(),
    projectId: (projectId ?? inParams)?.toLowerCase() ?? null,
    endpoint: { method, url, access },
    args: args.ifMatch ? { ...args, ifMatch: base } : args,
    draws,
    row,
    base,
    state: 'queued',
    keep,
  }
}

/** Sends what is queued: one after the other in each project, until it is answered for good. */
function createSender(
  list: List,
  { call, socket, reached, onError }: MutationsDeps,
  opened: Promise<void>,
  isClosed: () => boolean,
) {
  const running = new Set<string>()

  function answered(item: Item, answer: unknown): void {
    list.named(item, (answer as { id?: unknown } | null | undefined)?.id)
    const version = versionOf(answer)
    const { base, position } = item
    // itself it stays as it was sent: it may be sent again
    const those = list.get().filter((each) => each !== item && each.row === item.row)
    for (const each of those) {
      const { args, problem } = each
      // nothing but this write lies between the two versions
      if (each.base === base && version === base + 1) {
        each.base = version
        if (args.ifMatch) each.args = { ...args, ifMatch: version }
      }
      // what another person made is shown as it is now
      if (problem?.current && versionOf(problem.current) === version - 1) each.problem = { ...problem, current: answer }
    }
    list.update(...those)
    const here = reached(item.projectId ?? '')
    const isAhead = here !== undefined && position && (here?.epoch !== position.epoch || here.seq < position.seq)
    if (item.draws.length > 0 && isAhead) list.set(item, 'sent')
    else list.remove(item)
    item.resolve(answer)
  }

  function refused(item: Item, error: unknown): void {
    if (isClosed() || !list.get().includes(item)) return
    const isOurs = error instanceof CutroomError
    if (!isOurs) onError(error)
    const { ifMatch = 0 } = item.args
    for (const each of list.get()) {
      // it was made over what this one would have made
      const isOver =
        each.state === 'queued' &&
        each.args.ifMatch === ifMatch &&
        drawnVersion(each.draws) > ifMatch + 1 &&
        each.row === item.row
      if (each !== item && !isOver) continue
      if (each.keep) list.set(each, 'refused', isOurs ? error.problem : problemOf('internal'))
      else list.remove(each)
      each.reject(error)
    }
  }

  async function send(item: Item): Promise<void> {
    item.sentAt ??= Date.now()
    const retryForMs = item.sentAt + RETRY_MS - Date.now()
    list.set(item, 'sending')
    // the types of one endpoint are those of `mutate`
    const ask = call as (endpoint: Endpoint, args: LooseArgs) => Promise<unknown>
    const old = () => new CutroomError(problemOf('unavailable', 'This was sent a day ago, and may have been done'))
    try {
      if (retryForMs <= 0) throw old()
      const onPosition = (position: Position) => void Object.assign(item, { position })
      answered(item, await ask(item.endpoint, { ...item.args, idempotencyKey: item.key, retryForMs, onPosition }))
    } catch (error) {
      // a first attempt that still runs is a 409, too
      const isOver = isPassing(error)
      if (!isOver && UNDONE.includes((error as CutroomError | undefined)?.status)) item.sentAt = undefined
      refused(item, isOver ? old() : error)
    }
  }

  return {
    refused,
    async run(lane: string): Promise<void> {
      if (running.has(lane)) return
      running.add(lane)
      await opened
      const next = () => (isClosed() ? undefined : list.get().find((item) => item.state === 'queued' && laneOf(item) === lane))
      while (next()) {
        // its age counts from the first attempt, which is made when the server can be reached
        if (!next()?.sentAt && !socket()) await call(auth.session, { retryForMs: Number.POSITIVE_INFINITY }).catch(() => {})
        const item = next()
        if (item) await send(item)
      }
      running.delete(lane)
    },
  }
}

/** The writes of a client that are not confirmed yet: sent in order for each project, drawn until their event comes. */
export function createMutations(deps: MutationsDeps) {
  const storage = createPersonStorage(deps, plain)
  const list = createMutationList({
    redraw: deps.redraw,
    onChange(items) {
      storage.save(items)
      deps.changed()
    },
    again(item) {
      list.set(item, 'queued')
      void sender.run(laneOf(item))
    },
  })
  // then nothing is sent any more
  let isClosed = false
  const sender = createSender(list, deps, storage.opened, () => isClosed)

  return {
    mutate<E extends Endpoint>(endpoint: E, ...[args = {} as never, options = {}]: MutationRest<E>): Promise<Answer<E>> {
      const result = new Promise<unknown>((resolve, reject) => {
        const close = () => {
          // closing a client is no reason for an unhandled rejection
          result.catch(() => {})
          reject(new CutroomError(problemOf('unavailable', 'The client was closed')))
        }
        if (isClosed) return void Promise.resolve().then(close)
        const settle = { resolve, reject, close }
        const item = itemOf(list.get(), deps.me(), endpoint, args as LooseArgs, options as MutationOptions, settle)
        list.add(false, item)
        void sender.run(laneOf(item))
      })
      // a refused one that is kept is seen in `client.mutations`
      if ((options as MutationOptions).keep) result.catch(() => {})
      return result as Promise<Answer<E>>
    },
    all: (): readonly Mutation[] => list.get().map((item) => item.shown),
    drawingsOf: list.drawingsOf,
    reached: list.reached,
    /** An event was applied in a room: the mutation that it is of is not drawn any more. */
    applied(projectId: string, meta: Meta, payload: object): void {
      const item = list.get().find(({ key }) => key === meta.mutationId)
      if (item) {
        list.named(item, (payload as { id?: unknown }).id)
        item.draws = []
        if (item.state === 'sent') list.remove(item)
        else list.update(item)
      }
      list.reached(projectId, meta)
    },
    /** A person is logged in: what they had stored goes on, before what they have made since. */
    async began(userId: string): Promise<void> {
      const done = { keep: true, resolve() {}, reject() {}, close() {} }
      const found = await storage.begin(userId)
      const stored: NewItem[] = found.map((one) => ({ ...one, ...done, state: one.state === 'refused' ? one.state : 'queued' }))
      if (stored.length > 0) list.add(true, ...stored)
      storage.open()
      for (const lane of new Set(stored.map(laneOf))) void sender.run(lane)
    },
    /** The login in which they were made has ended. */
    ended(problem: Problem): void {
      for (const item of list.get()) if (isWaiting(item)) sender.refused(item, new CutroomError(problem))
    },
    /** Ends all timers and requests; what is stored goes on with the next client. Promises reject. */
    close(): void {
      isClosed = true
      storage.close()
      for (const item of list.get()) if (isWaiting(item)) item.close()
    },
    /** Nothing of this person is shown or sent any more. */
    clear(): void {
      storage.clear()
      for (const item of list.clear()) if (isWaiting(item)) item.reject(loginChanged())
    },
  }
}
