import { createRandom } from '../../../src/demo/random.ts'
import { type Follower, follow, type Ledger, newLedger, type Plan } from './follower.ts'

/** How a crowd stands. */
export interface Status {
  live: number
  /** Events that arrived, all together. */
  events: number
  /** By project, the lowest seq that somebody there has; -1 while one of them is not live. */
  slowest: Map<string, number>
}

export interface Placed {
  projectId: string
  epoch?: string
  start?: number
  last?: number
}

/** What the followers of a crowd saw, all of it. */
export interface Seen {
  ledger: Ledger
  positions: Placed[]
}

/** Followers in this process: a slice every 50 ms, as many a second as asked. */
export function openFollowers(plans: Plan[], seed: number, perSecond: number): { status(): Status; finish(): Seen } {
  const random = createRandom(seed)
  const ledger = newLedger()
  const followers: Follower[] = []
  const some = () => {
    const end = Math.min(plans.length, followers.length + Math.ceil(perSecond / 20))
    for (const plan of plans.slice(followers.length, end))
      followers.push(follow(`follower ${followers.length}`, plan, random, ledger))
    if (followers.length === plans.length) clearInterval(timer)
  }
  const timer = setInterval(some, 50)
  return {
    status() {
      const slowest = new Map<string, number>()
      for (const follower of followers) {
        const last = follower.live() ? (follower.position()?.last ?? -1) : -1
        slowest.set(follower.projectId, Math.min(slowest.get(follower.projectId) ?? Number.POSITIVE_INFINITY, last))
      }
      return { live: followers.filter((follower) => follower.live()).length, events: ledger.samples.at.length, slowest }
    },
    finish() {
      clearInterval(timer)
      const positions = followers.map((follower) => ({ projectId: follower.projectId, ...follower.position() }))
      for (const follower of followers) follower.close()
      return { ledger, positions }
    },
  }
}
