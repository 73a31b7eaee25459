import type { Message } from '@cutroom/contract'
import { type Call, randomKey } from './call.ts'
import type { SendingMessage } from './conversations.ts'
import { messages } from './generated/contract.ts'
import { CutroomError, problemOf } from './problem.ts'

/** How long a message is tried again while the network or the server is away, ms. */
const RETRY_MS = 60_000
/** Messages of all conversations that wait at most. */
const MAX_WAITING = 500

interface Waiting extends SendingMessage {
  conversationId: string
}

/** Messages on their way: one after another in each conversation. */
export function createMessageSending({ call, sent, onChange }: { call: Call; sent(message: Message): void; onChange(): void }) {
  let waiting: readonly Waiting[] = []
  let shown: ReadonlyMap<string, readonly SendingMessage[]> = new Map()
  const ends = new Map<string, Promise<void>>()

  function show(next: readonly Waiting[]): void {
    waiting = next
    const by = new Map<string, SendingMessage[]>()
    for (const each of waiting) by.set(each.conversationId, [...(by.get(each.conversationId) ?? []), each])
    shown = by
    onChange()
  }
  const remove = (key: string): void => {
    if (waiting.some((each) => each.key === key)) show(waiting.filter((each) => each.key !== key))
  }
  const update = (key: string, problem: Waiting['problem']) =>
    show(waiting.map((each) => (each.key === key ? { ...each, problem } : each)))

  async function attempt(key: string): Promise<void> {
    const each = waiting.find((other) => other.key === key)
    if (!each) return
    const { conversationId, body } = each
    try {
      sent(await call(messages.create, { params: { conversationId }, body: { body }, idempotencyKey: key, retryForMs: RETRY_MS }))
      remove(key)
    } catch (error) {
      update(key, error instanceof CutroomError ? error.problem : problemOf('unavailable'))
    }
  }
  function enqueue(conversationId: string, key: string): Promise<void> {
    const end = (ends.get(conversationId) ?? Promise.resolve()).then(() => attempt(key))
    ends.set(conversationId, end)
    return end
  }

  return {
    shown: () => shown,
    /** @throws CutroomError too-many */
    send(conversationId: string, body: string): Promise<void> {
      if (waiting.length >= MAX_WAITING) throw new CutroomError(problemOf('too-many', 'Too many messages wait to be sent'))
      const key = randomKey()
      show([...waiting, { key, conversationId, body, at: new Date().toISOString(), problem: null }])
      return enqueue(conversationId, key)
    },
    async retry(key: string): Promise<void> {
      const each = waiting.find((other) => other.key === key && other.problem !== null)
      if (!each) return
      update(key, null)
      await enqueue(each.conversationId, key)
    },
    /** It was sent, or is given up. */
    remove,
    clear(): void {
      ends.clear()
      show([])
    },
  }
}
