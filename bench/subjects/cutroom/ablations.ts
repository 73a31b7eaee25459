import type { Seams } from '../../../src/app.ts'
import { createReplayCaches } from '../../../src/rooms/delivery/replay-cache.ts'

/** Events that delivery reads of a room at a time. */
const PAGE_EVENTS = 100

/** Optimisations by name, with what takes each out of the server. */
export const ablations = {
  'scope cache': { adaptAuthorizer: (authorizer) => ({ ...authorizer, memberQuery: () => null }) },
  /** BEGIN leaves before the first statement, so that the transaction is never one message. */
  batch: {
    adaptDatabase: (database) => ({
      ...database,
      async begin() {
        const transaction = await database.begin()
        transaction.settled().catch(() => {})
        return transaction
      },
    }),
  },
  'many rooms in one query': {
    adaptLog: (log) => ({
      ...log,
      async readNext(room, after) {
        const pages = await log.readMany([{ room, after }], PAGE_EVENTS)
        return pages.get(room) ?? { entries: [], more: false }
      },
    }),
  },
  'response cache': {
    responseCache: {
      get: async (_path, _position, make) => ({ ...(await make()), reading: 0 }),
      size: () => ({ entries: 0, bytes: 0 }),
      close() {},
    },
  },
  /** Each page of each socket is read and encoded anew: a closed cache keeps nothing. */
  'replay cache': {
    createReplayCaches(options) {
      const create = createReplayCaches(options)
      return (room) => {
        const cache = create(room)
        const page: typeof cache.page = (after, upTo, send) => {
          const own = create(room)
          own.close()
          return own.page(after, upTo, send)
        }
        return Object.assign(cache, { push() {}, page })
      }
    },
  },
} satisfies Record<string, Seams>

export type Ablation = keyof typeof ablations
export const isAblation = (name: string): name is Ablation => name in ablations
