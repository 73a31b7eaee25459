import { type Activity, activity as endpoints } from '@cutroom/client'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import { type ActivityFilter, queryOf } from './activity-filter.ts'
import { RoomContext } from './room.ts'
import { client } from './session.ts'
import { useLoaded } from './until-loaded.ts'
import { useSelected } from './use-selected.ts'

/** How often new activities of all projects are asked for while the page is looked at, ms: their rooms are not joined. */
const AGAIN_MS = 20_000
/** Pages of what was not read that are looked through to mark all. */
const MOST_PAGES = 10

/** What is listed. */
export interface ActivityList {
  items: readonly (Activity & { isRead: boolean })[]
  /** What happened since the list was opened: it comes into it when it is asked for. */
  fresh: number
  hasMore: boolean
  searchedTo: string | null
  endsAt: string | null
  more(): Promise<void>
  showFresh(): void
}

/** Asks again now and then where no open room says what happens. */
function useRefresh(isWanted: boolean): void {
  const room = useContext(RoomContext)
  useEffect(() => {
    if (room || !isWanted) return
    const ask = () => {
      // what is lost in between is asked for the next time
      if (document.visibilityState === 'visible') void client.activity.refresh().catch(() => {})
    }
    const timer = setInterval(ask, AGAIN_MS)
    document.addEventListener('visibilitychange', ask)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', ask)
    }
  }, [room, isWanted])
}

/** A list that is null until it is loaded, and why it could not be. */
interface Loaded {
  list: ActivityList | null
  wrong: unknown
  reload: () => void
}

/** What happened, by a filter that is not of dismissed ones. */
export function useActivity(filter: ActivityFilter): Loaded {
  const query = queryOf(filter)
  const key = JSON.stringify(query)
  const isWanted = filter.which !== 'dismissed'
  const [wrong, setWrong] = useState<unknown>(null)
  const [, redraw] = useState(0)
  const known = useRef(new Set<string>())
  const state = useSelected(() => client.activity.select(({ state }) => state), [])
  const reload = () => {
    setWrong(null)
    client.activity.show(query).catch(setWrong)
  }
  useEffect(() => {
    if (isWanted) reload()
  }, [key, isWanted])
  useRefresh(isWanted)
  // what one has brought back is not news
  useEffect(() => client.on('activity:restored', ({ eventId }) => void known.current.add(eventId)), [])
  // what another filter has shown is not of this one
  if (!state || !isWanted || JSON.stringify(state.query) !== key) {
    known.current = new Set()
    return { list: null, wrong, reload }
  }
  const ids = known.current
  const first = state.items.findIndex(({ id }) => ids.has(id))
  // below the first that was shown stands what was loaded further back, or restored
  const items = state.items.filter(({ id }, n) => n > first || ids.has(id))
  for (const { id } of items) ids.add(id)
  return {
    list: {
      ...state,
      items,
      fresh: state.items.length - items.length,
      more: () => client.activity.loadMore(),
      showFresh() {
        for (const { id } of state.items) ids.add(id)
        redraw((n) => n + 1)
      },
    },
    // it was loaded since
    wrong: null,
    reload,
  }
}

/** What one has dismissed, by a filter that is of those. */
export function useDismissed(filter: ActivityFilter): Loaded {
  const isWanted = filter.which === 'dismissed'
  const query = queryOf(filter)
  const key = JSON.stringify(query)
  const [list, setList] = useState<Pick<ActivityList, 'items' | 'searchedTo' | 'endsAt'> | null>(null)
  const cursor = useRef<string | null>(null)
  const wanted = useRef(key)
  wanted.current = key
  const load = async (from: string | null) => {
    const page = await client.call(endpoints.list, {
      query: { ...query, dismissed: 'true', ...(from !== null && { cursor: from }) },
    })
    // an answer for a filter that was left may come late
    if (wanted.current !== key) return
    cursor.current = page.nextCursor
    const items = page.data.map((one) => ({ ...one, isRead: true }))
    setList((before) => ({ ...page, items: from === null || !before ? items : [...before.items, ...items] }))
  }
  const { wrong, reload } = useLoaded(async () => isWanted && (await load(null)), [key, isWanted])
  useEffect(() => {
    setList(null)
    if (!isWanted) return
    const ends = [
      client.on('activity:dismissed', reload),
      client.on('activity:restored', ({ eventId }) =>
        setList((before) => before && { ...before, items: before.items.filter(({ id }) => id !== eventId) }),
      ),
    ]
    return () => {
      for (const end of ends) end()
    }
  }, [key, isWanted])
  const shown = list && { ...list, fresh: 0, hasMore: cursor.current !== null, more: () => load(cursor.current), showFresh() {} }
  return { list: isWanted ? shown : null, wrong, reload }
}

/** Marks all as read that a page is about, listed or not. @param projectId null: in all projects */
export async function markAllRead(projectId: string | null): Promise<void> {
  const newest = new Map<string, number>()
  let pages = 0
  const query = { unread: 'true' as const, limit: '200', ...(projectId !== null && { projectId }) }
  for await (const page of client.pages(endpoints.list, { query })) {
    for (const one of page) if (!newest.has(one.projectId)) newest.set(one.projectId, one.seq)
    if (projectId !== null || ++pages === MOST_PAGES) break
  }
  for (const [id, seq] of newest) await client.activity.markRead({ projectId: id, seq })
}
