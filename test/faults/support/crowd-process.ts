import { createRandom } from '../../../src/demo/random.ts'
import type { FromCrowd, ToCrowd } from './crowd.ts'
import { type Follower, follow, newLedger } from './follower.ts'

// Followers in a process of their own, so that writing and what is done to the servers do not slow what they measure.

let followers: Follower[] = []
const ledger = newLedger()
const send = (message: FromCrowd) => void process.send?.(message)

const status = () => {
  const missing = new Map<string, number>()
  for (const follower of followers) {
    const last = follower.live() ? (follower.position()?.last ?? -1) : -1
    missing.set(follower.projectId, Math.min(missing.get(follower.projectId) ?? Number.POSITIVE_INFINITY, last))
  }
  send({
    type: 'status',
    live: followers.filter((follower) => follower.live()).length,
    events: ledger.samples.at.length,
    slowest: [...missing],
  })
}

process.on('message', (message: ToCrowd) => {
  if (message.type === 'start') {
    const random = createRandom(message.seed)
    const { plans, perSecond } = message
    let next = 0
    const some = () => {
      for (const end = Math.min(plans.length, next + Math.ceil(perSecond / 20)); next < end; next++) {
        const plan = plans[next]
        if (plan) followers.push(follow(`follower ${next}`, plan, random, ledger))
      }
      if (next === plans.length) clearInterval(timer)
    }
    const timer = setInterval(some, 50)
    setInterval(status, 100).unref()
  } else if (message.type === 'finish') {
    const positions = followers.map((follower) => ({ projectId: follower.projectId, ...follower.position() }))
    for (const follower of followers) follower.close()
    followers = []
    send({ type: 'result', ledger, positions })
  } else process.disconnect()
})
process.on('disconnect', () => process.exit(0))
