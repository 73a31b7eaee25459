/** Names that other systems have for a variable, and what their value means in it; without `meaning` the same. */
interface Alias {
  of: string
  /** @returns the value in the words of the variable, or what is wrong with it */
  meaning?: (value: string) => { value: string } | { wrong: string }
}

const BAASIX = 'baasix'

/** SOCKET_ENABLED of BAASIX says that its clients are served. Cutroom is nothing without sockets. */
function enabled(value: string): { value: string } | { wrong: string } {
  if (value === 'true') return { value: BAASIX }
  return { wrong: 'must be true, which speaks the dialect baasix, or be left out: there is no mode without sockets' }
}

/** By name. An environment that was written for another system goes on. */
export const ALIASES: Readonly<Record<string, Alias>> = {
  SOCKET_ENABLED: { of: 'DIALECTS', meaning: enabled },
  SOCKET_CORS_ENABLED_ORIGINS: { of: 'CORS_ORIGINS' },
  VITE_CORS_ORIGIN: { of: 'CORS_ORIGINS' },
  CACHE_REDIS_URL: { of: 'REDIS_URL' },
}

/** Several names agree: the lists have the same parts in any order; the list of dialects has the one among its own. */
function agree(of: string, given: string, value: string): boolean {
  const [one, other] = [given, value].map((text) => text.split(',').map((part) => part.trim()))
  if (of === 'DIALECTS') return one?.includes(value) ?? false
  return one?.toSorted().join() === other?.toSorted().join()
}

/**
 * Puts the values of aliases in place of the variables that they mean.
 * @param lines gets what is wrong, by variable
 * @returns the name under which each of these variables was given
 */
export function applyAliases(given: Record<string, string | undefined>, lines: Map<string, string>): Map<string, string> {
  const names = new Map<string, string>()
  for (const [alias, { of, meaning }] of Object.entries(ALIASES)) {
    const said = given[alias]
    if (said === undefined) continue
    const meant = meaning?.(said) ?? { value: said }
    if ('wrong' in meant) {
      lines.set(of, `${alias} ${meant.wrong}`)
      continue
    }
    const before = given[of]
    if (before === undefined) {
      given[of] = meant.value
      names.set(of, alias)
    } else if (!agree(of, before, meant.value))
      lines.set(of, `${names.get(of) ?? of} and ${alias} mean the same and differ: leave one out`)
  }
  return names
}
