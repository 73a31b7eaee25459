import { problem } from '../../errors.ts'

/** Uploads at a time: of one person, and on this node. Each holds a file open and less than a megabyte. */
const LIMITS = { person: 20, node: 400 }

/** Places for bodies of files on their way in. */
export interface UploadSlots {
  /** Runs while the person has a place. @throws problem rate-limited | unavailable where there is none */
  run<T>(userId: string, work: () => Promise<T>): Promise<T>
  /** How many are taken now. */
  taken(): number
}

/** @param enabled whether one person is held back */
export function createUploadSlots(enabled: boolean, limits = LIMITS): UploadSlots {
  const byPerson = new Map<string, number>()
  let all = 0
  return {
    async run(userId, work) {
      const own = byPerson.get(userId) ?? 0
      if (enabled && own >= limits.person) throw problem('rate-limited', 'Too many uploads at a time', { retryAfter: 1 })
      if (all >= limits.node) throw problem('unavailable', 'Too many uploads at a time', { retryAfter: 2 })
      byPerson.set(userId, own + 1)
      all++
      try {
        return await work()
      } finally {
        all--
        const left = (byPerson.get(userId) ?? 1) - 1
        if (left > 0) byPerson.set(userId, left)
        else byPerson.delete(userId)
      }
    },
    taken: () => all,
  }
}
