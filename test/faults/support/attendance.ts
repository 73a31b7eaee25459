import type { Presence } from '@cutroom/contract'
import type { Person } from '../../support/people.ts'
import type { JoinAck } from '../../support/sockets.ts'
import { type Arrived, openTab, type Tab } from './tab.ts'

/** Who is in a project by the frames of one socket: the ack of its join, and what came after it. */
export type PresenceList = Map<string, Presence>

/** A tab that keeps the presence lists it received, as a client would. */
export interface Seat {
  tab: Tab
  person: Person
  /** By project, where it has joined. */
  lists: Map<string, PresenceList>
  /** `chat:presence`, by person. */
  online: Map<string, boolean>
  /** Who was announced as left, and when, ms on the clock of the wall. */
  left: { projectId: string; userId: string; at: number }[]
  /** Who was announced as present and was not in the list. */
  came: { projectId: string; userId: string; at: number }[]
  join(projectId: string): Promise<void>
  leave(projectId: string): Promise<void>
  /** Joins again for its list, and applies nothing. */
  ask(projectId: string): Promise<Presence[]>
}

/** Opens a tab of a person on a node. */
export async function sit(person: Person, urls: readonly string[], node: number): Promise<Seat> {
  const lists = new Map<string, PresenceList>()
  const online = new Map<string, boolean>()
  const left: Seat['left'] = []
  const came: Seat['came'] = []
  const onFrame = ({ name, payload, at }: Arrived) => {
    if (name === 'chat:presence') online.set(String(payload.userId), payload.isOnline === true)
    if (name !== 'presence:changed') return
    const change = payload as { projectId: string; present: Presence[]; left: string[] }
    const list = lists.get(change.projectId)
    if (!list) return
    for (const one of change.present) {
      if (!list.has(one.user.id)) came.push({ projectId: change.projectId, userId: one.user.id, at })
      list.set(one.user.id, one)
    }
    for (const userId of change.left) if (list.delete(userId)) left.push({ projectId: change.projectId, userId, at })
  }
  const tab = await openTab(urls[node] ?? '', person.token, node, onFrame)
  /** Asks in the middle of other frames: what comes after the answer is applied on it. */
  const ask = (projectId: string, take: (ack: JoinAck) => void) =>
    new Promise<void>((resolve, reject) => {
      tab.socket.timeout(15_000).emit('join:project', { projectId, activity: false }, (late: Error | null, ack: JoinAck) => {
        if (late ?? !ack.ok) return reject(late ?? new Error(`join: ${ack.error?.code}`))
        take(ack)
        resolve()
      })
    })
  const listed = (ack: JoinAck) => ack.presence as Presence[]
  return {
    tab,
    person,
    lists,
    online,
    left,
    came,
    join: (projectId) => ask(projectId, (ack) => lists.set(projectId, new Map(listed(ack).map((one) => [one.user.id, one])))),
    async leave(projectId) {
      lists.delete(projectId)
      await tab.ask('leave:project', { projectId })
    },
    async ask(projectId) {
      let list: Presence[] = []
      await ask(projectId, (ack) => {
        list = listed(ack)
      })
      return list
    },
  }
}

/** Who is where and in which state, as one line that can be compared. */
export const drawn = (list: Iterable<Presence>): string =>
  [...list]
    .map(({ user, state }) => `${user.name}${state ? JSON.stringify(state) : ''}`)
    .sort()
    .join(' ')
