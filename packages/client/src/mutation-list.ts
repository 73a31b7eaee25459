import type { Problem } from '@cutroom/contract'
import type { Mutation, MutationState, StoredMutation } from './mutation.ts'
import { CutroomError, problemOf } from './problem.ts'
import type { Position } from './resume-hooks.ts'
import type { DrawnMutation } from './room-content.ts'

/** How many wait at most, and how many characters of JSON all of them are. */
const MAX_MUTATIONS = 500
const MAX_LENGTH = 1024 * 1024

/** One mutation as it is driven here. */
export interface Item extends NewItem {
  /** As the app sees it now. */
  shown: Mutation
}

export interface NewItem extends StoredMutation {
  keep: boolean
  /** Where its event is in the log, once it is answered. */
  position?: Position
  resolve(answer: unknown): void
  reject(error: unknown): void
  /** The client was closed before it was answered. */
  close(): void
}

export interface MutationListDeps {
  /** Something else is drawn in this project. */
  redraw(projectId: string): void
  /** The list is another one. */
  onChange(items: readonly Item[]): void
  /** Sends one again that was answered or refused. */
  again(item: NewItem): void
}

const lengthOf = ({ args, draws }: StoredMutation): number => JSON.stringify([args, draws]).length

/** The mutations that are not confirmed yet, and what they draw. */
export function createMutationList({ redraw, onChange, again }: MutationListDeps) {
  let items: readonly Item[] = []

  function shownOf(item: NewItem): Mutation {
    const { key, projectId, endpoint, args, at, state, problem } = item
    return {
      key,
      projectId,
      endpoint,
      args,
      at,
      state,
      problem,
      retry() {
        if (item.state === 'refused') again(item)
      },
      discard() {
        if (item.state === 'refused') remove(item)
      },
    }
  }

  function update(...touched: Item[]): void {
    for (const item of touched) item.shown = shownOf(item)
    items = [...items]
    onChange(items)
    for (const projectId of new Set(touched.map((item) => item.projectId))) if (projectId !== null) redraw(projectId)
  }
  function remove(...gone: NewItem[]): void {
    const those = items.filter((item) => gone.includes(item))
    items = items.filter((item) => !gone.includes(item))
    if (those.length > 0) update(...those)
  }

  return {
    update,
    remove,
    get: (): readonly Item[] => items,
    /**
     * @param first before those that are there
     * @throws CutroomError too-many when too many wait
     */
    add(first: boolean, ...made: NewItem[]): void {
      const added = made.map((item): Item => Object.assign(item, { shown: shownOf(item) }))
      const next = first ? [...added, ...items] : [...items, ...added]
      if (next.length > MAX_MUTATIONS || next.reduce((sum, item) => sum + lengthOf(item), 0) > MAX_LENGTH)
        throw new CutroomError(problemOf('too-many', 'Too many changes wait to be sent'))
      items = next
      update(...added)
    },
    set(item: NewItem, state: MutationState, problem?: Problem): void {
      Object.assign(item, { state, problem })
      update(...items.filter((each) => each === item))
    },
    /** The row of this mutation has its id: what was written about it since means that one. */
    named(item: Item, id: unknown): void {
      if (typeof id !== 'string' || id === item.id) return
      const replace = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(item.id, id)) as T
      const later = items.filter((other) => other !== item && other.projectId === item.projectId)
      for (const other of later) Object.assign(other, replace({ args: other.args, draws: other.draws, row: other.row }))
      update(...later)
    },
    /** What is drawn in a project, in order. */
    drawingsOf: (projectId: string): DrawnMutation[] =>
      items.flatMap(({ id, at, me, draws, shown, ...item }) =>
        item.projectId === projectId && draws.length > 0 ? [{ id, at, me, draws, projectId, mutation: shown }] : [],
      ),
    /** A room has come to a position, or without one has ended: what was sent up to there is not drawn any more. */
    reached(projectId: string, position?: Position): void {
      const gone: Item[] = []
      for (const item of items) {
        if (item.state !== 'sent' || item.projectId !== projectId) continue
        const own = item.position as Position
        const isPast = !position || own.seq <= position.seq
        if (position && position.epoch !== own.epoch) {
          // it may not be in this history: sent again, it is done once, and its promise cannot say any more that it is refused
          item.keep = true
          if (isPast) item.draws = []
          again(item)
        } else if (isPast) gone.push(item)
      }
      remove(...gone)
    },
    /** Takes all out. */
    clear(): readonly Item[] {
      const gone = items
      remove(...gone)
      return gone
    },
  }
}
