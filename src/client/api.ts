import { type Answer, auth, type Endpoint } from '../contract/index.ts'
import { type Call, type CallRest, type LooseArgs, retrying, send, type Target } from './call.ts'
import { CutroomError } from './problem.ts'
import { createSession, type SessionHooks, type Tokens } from './session.ts'
import { deadline } from './wait.ts'

export type Login = Answer<typeof auth.login>

export interface ApiOptions extends Omit<SessionHooks, 'exchange'> {
  /** Without a slash at its end. */
  base: string
  fetch: typeof fetch
  tokens: Tokens | null
  /** For calls that name none. */
  retryForMs: number
  /** Aborts: no more retries. */
  closing: AbortSignal
}

const EXCHANGE_TIMEOUT_MS = 30_000

/** REST as somebody: calls with the session's newest token, and a new one once where the old one has expired. */
export function createApi(options: ApiOptions) {
  const { closing } = options
  const cookies = options.mode === 'cookie'
  const target: Target = { base: options.base, fetch: options.fetch, cookies }

  const session = createSession(options.tokens, {
    ...options,
    async exchange(refreshToken) {
      // not ended by close(): the old refresh token is spent, so the new one must reach the app
      const limit = deadline(EXCHANGE_TIMEOUT_MS)
      const body = refreshToken === undefined ? undefined : { refreshToken }
      return (await send(target, auth.refresh, { body, signal: limit.signal }).finally(limit.done)) as Answer<typeof auth.refresh>
    },
  })

  async function authorised(endpoint: Endpoint, args: LooseArgs): Promise<unknown> {
    if (endpoint.access === 'public') return send(target, endpoint, args)
    const token = session.token()
    try {
      return await send(target, endpoint, args, cookies ? undefined : token)
    } catch (error) {
      if (!(error instanceof CutroomError)) throw error
      if (!session.isRenewable(error.code)) {
        session.refused(error.problem, token)
        throw error
      }
      await session.renew(token)
      return send(target, endpoint, args, cookies ? undefined : session.token())
    }
  }

  // One listener for all of them: Node takes a dozen on one signal for a leak, and says so.
  const retries = new Set<AbortController>()
  const endRetries = () => {
    for (const end of retries) end.abort(closing.reason)
  }
  closing.addEventListener('abort', endRetries, { once: true })

  const call: Call = async <E extends Endpoint>(endpoint: E, ...rest: CallRest<E>) => {
    const args = (rest[0] ?? {}) as LooseArgs
    const forMs = args.retryForMs ?? options.retryForMs
    const repeatable = endpoint.method === 'GET' || args.idempotencyKey !== undefined
    const once = () => authorised(endpoint, args) as Promise<Answer<E>>
    if (forMs <= 0 || !repeatable) return once()
    const end = new AbortController()
    if (closing.aborted) end.abort(closing.reason)
    retries.add(end)
    const limit = deadline(undefined, args.signal, end.signal)
    return retrying(once, forMs, limit.signal).finally(() => {
      limit.done()
      retries.delete(end)
    })
  }

  return {
    session,
    call,
    /** Logs in or registers; the caller starts the session with what comes back. */
    enter: async (endpoint: Endpoint, body: object): Promise<Login> =>
      (await send(target, endpoint, { body: { ...body, delivery: cookies ? 'cookie' : 'body' } })) as Login,
  }
}
