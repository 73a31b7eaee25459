import type { Conversation } from '@cutroom/contract'
import type { Call } from './call.ts'
import { afterEvent, type Event, type Known, type Outcome } from './conversation-events.ts'
import { createHistories } from './conversation-histories.ts'
import { conversations as endpoints, messages } from './generated/contract.ts'
import { createListLoading, LIST_RETRY_MS } from './list-loading.ts'
import type { PartContext } from './part.ts'
import { CutroomError } from './problem.ts'
import { createRequests } from './requests-under-way.ts'

/** One page of messages, and of conversations. */
const PAGE = 50
/** Conversations that are loaded at most: those with the newest messages. Others come with their next message. */
const MAX_LISTED = 1_000

const paged = (cursor: string | null | undefined) => (cursor ? { limit: PAGE, cursor } : { limit: PAGE })

async function listAll(call: Call): Promise<ReadonlyMap<string, Conversation>> {
  const all = new Map<string, Conversation>()
  for (let cursor: string | null | undefined; cursor !== null && all.size < MAX_LISTED; ) {
    const page = await call(endpoints.list, { query: paged(cursor), retryForMs: LIST_RETRY_MS })
    // one that was written to while pages were read has come already
    for (const each of page.data) if (!all.has(each.id)) all.set(each.id, each)
    cursor = page.nextCursor
  }
  return all
}

/** A page of messages, the oldest first. */
async function readMessages(call: Call, conversationId: string, at: string | null) {
  const args = { params: { conversationId }, query: paged(at), ...(at === null && { retryForMs: LIST_RETRY_MS }) }
  const { data, nextCursor: cursor } = await call(messages.list, args)
  return { messages: data.reverse(), hasMore: cursor !== null, cursor }
}

/** What is known of the conversations of a person, loaded and kept by events. */
export function createConversationStore(context: PartContext, onChange: () => void) {
  const { call, userId, onError } = context
  let known: Known | null = null
  const requests = createRequests<Event>()
  const me = () => userId() ?? ''

  function show(next: Known | null): void {
    known = next
    onChange()
  }
  function take({ known: next, stale }: Outcome): void {
    if (next !== known) show(next)
    if (stale !== null) refresh(stale)
  }
  function replay(events: readonly Event[]): void {
    for (const event of events) if (known) take(afterEvent(known, event, me()))
  }
  /** Loads one conversation. What makes it stale after the answer loads it again. */
  function refresh(id: string): void {
    const key = `conversation ${id}`
    const work = async () => {
      const found = await requests.ask(() => call(endpoints.get, { params: { conversationId: id }, retryForMs: LIST_RETRY_MS }))
      if (!found || !known) return
      show({ ...known, conversations: new Map(known.conversations).set(id, found.answer) })
      requests.forget(key)
      replay(found.events)
    }
    requests.once(key, work).catch((error) => {
      loading.failed(error)
      if (!(error instanceof CutroomError) || error.code !== 'not-found') onError(error)
    })
  }

  const loading = createListLoading(async () => {
    const found = await requests.ask(() => listAll(call))
    if (!found) return
    // what was asked for before is no newer
    requests.restart()
    show({ conversations: found.answer, histories: known?.histories ?? new Map() })
    replay(found.events)
    histories.reload().catch(onError)
  }, context)

  const histories = createHistories({
    requests,
    read: (id, cursor) => readMessages(call, id, cursor),
    known: () => known,
    ready: async () => known ?? loading.ready(),
    failed: loading.failed,
    show: (next, events) => {
      show(next)
      replay(events)
    },
  })

  return {
    known: () => known,
    me,
    histories,
    applied(event: Event): void {
      requests.note(event)
      replay([event])
      if (event.name === 'chat:message') histories.grown(event.payload.conversationId).catch(onError)
    },
    /** What a write has answered, before its event comes. */
    answered: (name: Event['name'], payload: object): void => replay([{ name, payload } as Event]),
    /** An event says that something of the list is another now. */
    renew: loading.renew,
    /** Events were missed: what is still to be answered may be older than they are. */
    reload(): void {
      requests.restart()
      histories.expire()
      loading.forget()
      loading.renew()
    },
    retry: loading.retry,
    clear(): void {
      requests.restart()
      loading.forget()
      histories.clear()
      show(null)
    },
  }
}
