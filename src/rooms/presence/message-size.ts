import type { Presence } from '@cutroom/contract'

/** People, and bytes of JSON, in one answer. */
const MAX_LISTED = 500
const MAX_LIST_BYTES = 64 * 1024
/** Bytes of JSON in one message, which is written to each socket of a crowd in one tick. */
const MAX_MESSAGE_BYTES = 16 * 1024

/** Bytes of a presence without its state, and of the state. Kept: a crowd that comes back is listed once for each of it. */
const sizes = new WeakMap<Presence, { person: number; state: number }>()
function sizeOf(presence: Presence): { person: number; state: number } {
  const known = sizes.get(presence)
  if (known) return known
  const { state, ...person } = presence
  const size = { person: Buffer.byteLength(JSON.stringify(person)) + 16, state: Buffer.byteLength(JSON.stringify(state)) }
  sizes.set(presence, size)
  return size
}

/** As many of them as one answer may list: states are left out first (null), then people. */
export function bounded(all: Iterable<Presence>): Presence[] {
  let left = MAX_LIST_BYTES
  const listed: Presence[] = []
  for (const presence of all) {
    const { person } = sizeOf(presence)
    if (listed.length === MAX_LISTED || person > left) break
    left -= person
    listed.push(presence)
  }
  return listed.map((presence) => {
    const { state } = sizeOf(presence)
    if (presence.state !== null && state > left) return { ...presence, state: null }
    left -= state
    return presence
  })
}

/** All of them, in lists of which each may be one message. */
export function inMessages(all: readonly Presence[]): Presence[][] {
  const messages: Presence[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const presence of all) {
    const { person, state } = sizeOf(presence)
    const last = messages.at(-1)
    bytes += person + state
    if (last && bytes <= MAX_MESSAGE_BYTES) last.push(presence)
    else {
      messages.push([presence])
      bytes = person + state
    }
  }
  return messages
}
