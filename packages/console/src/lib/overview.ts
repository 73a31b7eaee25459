import { me, type ProjectPulse } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { client } from './session.ts'
import { newSince } from './visits.ts'

/** How often it is asked for while it is looked at, ms. */
const AGAIN_MS = 20_000
/** Projects that it has. */
const MOST = 200

/** What goes on in a project. */
export interface Pulse extends ProjectPulse {
  /** Events since one's last visit; null: it was not visited here. */
  fresh: number | null
}
export type Pulses = ReadonlyMap<string, Pulse>

async function load(): Promise<Pulses> {
  const pulses = new Map<string, Pulse>()
  let cursor: string | null = null
  do {
    const query: { cursor?: string } = cursor === null ? {} : { cursor }
    const { data, nextCursor, epoch } = await client.call(me.overview, { query })
    for (const one of data) pulses.set(one.projectId, { ...one, fresh: newSince(epoch, one.projectId, one.head) })
    cursor = nextCursor
  } while (cursor !== null && pulses.size < MOST)
  return pulses
}

/** What goes on in one's projects, without being in their rooms; asked for again while the page is looked at. Null until it is known. */
export function usePulses(): Pulses | null {
  const [pulses, setPulses] = useState<Pulses | null>(null)
  useEffect(() => {
    let ended = false
    let timer: ReturnType<typeof setInterval> | undefined
    const show = (next: (before: Pulses | null) => Pulses) => {
      if (!ended) setPulses(next)
    }
    const refresh = () =>
      void load().then(
        (found) => show(() => found),
        // without an answer the cards show what they showed
        () => show((before) => before ?? new Map()),
      )
    function start(): void {
      clearInterval(timer)
      if (document.visibilityState !== 'visible') return
      refresh()
      timer = setInterval(refresh, AGAIN_MS)
    }
    start()
    document.addEventListener('visibilitychange', start)
    return () => {
      ended = true
      clearInterval(timer)
      document.removeEventListener('visibilitychange', start)
    }
  }, [])
  return pulses
}
