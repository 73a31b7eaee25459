import { createRandom } from '../../support/random.ts'
import { type Follower, follow, type Ledger, newLedger, type Plan } from './follower.ts'

/** The state of a crowd. */
export interface Status {
  live: number
  /** Events that arrived, all together. */
  events: number
  /** By project, the lowest seq of a follower there; -1 while one of them is not live. */
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

export interface Followers {
  status(): Status
  /** So many a second leave from now on, and another takes the place of each: where it was, or live. 0: no more. */
  churn(perSecond: number): void
  finish(): Seen
}

/** Followers in this process: a slice every 50 ms, as many a second as asked. */
export function openFollowers(plans: Plan[], seed: number, perSecond: number): Followers {
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
  let churning: NodeJS.Timeout | undefined
  let comings = 0
  function replace(): void {
    const index = random.int(0, followers.length - 1)
    const leaving = followers[index]
    const plan = plans[index]
    if (!plan || !leaving?.live()) return
    const at = random.chance(0.5) ? leaving.position() : null
    leaving.close()
    const first = random.int(0, plan.urls.length - 1)
    const back = { ...plan, first, ...(at && { after: at.last, epoch: at.epoch }) }
    followers[index] = follow(`follower ${index}, coming ${++comings}`, back, random, ledger)
  }
  return {
    churn(rate) {
      clearInterval(churning)
      if (rate > 0) churning = setInterval(replace, 1000 / rate)
    },
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
      clearInterval(churning)
      const positions = followers.map((follower) => ({ projectId: follower.projectId, ...follower.position() }))
      for (const follower of followers) follower.close()
      return { ledger, positions }
    },
  }
}
