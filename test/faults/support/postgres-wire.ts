import type { Filter } from '../../support/tcp-proxy.ts'

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
const isCommit = (sql: string) => /^\s*commit\b/i.test(sql)

/** Of one connection: says of each message that a client sends whether it commits a transaction, and which kind. */
function commitsSent(): (message: Message) => 'batch' | 'plain' | null {
  const texted = new Map<string, string>()
  let isOpen = false
  let inserted = false
  const runs = (sql: string): 'plain' | null => {
    if (/^\s*begin\b/i.test(sql)) isOpen = true
    else if (isCommit(sql) || /^\s*rollback\b/i.test(sql)) isOpen = false
    else if (/\binsert into "Event"/i.test(sql)) inserted = true
    return isCommit(sql) ? 'plain' : null
  }
  return ({ type, body }) => {
    if (type === 'Q') return runs(texts(body, 1)[0] ?? '')
    if (type === 'P') {
      const [name = '', sql = ''] = texts(body, 2)
      texted.set(name, sql)
    }
    if (type === 'B') return runs(texted.get(texts(body, 2)[1] ?? '') ?? '')
    if (type !== 'S') return null
    // Without BEGIN it is this that commits all that came since the one before.
    const commits = inserted && !isOpen
    inserted = false
    return commits ? 'batch' : null
  }
}

/**
 * Watches what clients send for what commits: COMMIT, plain or prepared, and the end of a batch that is a transaction by itself.
 * @param decide asked when it comes, with whether it is a batch: `pass`, `stop` (it and all after it never gets there), or `tell` (called when it has been sent on whole)
 */
export function onCommitSent(decide: (batch: boolean) => 'pass' | 'stop' | (() => void)): () => Filter {
  return () => {
    const cut = cutMessages(true)
    const commits = commitsSent()
    let stopped = false
    let tell: (() => void) | null = null
    return (chunk, push) => {
      for (const message of cut(chunk)) {
        if (stopped) return
        const kind = commits(message)
        if (kind !== null) {
          const decision = decide(kind === 'batch')
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
 * Watches what Postgres answers for the end of a committed transaction.
 * @param decide asked when it comes, with whether it was a batch; false: the client never receives it, nor anything after it
 */
export function onCommitDone(decide: (batch: boolean) => boolean): () => Filter {
  return () => {
    const cut = cutMessages(false)
    let stopped = false
    let wasIdle = true
    let inserts = 0
    return (chunk, push) => {
      const on: Buffer[] = []
      for (const { type, bytes, body } of cut(chunk)) {
        const [tag = ''] = type === 'C' ? texts(body, 1) : []
        if (tag.startsWith('INSERT')) inserts++
        // Refused at its end: nothing of it has happened.
        if (type === 'E') inserts = 0
        if (!stopped && isCommit(tag)) stopped = !decide(false)
        if (type === 'Z') {
          const isIdle = body.toString('latin1') === 'I'
          if (!stopped && wasIdle && isIdle && inserts > 1) stopped = !decide(true)
          wasIdle = isIdle
          inserts = 0
        }
        if (stopped) break
        on.push(bytes)
      }
      if (on.length > 0) push(on.length === 1 ? (on[0] as Buffer) : Buffer.concat(on))
    }
  }
}
