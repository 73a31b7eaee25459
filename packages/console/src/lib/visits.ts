// How far each project was when its person last saw it here. In this browser only: the server keeps no marks of what was read.
import type { Room } from '@cutroom/client'
import { base } from './router.ts'
import { client } from './session.ts'

interface Visits {
  /** The history of the log that the positions are of. */
  epoch: string
  /** Positions by project, those of the latest visits last. */
  seen: Record<string, number>
}

/** Projects that are remembered. */
const MOST = 500
const keyOf = (userId: string): string => `cutroom visits ${base} ${userId}`

function read(userId: string): Visits | null {
  try {
    const found = JSON.parse(localStorage.getItem(keyOf(userId)) ?? 'null') as Partial<Visits> | null
    return typeof found?.epoch === 'string' && typeof found.seen === 'object' ? (found as Visits) : null
  } catch {
    // the browser keeps nothing, or another program has written there: as if nothing had been visited
    return null
  }
}

/** The person has seen all that the room shows. */
export function noteVisit({ projectId, position }: Room): void {
  const { userId } = client
  if (userId === undefined || position === null) return
  const known = read(userId)
  const { [projectId]: _, ...others } = known?.epoch === position.epoch ? known.seen : {}
  const seen = Object.fromEntries([...Object.entries(others), [projectId, position.seq]].slice(-MOST))
  try {
    localStorage.setItem(keyOf(userId), JSON.stringify({ epoch: position.epoch, seen } satisfies Visits))
  } catch {
    // full, or forbidden: the cards say nothing of what is new
  }
}

/** How many events a project has had since it was last seen here; null: it was not. */
export function newSince(epoch: string, projectId: string, head: number): number | null {
  const visits = client.userId === undefined ? null : read(client.userId)
  const seen = visits?.epoch === epoch ? visits.seen[projectId] : undefined
  return typeof seen === 'number' ? Math.max(head - seen, 0) : null
}
