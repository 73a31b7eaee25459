import type { Problem, User } from '@cutroom/contract'
import type { Connection } from './connection.ts'
import type { Passing } from './frames.ts'
import type { Login } from './login.ts'
import type { createPerson } from './person.ts'
import { problemOf } from './problem.ts'
import type { Session } from './session.ts'

export interface LoginChangesDeps {
  session: Session
  connection: Connection
  person: ReturnType<typeof createPerson>
  cookies: boolean
  closeReplaced(login: Login): void
  onSignedOut(problem: Problem): void
  onError(error: unknown): void
}

/** What follows when a login begins or ends, in the connection and on the screen. */
export function createLoginChanges({
  session,
  connection,
  person,
  cookies,
  closeReplaced,
  onSignedOut,
  onError,
}: LoginChangesDeps) {
  // the socket was asked for, so a login brings it (back)
  let isWanted = false
  // the app knows that there is no login
  let isKnown = false

  /** The session has ended without being asked to. */
  function lost(problem: Problem): void {
    const ended = session.end(false)
    // where only the cookie is gone, or of another by now, the session is still open
    if (cookies) closeReplaced(ended)
    connection.stop(problem)
    person.setUser(null)
    person.mutations.ended(problem)
    if (isKnown) return
    isKnown = true
    try {
      onSignedOut(problem)
    } catch (error) {
      onError(error)
    }
  }

  return {
    lost,
    want(wanted: boolean): void {
      isWanted = wanted
    },
    renewed(): void {
      isKnown = false
      connection.pushToken()
    },
    /** @returns false when the connection is of another person than the login here */
    connected(who: Passing<'connected'>): boolean {
      const login = session.current()
      if (login.userId !== undefined && login.userId !== who.userId) {
        const problem = problemOf('session-revoked', 'Another person has logged in')
        person.clear(problem)
        lost(problem)
        return false
      }
      login.userId = who.userId
      isKnown = false
      person.connected(who)
      return true
    },
    entered(user: User): void {
      person.loggedIn(user.id)
      person.setUser(user)
      isKnown = false
      if (!isWanted) return
      connection.restart()
      connection.connect()
    },
    /** A page has found out whose login it has. */
    restored(user: User): void {
      session.current().userId ??= user.id
      person.loggedIn(user.id)
      person.setUser(user)
    },
    left(): void {
      isWanted = false
      isKnown = true
      person.leave()
      connection.stop()
    },
  }
}
