import type { Tokens } from './login.ts'
import { claimsOf } from './token.ts'

/** What an earlier `onTokens` gave: as a value, or from where the app keeps it, when several windows share it. */
export type StoredTokens = Tokens | null | (() => Tokens | null | Promise<Tokens | null>)

export interface StoreOptions {
  stored: StoredTokens
  /** The tokens to store now; null: none. Bearer only. */
  onTokens(tokens: Tokens | null): unknown
  onError(error: unknown): void
}

const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

/** Are these tokens of one session for certain? */
function isSameSession(one: Tokens, other: Tokens): boolean {
  const { sid } = claimsOf(one.accessToken)
  return one.accessToken === other.accessToken || (sid !== undefined && sid === claimsOf(other.accessToken).sid)
}

/** Stores tokens through the app. Writes run one after the other, in the order of the calls. */
export function createTokenStore({ stored, onTokens, onError }: StoreOptions) {
  let writing: Promise<void> | undefined

  function read(): Tokens | null | Promise<Tokens | null> {
    if (typeof stored !== 'function') return stored
    const failed = (error: unknown) => {
      onError(error)
      return null
    }
    try {
      const tokens = stored()
      return isPromise(tokens) ? tokens.then((value) => value, failed) : tokens
    } catch (error) {
      return failed(error)
    }
  }

  /** Calls the app at once if no write is running. @returns a promise where the app stores asynchronously */
  function write(run: () => unknown): Promise<void> | undefined {
    const attempt = (): Promise<void> | undefined => {
      try {
        const written = run()
        return isPromise(written) ? written.then(() => {}, onError) : undefined
      } catch (error) {
        onError(error)
        return undefined
      }
    }
    const written = writing ? writing.then(attempt) : attempt()
    if (!written) return undefined
    const mine = written.then(() => {
      if (writing === mine) writing = undefined
    })
    writing = mine
    return mine
  }

  const first = read()
  return {
    /** The tokens to begin with; null while they are `loading`. */
    initial: isPromise(first) ? null : first,
    loading: isPromise(first) ? first : undefined,
    /** What is stored now, where the app says it; else null. */
    async ask(): Promise<Tokens | null> {
      if (typeof stored !== 'function') return null
      await writing
      return read()
    },
    put: (tokens: Tokens | null) => write(() => onTokens(tokens)),
    /** Empties the store of `ended`; another window may have stored another login since. */
    clear(ended: Tokens | null) {
      if (typeof stored !== 'function') return write(() => onTokens(null))
      if (!ended) return undefined
      return write(async () => {
        const found = await read()
        if (!found || isSameSession(found, ended)) await onTokens(null)
      })
    },
  }
}
