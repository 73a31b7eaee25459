import type { Filter } from '../../setup/wire.ts'

/** One message of Postgres's protocol; the very first one of a client has no type. */
interface Message {
  type: string
  bytes: Buffer
  /** Behind type and length. */
  body: Buffer
}

/** Cuts a stream into whole messages. */
function cutMessages(untypedFirst: boolean): (chunk: Buffer) => Message[] {
  let rest: Buffer = Buffer.alloc(0)
  let untyped = untypedFirst
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole: Message[] = []
    for (;;) {
      const head = untyped ? 0 : 1
      if (rest.length < head + 4) return whole
      const length = head + rest.readInt32BE(head)
      if (rest.length < length) return whole
      const bytes = rest.subarray(0, length)
      whole.push({ type: untyped ? '' : String.fromCharCode(bytes[0] ?? 0), bytes, body: bytes.subarray(head + 4) })
      rest = rest.subarray(length)
      untyped = false
    }
  }
}

/** The texts in a message that end with a zero byte. */
const texts = (body: Buffer, count: number): string[] => body.toString('latin1').split('\0', count)
const isCommit = (sql: string | undefined) => /^\s*commit\b/i.test(sql ?? '')

/**
 * Watches what clients send for a COMMIT, plain or prepared.
 * @param decide asked when one comes: `pass`, `stop` (it and all after it never gets there), or `tell` (called when it has been sent on whole)
 */
export function onCommitSent(decide: () => 'pass' | 'stop' | (() => void)): () => Filter {
  return () => {
    const cut = cutMessages(true)
    const names = new Set<string>()
    let stopped = false
    let tell: (() => void) | null = null
    const isOne = ({ type, body }: Message): boolean => {
      if (type === 'Q') return isCommit(texts(body, 1)[0])
      if (type === 'P') {
        const [name = '', sql] = texts(body, 2)
        if (isCommit(sql)) names.add(name)
        else names.delete(name)
        return false
      }
      return type === 'B' && names.has(texts(body, 2)[1] ?? '')
    }
    return (chunk, push) => {
      for (const message of cut(chunk)) {
        if (stopped) return
        if (isOne(message)) {
          const decision = decide()
          if (decision === 'stop') {
            stopped = true
            return
          }
          if (decision !== 'pass') tell = decision
        }
        push(message.bytes)
        // The rest of a prepared one follows its Bind; Sync makes Postgres answer.
        if (tell && (message.type === 'Q' || message.type === 'S')) {
          const told = tell
          tell = null
          told()
        }
      }
    }
  }
}

/**
 * Watches what Postgres answers for the news that a COMMIT is done.
 * @param decide asked when one comes; false: the client never hears of it, nor of anything after it
 */
export function onCommitDone(decide: () => boolean): () => Filter {
  return () => {
    const cut = cutMessages(false)
    let stopped = false
    return (chunk, push) => {
      const on: Buffer[] = []
      for (const { type, bytes, body } of cut(chunk)) {
        if (!stopped && type === 'C' && isCommit(texts(body, 1)[0])) stopped = !decide()
        if (stopped) break
        on.push(bytes)
      }
      if (on.length > 0) push(on.length === 1 ? (on[0] as Buffer) : Buffer.concat(on))
    }
  }
}
