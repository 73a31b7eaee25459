import type { Notification, RoomEvent, UserEventName } from '@cutroom/contract'
import { notifications as endpoints } from './generated/contract.ts'
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

/** The notifications of the person who is logged in: a list that grows by pages, and how many they have not seen. */
export function createNotifications({
  call,
  userId,
  changed,
  onError,
}: PartContext): Part<NotificationState, NotificationActions> {
  let shown: Shown | null = null
  // events since each request under way began: an answer may be older than they are
  const recent = new Set<Event[]>()
  // a load that another one has replaced is void
  let loads = 0
  let more: Promise<void> | null = null

  function show(next: Shown | null): void {
    shown = next
    changed()
  }

  function after(before: Shown, event: Event): Shown {
    const { epoch, seq } = event.meta
    if (epoch !== before.epoch || seq <= before.seq) return before
    const { items, unseen, hasMore } = before.state
    const state = { items: itemsAfter(items, event), unseen: unseen + unseenBy(event), hasMore }
    return { ...before, seq, state }
  }

  /** Asks with the events that come while the answer is on its way. */
  async function ask(cursor: string | null) {
    const events: Event[] = []
    recent.add(events)
    try {
      const query = cursor === null ? { limit: PAGE } : { limit: PAGE, cursor }
      return { page: await call(endpoints.list, { query }), events }
    } finally {
      recent.delete(events)
    }
  }

  async function load(): Promise<void> {
    const mine = ++loads
    more = null
    const { page, events } = await ask(null)
    if (mine !== loads) return
    const { data: items, unseen, nextCursor: cursor, epoch, seq } = page
    show(events.reduce(after, { state: { items, unseen, hasMore: cursor !== null }, epoch, seq, cursor }))
  }

  async function loadNext(cursor: string): Promise<void> {
    const mine = loads
    const { page, events } = await ask(cursor)
    if (mine !== loads || !shown) return
    const known = new Set(shown.state.items.map(({ id }) => id))
    const added = page.data.filter(({ id }) => !known.has(id))
    const items = events.reduce(itemsAfter, [...shown.state.items, ...added])
    const state = { ...shown.state, items, hasMore: page.nextCursor !== null }
    show({ ...shown, state, cursor: page.nextCursor })
  }

  function reload(): void {
    if (userId() !== undefined) load().catch(onError)
  }

  return {
    get state() {
      return shown?.state ?? null
    },
    actions: {
      loadMore() {
        const cursor = shown?.cursor ?? null
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
      if (event.name === 'project:left') reload()
    },
    reload,
    clear() {
      loads++
      more = null
      show(null)
    },
  }
}
