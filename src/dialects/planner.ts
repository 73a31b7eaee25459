import type { Dialect } from '../rooms/dialect.ts'

/** The content planner: `update` goes from one client to all, itself included, with what it carries. */
export const planner: Dialect = {
  name: 'planner',
  translate: () => [],
  requests: {
    update(caller, payload) {
      caller.relay(payload === undefined ? ['update'] : ['update', payload])
      return { ok: true }
    },
  },
}
