import type { ProjectEventName, RoomEvent } from '@cutroom/contract'
import type { Answer } from './endpoint.ts'
import type { rooms } from './generated/contract.ts'

/** Asks for the events of a room after a position. */
export type FetchEvents = (after: number, limit: number) => Promise<Answer<typeof rooms.events>>

/** Events of one page. */
const PAGE = 200

/** The last events of a log, oldest first; fewer where the log was cut. */
export async function readHistory(fetch: FetchEvents, last: number): Promise<RoomEvent<ProjectEventName>[]> {
  // nothing is there: the answer says where the log begins and ends
  const { head, floor } = await fetch(Number.MAX_SAFE_INTEGER, 1)
  const events: Answer<typeof rooms.events>['data'] = []
  for (let after = Math.max(head - last, floor); after < head; ) {
    const { data } = await fetch(after, Math.min(head - after, PAGE))
    const seq = data.at(-1)?.meta.seq
    if (seq === undefined) break
    events.push(...data)
    after = seq
  }
  // the server has checked every payload against the contract
  return events as unknown as RoomEvent<ProjectEventName>[]
}
