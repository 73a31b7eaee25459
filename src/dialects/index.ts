import type { DialectName } from '../config/dialects.ts'
import type { Dialect } from '../rooms/dialect.ts'
import type { DialectContext } from './context.ts'

/** Loaded when they are named: who serves no older client, pays for none. */
const load: { [N in DialectName]: (context: DialectContext) => Promise<Dialect> } = {
  baasix: async (context) => (await import('./baasix.ts')).baasix(context),
  photoflow: async () => (await import('./photoflow.ts')).photoflow,
  planner: async () => (await import('./planner.ts')).planner,
  bandmate: async () => (await import('./bandmate.ts')).bandmate,
}

/** The dialects of these names. */
export const loadDialects = (names: readonly DialectName[], context: DialectContext): Promise<Dialect[]> =>
  Promise.all(names.map((name) => load[name](context)))
