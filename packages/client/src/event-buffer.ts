/** Events that are kept while a start is fetched; beyond them a join brings them again. */
const MAX_EVENTS = 2_000

/** Events that came before the start they follow. */
export function createEventBuffer<E>() {
  let events: E[] = []
  let isOverflown = false
  return {
    add(event: E): void {
      if (events.length >= MAX_EVENTS) isOverflown = true
      if (isOverflown) events = []
      else events.push(event)
    },
    /** Events are missing from it. */
    isOverflown: () => isOverflown,
    /** Takes all out. */
    drain: (): E[] => events.splice(0),
    clear(): void {
      events = []
      isOverflown = false
    },
  }
}
