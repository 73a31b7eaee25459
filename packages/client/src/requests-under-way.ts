/** Requests whose answers may be older than events that come before them. */
export function createRequests<Event>() {
  // events since each request under way began
  const recent = new Set<Event[]>()
  const running = new Map<string, Promise<void>>()
  // what another person, or a later load, has replaced is void
  let generation = 0
  return {
    /** An event came. */
    note(event: Event): void {
      for (const events of recent) events.push(event)
    },
    /** Asks, and gives the events that came until the answer; null where the answer is void. */
    async ask<T>(request: () => Promise<T>): Promise<{ answer: T; events: Event[] } | null> {
      const mine = generation
      const events: Event[] = []
      recent.add(events)
      try {
        const answer = await request()
        return mine === generation ? { answer, events } : null
      } catch (error) {
        if (mine !== generation) return null
        throw error
      } finally {
        recent.delete(events)
      }
    },
    /** Runs work once for all who ask for it while it runs. */
    once(key: string, work: () => Promise<void>): Promise<void> {
      const under = running.get(key)
      if (under) return under
      const end: Promise<void> = work().finally(() => {
        if (running.get(key) === end) running.delete(key)
      })
      running.set(key, end)
      return end
    },
    /** Who asks for it from now on runs it again. */
    forget: (key: string): void => void running.delete(key),
    /** All answers that are still to come are void. */
    restart(): void {
      generation++
      running.clear()
    },
  }
}
