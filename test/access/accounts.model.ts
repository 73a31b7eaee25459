/** A session as the model has it. */
export interface ModelSession {
  owner: string
  open: boolean
  generation: number
  confirmed: number
}

/** What the server knows, as far as accounts go. */
export interface ModelState {
  passwords: Record<string, string>
  sessions: Record<string, ModelSession>
}

/** A token, by what it says. */
export interface TokenOf {
  sid: string
  gen: number
}

/** One atomic part of a request: ends it with a code, or lets it go on. */
export type Step = (state: ModelState) => string | undefined

/** A request that was made, and its answer: a code, or null where nothing is known of it. */
export interface Made {
  steps: Step[]
  answer: string | null
}

const clone = (state: ModelState): ModelState => structuredClone(state)

const sessionOf = (state: ModelState, sid: string): ModelSession => {
  const session = state.sessions[sid]
  if (!session) throw new Error(`the model knows no session ${sid}`)
  return session
}

/** Every state that some order of the parts gives, in which each request has the answer it had. */
export function explain(before: ModelState, made: readonly Made[]): ModelState[] {
  const found = new Map<string, ModelState>()
  const seen = new Set<string>()
  function go(state: ModelState, at: readonly number[]): void {
    const key = JSON.stringify([at, state])
    if (seen.has(key)) return
    seen.add(key)
    if (at.every((n) => n < 0)) found.set(JSON.stringify(state), state)
    made.forEach(({ steps, answer }, index) => {
      const n = at[index] ?? -1
      const step = n < 0 ? undefined : steps[n]
      if (!step) return
      const next = clone(state)
      const outcome = step(next)
      const isLast = n === steps.length - 1
      if (outcome === undefined && isLast) throw new Error('a request without an answer')
      if (outcome !== undefined && answer !== null && outcome !== answer) return
      go(next, at.with(index, outcome === undefined ? n + 1 : -1))
    })
  }
  go(
    before,
    made.map(() => 0),
  )
  return [...found.values()]
}

/** The use of an access token, which its session takes note of. */
const use =
  ({ sid, gen }: TokenOf): Step =>
  (state) => {
    const session = sessionOf(state, sid)
    if (session.open && gen <= session.generation) session.confirmed = Math.max(session.confirmed, gen)
    return undefined
  }
const isOpen = (state: ModelState, { sid }: TokenOf) => sessionOf(state, sid).open
const close = (state: ModelState, sid: string) => {
  sessionOf(state, sid).open = false
}

/** What each request does, in its atomic parts. `ok` is any success. */
export const requests = {
  login: (person: string, password: string, opened: TokenOf | null): Step[] => [
    (state) => (state.passwords[person] === password ? undefined : 'bad-credentials'),
    (state) => {
      if (state.passwords[person] !== password) return 'bad-credentials'
      if (opened) state.sessions[opened.sid] = { owner: person, open: true, generation: 0, confirmed: 0 }
      return 'ok'
    },
  ],
  /** `ok <generation>` of the refresh token in the answer. */
  refresh: ({ sid, gen }: TokenOf): Step[] => [
    (state) => {
      const session = sessionOf(state, sid)
      if (!session.open) return 'session-revoked'
      if (gen === session.generation) {
        session.confirmed = gen
        session.generation++
        return `ok ${session.generation}`
      }
      if (gen === session.generation - 1 && session.confirmed < session.generation) return `ok ${session.generation}`
      session.open = false
      return 'token-reused'
    },
  ],
  logoutByRefreshToken: ({ sid }: TokenOf): Step[] => [
    (state) => {
      close(state, sid)
      return 'ok'
    },
  ],
  logoutByAccessToken: (token: TokenOf): Step[] => [
    (state) => {
      if (!isOpen(state, token)) return 'session-revoked'
      close(state, token.sid)
      return 'ok'
    },
  ],
  logoutAll: (token: TokenOf): Step[] => [
    use(token),
    (state) => {
      const { owner, open } = sessionOf(state, token.sid)
      if (!open) return 'session-revoked'
      for (const session of Object.values(state.sessions)) if (session.owner === owner) session.open = false
      return 'ok'
    },
  ],
  endSession: (token: TokenOf, target: string): Step[] => [
    use(token),
    (state) => {
      if (!isOpen(state, token)) return 'session-revoked'
      if (!sessionOf(state, target).open) return 'not-found'
      close(state, target)
      return 'ok'
    },
  ],
  changePassword: (token: TokenOf, current: string, next: string): Step[] => {
    const refused = (state: ModelState) => (isOpen(state, token) ? 'bad-credentials' : 'session-revoked')
    const person = (state: ModelState) => sessionOf(state, token.sid).owner
    return [
      use(token),
      (state) => (isOpen(state, token) ? undefined : 'session-revoked'),
      (state) => (state.passwords[person(state)] === current ? undefined : refused(state)),
      (state) => {
        if (state.passwords[person(state)] !== current || !isOpen(state, token)) return refused(state)
        state.passwords[person(state)] = next
        for (const [sid, session] of Object.entries(state.sessions))
          if (session.owner === person(state) && sid !== token.sid) session.open = false
        return 'ok'
      },
    ]
  },
  /** A call, a handshake or `session:refresh`. */
  act: (token: TokenOf): Step[] => [use(token), (state) => (isOpen(state, token) ? 'ok' : 'session-revoked')],
  /** What is meant for another person. */
  stray: (): Step[] => [() => 'session-revoked'],
}
