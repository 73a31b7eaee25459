import type { Random } from '../../support/random.ts'
import type { Filter } from '../../support/tcp-proxy.ts'

/** Index behind the reply that begins at `from`; -1 while it is not whole. RESP2 and RESP3. */
function endOf(bytes: Buffer, from: number): number {
  const line = bytes.indexOf('\r\n', from)
  if (line === -1) return -1
  const type = String.fromCharCode(bytes[from] ?? 0)
  const size = Number(bytes.toString('latin1', from + 1, line))
  if ('$=!'.includes(type)) {
    const end = size < 0 ? line + 2 : line + 2 + size + 2
    return end <= bytes.length ? end : -1
  }
  if (!'*>~%|'.includes(type)) return line + 2
  let at = line + 2
  // Maps count pairs; an attribute comes before its reply.
  const parts = type === '%' ? size * 2 : type === '|' ? size * 2 + 1 : size
  for (let part = 0; part < parts; part++) {
    at = endOf(bytes, at)
    if (at === -1) return -1
  }
  return at
}

/** Cuts what Redis sends into whole replies. */
export function cutReplies(): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole: Buffer[] = []
    for (;;) {
      const end = rest.length === 0 ? -1 : endOf(rest, 0)
      if (end === -1) return whole
      whole.push(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}

/** Something that was published, as a subscriber gets it. */
const isMessage = (reply: Buffer) => /^[*>]\d+\r\n\$\d+\r\n[ps]?message\r\n/.test(reply.toString('latin1', 0, 40))

/** What is done to published messages on their way to subscribers; may be changed at any time. */
export interface Trouble {
  /** Shares, 0 to 1. */
  lose: number
  repeat: number
  /** Messages that are held together and sent on in any order; 0: none. */
  window: number
  /** A window that does not fill is sent on after this, ms. */
  windowMs: number
  /** What was done. */
  done: { passed: number; lost: number; repeated: number; shuffled: number }
}

export const noTrouble = (): Trouble => ({
  lose: 0,
  repeat: 0,
  window: 0,
  windowMs: 50,
  done: { passed: 0, lost: 0, repeated: 0, shuffled: 0 },
})

/** A filter for connections from Redis: replies to commands pass, published messages are lost, repeated and shuffled. */
export function troubled(trouble: Trouble, random: Random): () => Filter {
  return () => {
    const cut = cutReplies()
    let held: Buffer[] = []
    let timer: NodeJS.Timeout | undefined
    return (chunk, push) => {
      const flush = () => {
        clearTimeout(timer)
        timer = undefined
        const now = random.shuffle(held)
        trouble.done.shuffled += now.filter((message, index) => message !== held[index]).length
        held = []
        for (const message of now) push(message)
      }
      for (const reply of cut(chunk)) {
        if (!isMessage(reply)) {
          push(reply)
          continue
        }
        if (random.chance(trouble.lose)) {
          trouble.done.lost++
          continue
        }
        const copies = random.chance(trouble.repeat) ? 2 : 1
        trouble.done.passed++
        trouble.done.repeated += copies - 1
        for (let copy = 0; copy < copies; copy++)
          if (trouble.window > 0) held.push(reply)
          else push(reply)
        if (held.length >= trouble.window) flush()
        else timer ??= setTimeout(flush, trouble.windowMs)
      }
    }
  }
}
