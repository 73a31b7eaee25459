import { remember } from '../lib/bounded-map.ts'
import type { Caller, Scope, Target } from './authorize.ts'

/** Rights that are remembered, at most: a few hundred bytes each. */
const MOST = 20_000

type Named = { type: Target; id: string }

/**
 * Rights as they were seen last. A guess and never an answer: a write that goes by one proves it in its own transaction, so a
 * wrong one costs a second try and nothing else, and the cache needs no invalidation.
 */
export interface ScopeCache {
  of(who: Caller, named: Named): Scope | undefined
  learn(who: Caller, named: Named, scope: Scope): void
  forget(who: Caller, named: Named): void
}

export function createScopeCache(): ScopeCache {
  const seen = new Map<string, Scope>()
  const keyOf = (who: Caller, named: Named) => `${who.sessionId} ${named.type} ${named.id}`
  return {
    of: (who, named) => seen.get(keyOf(who, named)),
    learn: (who, named, scope) => remember(seen, MOST, keyOf(who, named), scope),
    forget: (who, named) => void seen.delete(keyOf(who, named)),
  }
}
