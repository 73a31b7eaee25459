import type { ActivityActions, ActivityQuery, ActivityState } from './activity.ts'
import { above, after, type Change, type Known, stateOf } from './activity-list.ts'
import { activity as endpoints } from './generated/contract.ts'
import type { Part, PartContext } from './part.ts'

/** Of one page. */
const PAGE = 30
/** Activities that are kept: with more the list begins anew. */
const MOST = 2_000

/** Asks for pages, with the changes that come while an answer is on its way: it may be older than they are. */
function createRequests({ call }: PartContext) {
  const recent = new Set<Change[]>()
  return {
    async ask(query: ActivityQuery, cursor: string | null) {
      const changes: Change[] = []
      recent.add(changes)
      try {
        return {
          page: await call(endpoints.list, { query: { ...query, limit: PAGE, ...(cursor !== null && { cursor }) } }),
          changes,
        }
      } finally {
        recent.delete(changes)
      }
    },
    happened(change: Change): void {
      for (const changes of recent) changes.push(change)
    },
  }
}

/**
 * Runs one load at a time: calls while it is under way share it.
 * @param onShared called for each of them
 * @param onEnd called when it has ended, unless it was forgotten
 */
function createSingle<A extends unknown[]>(load: (...args: A) => Promise<void>, onShared = () => {}, onEnd = () => {}) {
  let running: Promise<void> | null = null
  return {
    run(...args: A): Promise<void> {
      if (running) {
        onShared()
        return running
      }
      const mine: Promise<void> = load(...args).finally(() => {
        if (running !== mine) return
        running = null
        onEnd()
      })
      running = mine
      return mine
    },
    forget(): void {
      running = null
    },
  }
}

/** Loads activities, and keeps what is known of them. */
function createList(context: PartContext, show: (next: Known | null) => void) {
  const { ask, happened } = createRequests(context)
  let query: ActivityQuery = {}
  let known: Known | null = null
  // a load that another one has replaced is void
  let loads = 0
  // what is being loaded may be old already
  let again = false
  // a first page stands above the pages that are there
  let keepsPages = true

  function set(next: Known | null): void {
    known = next
    show(next)
  }
  const first = createSingle(
    async () => {
      const mine = ++loads
      again = false
      const { page, changes } = await ask(query, null)
      if (mine !== loads) return
      const { data, nextCursor: cursor, searchedTo, endsAt, read } = page
      const all = new Map(data.map((each) => [each.id, each]))
      const loaded: Known = { query, all, dismissed: new Set(), read, cursor, searchedTo, endsAt }
      set(changes.reduce(after, keepsPages && known ? above(loaded, known) : loaded))
      keepsPages = true
    },
    () => {
      again = true
    },
    () => {
      if (again && context.userId() !== undefined) first.run().catch(context.onError)
    },
  )
  const next = createSingle(async (cursor: string) => {
    const mine = loads
    const { page, changes } = await ask(query, cursor)
    if (mine !== loads || !known) return
    const all = new Map([...known.all, ...page.data.map((each) => [each.id, each] as const)])
    const { nextCursor, searchedTo, endsAt } = page
    const read = { ...page.read, ...known.read }
    set(changes.reduce(after, { ...known, all, read, cursor: nextCursor, searchedTo, endsAt }))
  })

  /** Begins with nothing that was loaded. */
  function restart(asked: ActivityQuery = query): Promise<void> {
    if (asked !== query) set(null)
    query = asked
    loads++
    keepsPages = false
    first.forget()
    next.forget()
    return first.run()
  }
  return {
    restart,
    refresh: first.run,
    more: (): Promise<void> => (known === null || known.cursor === null ? Promise.resolve() : next.run(known.cursor)),
    clear(): void {
      query = {}
      loads++
      first.forget()
      next.forget()
      set(null)
    },
    /** @returns how it must be loaded again, if it must */
    change(change: Change): (() => Promise<void>) | null {
      happened(change)
      if (!known) return null
      const { all, dismissed } = known
      const changed = after(known, change)
      if (changed !== known) set(changed)
      // once: until that has an answer, the list goes on to grow
      if (changed.all.size > MOST && keepsPages) return () => restart()
      // it was dismissed before this list was loaded, or stands further down
      const isUnknown =
        change.name === 'activity:restored' && !all.has(change.payload.eventId) && !dismissed.has(change.payload.eventId)
      return isUnknown ? first.run : null
    },
  }
}

/** The activities of the person who is logged in: a list that grows by pages at its end, and by what happens at its beginning. */
export function createActivity(context: PartContext): Part<ActivityState, ActivityActions> {
  const { call, userId, changed, onError } = context
  let state: ActivityState | null = null
  const list = createList(context, (known) => {
    state = known && stateOf(known, userId())
    changed()
  })
  /** Loads in the background. */
  function unlessLoggedOut(load: () => Promise<void>): void {
    if (userId() !== undefined) load().catch(onError)
  }
  function apply(next: Change): void {
    const load = list.change(next)
    if (load) unlessLoggedOut(load)
  }

  return {
    get state() {
      return state
    },
    actions: {
      show: (query) => list.restart({ ...query }),
      loadMore: list.more,
      refresh: list.refresh,
      async markRead(upTo) {
        const last = new Map<string, number>()
        if (upTo) last.set(upTo.projectId, upTo.seq)
        else
          for (const { projectId, seq, isRead } of state?.items ?? [])
            if (!isRead) last.set(projectId, Math.max(last.get(projectId) ?? 0, seq))
        for (const [projectId, seq] of last) await call(endpoints.read, { body: { projectId, seq } })
      },
      async dismiss(eventId) {
        await call(endpoints.dismiss, { params: { eventId } })
      },
      async restore(eventId) {
        await call(endpoints.restore, { params: { eventId } })
      },
    },
    applied: apply,
    passing(event) {
      if (event.name === 'activity:new') apply(event)
    },
    roomLive: () => unlessLoggedOut(list.refresh),
    reload: () => unlessLoggedOut(() => list.restart()),
    clear: list.clear,
  }
}
