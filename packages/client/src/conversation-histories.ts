import type { Event, Known, OpenHistory } from './conversation-events.ts'
import type { createRequests } from './requests-under-way.ts'

/** Messages of an open history beyond which it is loaded anew, so that it does not grow for as long as it is open. */
const MAX_SHOWN = 2_000

export interface HistoriesDeps {
  requests: ReturnType<typeof createRequests<Event>>
  /** A page of messages, from the newest back. */
  read(id: string, cursor: string | null): Promise<OpenHistory>
  known(): Known | null
  /** Waits for the list, where it is being loaded. */
  ready(): Promise<unknown>
  /** What could not be loaded is loaded with the list, the next time. */
  failed(error: unknown): void
  /** Shows what was loaded, and then what the events since its request change. */
  show(next: Known, events: readonly Event[]): void
}

/** The histories of conversations that are open. */
export function createHistories({ requests, read, known, ready, failed, show }: HistoriesDeps) {
  // loaded or not
  const wanted = new Set<string>()
  // whose messages may be other ones by now
  const old = new Set<string>()

  function put(id: string, history: OpenHistory, events: readonly Event[]): void {
    const before = known()
    if (before && wanted.has(id)) show({ ...before, histories: new Map(before.histories).set(id, history) }, events)
  }

  /** The newest page, with the older messages that are shown, where they follow each other. */
  function above(id: string, page: OpenHistory): OpenHistory {
    const shown = old.delete(id) ? undefined : known()?.histories.get(id)
    const at = shown?.messages.findIndex((message) => message.id === page.messages[0]?.id) ?? -1
    return shown && at > 0 ? { ...shown, messages: [...shown.messages.slice(0, at), ...page.messages] } : page
  }

  async function load(id: string): Promise<void> {
    await ready()
    await requests.once(`history ${id}`, async () => {
      const found = await requests
        .ask(() => read(id, null))
        .catch((error) => {
          failed(error)
          throw error
        })
      if (found) put(id, above(id, found.answer), found.events)
    })
    // the answer was void
    if (wanted.has(id) && known()?.histories.has(id) === false) await load(id)
  }

  async function loadOlder(id: string): Promise<void> {
    const cursor = known()?.histories.get(id)?.cursor ?? null
    if (cursor === null) return
    await requests.once(`older ${id}`, async () => {
      const found = await requests.ask(() => read(id, cursor))
      const shown = known()?.histories.get(id)
      if (!found || shown?.cursor !== cursor) return
      put(id, { ...found.answer, messages: [...found.answer.messages, ...shown.messages] }, found.events)
    })
    // the answer was void
    if (known()?.histories.get(id)?.cursor === cursor) await loadOlder(id)
  }

  return {
    open(id: string): Promise<void> {
      wanted.add(id)
      return load(id)
    },
    close(id: string): void {
      wanted.delete(id)
      const before = known()
      if (!before?.histories.has(id)) return
      const histories = new Map(before.histories)
      histories.delete(id)
      show({ ...before, histories }, [])
    },
    loadOlder,
    /** A message was added. */
    async grown(id: string): Promise<void> {
      if ((known()?.histories.get(id)?.messages.length ?? 0) <= MAX_SHOWN) return
      old.add(id)
      await load(id)
    },
    /** Events were missed: the next page replaces what is there. */
    expire(): void {
      for (const id of wanted) old.add(id)
    },
    /** Loads the newest messages again. */
    async reload(): Promise<void> {
      await Promise.all([...wanted].map(load))
    },
    clear: (): void => wanted.clear(),
  }
}
