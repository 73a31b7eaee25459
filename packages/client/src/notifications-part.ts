import type { Notification, RoomEvent, UserEventName } from '@cutroom/contract'
import { notifications as endpoints } from './generated/contract.ts'
import { createListLoading, LIST_RETRY_MS } from './list-loading.ts'
import type { NotificationActions, NotificationState } from './notifications.ts'
import type { Part, PartContext } from './part.ts'

/** Of one page. */
const PAGE = 30

type Event = RoomEvent<UserEventName>

/** The newest first. */
const byAge = (a: Notification, b: Notification): number => (a.id < b.id ? 1 : -1)

/** The items after an event; applied again it changes nothing. */
function itemsAfter(items: readonly Notification[], { name, payload }: Event): readonly Notification[] {
  if (name === 'notification:new') return [payload, ...items.filter(({ id }) => id !== payload.id)].sort(byAge)
  if (name === 'notification:updated') return items.map((item) => (item.id === payload.id ? payload : item))
  if (name === 'notification:deleted') return items.filter(({ id }) => !payload.ids.includes(id))
  if (name === 'project:left') return items.filter(({ projectId }) => projectId !== payload.projectId)
  if (name !== 'notification:seen') return items
  const { ids, seenAt } = payload
  return items.map((item) => (ids.includes(item.id) ? { ...item, seenAt } : item))
}

/** By how many those that are not seen change. */
function unseenBy({ name, payload }: Event): number {
  if (name === 'notification:new') return payload.seenAt === null ? 1 : 0
  if (name === 'notification:seen') return -payload.ids.length
  return name === 'notification:deleted' ? -payload.unseen : 0
}

/** What is shown, with where it stands in the person's own room. */
interface Shown {
  state: NotificationState
  epoch: string
  seq: number
  cursor: string | null
}

function after(before: Shown, event: Event): Shown {
  const { epoch, seq } = event.meta
  if (epoch !== before.epoch || seq <= before.seq) return before
  const { items, unseen, hasMore } = before.state
  const state = { items: itemsAfter(items, event), unseen: unseen + unseenBy(event), hasMore }
  return { ...before, seq, state }
}

/** What is shown after a first page: events have kept it, unless some were missed, and how many are not seen is all that it may lack. */
function renewed(shown: Shown | null, loaded: Shown, hasMissed: boolean): Shown {
  const isKept =
    !hasMissed &&
    shown?.epoch === loaded.epoch &&
    shown.seq >= loaded.seq &&
    shown.state.items.length >= loaded.state.items.length
  return isKept && shown ? { ...shown, state: { ...shown.state, unseen: loaded.state.unseen } } : loaded
}

/** The notifications of the person who is logged in: a list that grows by pages, and how many they have not seen. */
export function createNotifications(context: PartContext): Part<NotificationState, NotificationActions> {
  const { call, changed } = context
  let shown: Shown | null = null
  // events since each request under way began: an answer may be older than they are
  const recent = new Set<Event[]>()
  let more: Promise<void> | null = null
  // events were missed since what is shown was asked for
  let hasMissed = false

  function show(next: Shown | null): void {
    shown = next
    changed()
  }

  /** Asks with the events that come while the answer is on its way. */
  async function ask(cursor: string | null) {
    const events: Event[] = []
    recent.add(events)
    try {
      const args = {
        query: { limit: PAGE, ...(cursor !== null && { cursor }) },
        ...(cursor === null && { retryForMs: LIST_RETRY_MS }),
      }
      return { page: await call(endpoints.list, args), events }
    } finally {
      recent.delete(events)
    }
  }

  const loading = createListLoading(async (isVoid) => {
    const isMissed = hasMissed
    hasMissed = false
    const { page, events } = await ask(null).catch((error) => {
      hasMissed ||= isMissed
      throw error
    })
    if (isVoid()) return
    const { data: items, unseen, nextCursor: cursor, epoch, seq } = page
    const first = { state: { items, unseen, hasMore: cursor !== null }, epoch, seq, cursor }
    const next = renewed(shown, events.reduce(after, first), isMissed)
    // where it stays as it is, the next page is still wanted
    if (next.cursor !== shown?.cursor) more = null
    show(next)
  }, context)

  async function loadNext(cursor: string): Promise<void> {
    const { page, events } = await ask(cursor)
    if (shown?.cursor !== cursor) return
    const known = new Set(shown.state.items.map(({ id }) => id))
    const added = page.data.filter(({ id }) => !known.has(id))
    const items = events.reduce(itemsAfter, [...shown.state.items, ...added])
    const state = { ...shown.state, items, hasMore: page.nextCursor !== null }
    show({ ...shown, state, cursor: page.nextCursor })
  }

  return {
    get state() {
      return shown?.state ?? null
    },
    actions: {
      loadMore() {
        if (!shown) return loading.ready()
        const { cursor } = shown
        if (cursor === null) return Promise.resolve()
        more ??= loadNext(cursor).finally(() => {
          more = null
        })
        return more
      },
      async markSeen(notificationId) {
        await call(endpoints.update, { params: { notificationId }, body: { seen: true } })
      },
      async markAllSeen() {
        const upTo = shown?.state.items[0]?.id
        if (upTo !== undefined) await call(endpoints.seenAll, { body: { upTo } })
      },
      async remove(notificationId) {
        await call(endpoints.delete, { params: { notificationId } })
      },
    },
    applied(event) {
      for (const events of recent) events.push(event)
      if (shown) {
        const next = after(shown, event)
        if (next !== shown) show(next)
      }
      // how many of that project were not seen is not known here
      if (event.name === 'project:left') loading.renew()
    },
    reload() {
      hasMissed = true
      loading.renew()
    },
    retry: loading.retry,
    clear() {
      loading.forget()
      more = null
      hasMissed = false
      show(null)
    },
  }
}
