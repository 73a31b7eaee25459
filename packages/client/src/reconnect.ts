import type { Problem } from '@cutroom/contract'
import type { Passing } from './frames.ts'
import { createHandshake } from './handshake.ts'
import { problemOf } from './problem.ts'
import { createReconnectTimer } from './reconnect-timer.ts'
import type { Session } from './session.ts'

export interface ReconnectHooks {
  isWanted(): boolean
  /** Connects now. */
  open(): void
  /** Ends the connection, so that stock reconnection does not come back. */
  disconnect(): void
  /** Gives up. */
  stop(problem: Problem): void
  /** The server does not know this session any more. */
  lost(problem: Problem): void
}

/** Decides whether and when to connect again, after a lost connection as after a refused handshake. */
export function createReconnect(session: Session, cookies: boolean, hooks: ReconnectHooks) {
  let expired: Passing<'session:expired'>['reason'] | undefined
  const timer = createReconnectTimer(hooks.open)
  const { credentials, isCurrent, refused, succeeded } = createHandshake(session, cookies, {
    ...hooks,
    waitAfter: timer.waitAfter,
  })

  return {
    credentials,
    refused,
    /** Did the server name a time to come back, which has not come yet? */
    isAsked: timer.isAsked,
    /** The server will close the connection. */
    draining: (reconnectInMs: number) => timer.wait(reconnectInMs, true),
    expired(reason: Passing<'session:expired'>['reason']): void {
      expired = reason
    },
    /** A connection is being made, or none is wanted any more: nothing is waited for. */
    clear: timer.clear,
    /** It worked, or begins anew: the next failure is the first again. */
    reset(): void {
      timer.succeeded()
      succeeded()
    },
    /** The next `disconnected` is about a new connection. */
    forgetExpiry(): void {
      expired = undefined
    },
    disconnected(reason: string): void {
      if (expired === 'revoked' && isCurrent()) hooks.lost(problemOf('session-revoked'))
      // without this, stock reconnection would come back sooner than the server asked for
      else if (timer.isAsked()) hooks.disconnect()
      else if (reason === 'io server disconnect') {
        if (expired) hooks.open()
        else timer.waitLonger()
      }
    },
  }
}
