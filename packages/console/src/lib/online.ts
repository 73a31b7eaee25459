import { me } from '@cutroom/client'
import { useEffect } from 'preact/hooks'
import { createCell, useCell } from './cell.ts'
import { client } from './session.ts'

/** People who are online, as far as it is known since the connection is there. */
const online = createCell<ReadonlySet<string>>(new Set())
/** What events of this connection have said, which is newer than an answer that comes after them. */
let heard = new Map<string, boolean>()
let isWatching = false

const withHeard = (ids: Iterable<string>): ReadonlySet<string> => {
  const next = new Set(ids)
  for (const [id, isOnline] of heard)
    if (isOnline) next.add(id)
    else next.delete(id)
  return next
}

/** Those who were online before this connection. */
async function seedOnline(): Promise<void> {
  const ofThis = heard
  const here = new Set<string>()
  try {
    for await (const page of client.pages(me.online)) for (const { id } of page) here.add(id)
  } catch {
    // then it is known of those who come and go
  }
  if (heard === ofThis) online.value = withHeard(here)
}

/** Begins anew: nothing is told while there is no connection, and the next one may be of another person. */
function restart(): void {
  heard = new Map()
  online.value = new Set()
  if (client.status === 'online') void seedOnline()
}

/** Who is online, as far as it is known. */
export function useOnline(): ReadonlySet<string> {
  useEffect(() => {
    if (isWatching) return
    isWatching = true
    client.on('chat:presence', ({ userId, isOnline }) => {
      heard.set(userId, isOnline)
      online.value = withHeard(online.value)
    })
    client.on('status', restart)
    restart()
  }, [])
  return useCell(online)
}
