import type { ActivityActions, ActivityQuery, ActivityState } from './activity.ts'
import { above, after, type Change, type Known, stateOf } from './activity-list.ts'
import { activity as endpoints } from './generated/contract.ts'
import { createListLoading, LIST_RETRY_MS } from './list-loading.ts'
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
        const args = {
          query: { ...query, limit: PAGE, ...(cursor !== null && { cursor }) },
          ...(cursor === null && { retryForMs: LIST_RETRY_MS }),
        }
        return { page: await call(endpoints.list, args), changes }
      } finally {
        recent.delete(changes)
      }
    },
    happened(change: Change): void {
      for (const changes of recent) changes.push(change)
    },
  }
}

/** Loads activities, and keeps what is known of them. */
function createList(context: PartContext, show: (next: Known | null) => void) {
  const { ask, happened } = createRequests(context)
  let query: ActivityQuery = {}
  let known: Known | null = null
  // a first page stands above the pages that are there
  let keepsPages = true
  let more: Promise<void> | null = null

  function set(next: Known | null): void {
    known = next
    show(next)
  }
  const loading = createListLoading(async (isVoid) => {
    const { page, changes } = await ask(query, null)
    if (isVoid()) return
    const { data, nextCursor: cursor, searchedTo, endsAt, read } = page
    const all = new Map(data.map((each) => [each.id, each]))
    const loaded: Known = { query, all, dismissed: new Set(), read, cursor, searchedTo, endsAt }
    set(changes.reduce(after, keepsPages && known ? above(loaded, known) : loaded))
    keepsPages = true
  }, context)

  async function loadNext({ query: asked, cursor }: Known): Promise<void> {
    const { page, changes } = await ask(asked, cursor)
    if (known?.query !== asked || known.cursor !== cursor) return
    const all = new Map([...known.all, ...page.data.map((each) => [each.id, each] as const)])
    const { nextCursor, searchedTo, endsAt } = page
    const read = { ...page.read, ...known.read }
    set(changes.reduce(after, { ...known, all, read, cursor: nextCursor, searchedTo, endsAt }))
  }

  /** What is loaded next is loaded anew. */
  function begin(asked: ActivityQuery): void {
    if (asked !== query) set(null)
    query = asked
    keepsPages = false
    more = null
    loading.forget()
  }
  return {
    loading,
    show(asked: ActivityQuery): Promise<void> {
      begin(asked)
      return loading.reload()
    },
    reload(): void {
      begin(query)
      loading.renew()
    },
    more(): Promise<void> {
      if (!known) return loading.ready()
      if (known.cursor === null) return Promise.resolve()
      more ??= loadNext(known).finally(() => {
        more = null
      })
      return more
    },
    clear(): void {
      begin({})
      keepsPages = true
    },
    change(change: Change): void {
      happened(change)
      if (!known) return
      const { all, dismissed } = known
      const changed = after(known, change)
      if (changed !== known) set(changed)
      // it was dismissed before this list was loaded, or stands further down
      const isUnknown =
        change.name === 'activity:restored' && !all.has(change.payload.eventId) && !dismissed.has(change.payload.eventId)
      // once: until that is loaded, the list goes on to grow
      const isFull = changed.all.size > MOST && keepsPages
      if (isFull) keepsPages = false
      if (isFull || isUnknown) loading.renew()
    },
  }
}

/** The activities of the person who is logged in: a list that grows by pages at its end, and by what happens at its beginning. */
export function createActivity(context: PartContext): Part<ActivityState, ActivityActions> {
  const { call, userId, changed } = context
  let state: ActivityState | null = null
  const list = createList(context, (known) => {
    state = known && stateOf(known, userId())
    changed()
  })

  return {
    get state() {
      return state
    },
    actions: {
      show: (query) => list.show({ ...query }),
      loadMore: list.more,
      refresh: list.loading.reload,
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
    applied: list.change,
    passing(event) {
      if (event.name === 'activity:new') list.change(event)
    },
    roomLive: list.loading.renew,
    reload: list.reload,
    retry: list.loading.retry,
    clear: list.clear,
  }
}
