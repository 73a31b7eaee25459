import { askedToWait } from './call.ts'
import type { CutroomSocket } from './frames.ts'
import { CutroomError } from './problem.ts'
import type { Session } from './session.ts'
import { backoff, sleep } from './timing.ts'

/** A warning that comes this soon after a refresh asks for no other at once. */
const JUST_RENEWED_MS = 10_000

/** Hands the newest token to a connection, which then lasts as long as the token does. */
export function pushToken(socket: CutroomSocket | undefined, session: Session, onError: (error: unknown) => void): void {
  const token = session.token()
  if (!socket?.connected || token === undefined) return
  socket.emit('session:refresh', { token }, (answer) => {
    if (!answer.ok) onError(new CutroomError(answer.error))
  })
}

/** Refreshes before a connection's session ends at `expiresAt`; the new token is then pushed. */
export async function extendSession(
  socket: CutroomSocket,
  session: Session,
  expiresAt: string,
  closing: AbortSignal,
  push: () => void,
): Promise<void> {
  const until = Date.parse(expiresAt)
  const isNewer = () => session.endsAt() > until && session.endsAt() !== Number.POSITIVE_INFINITY
  if (isNewer()) push()
  // tokens that live shorter than the server's warning time are renewed at half of their life, not without end
  const early = Date.now() - session.renewedAt() < JUST_RENEWED_MS
  let pause = early ? Math.min(Math.max((until - session.now()) / 2, 0), 30_000) : 0
  // not by our clock, which may be wrong: the server closes the connection when it is too late
  for (let n = 0; socket.connected && session.canRefresh() && !isNewer(); n++) {
    try {
      if (pause > 0) await sleep(pause, closing)
      if (socket.connected && !isNewer()) return await session.refresh()
    } catch (error) {
      if (closing.aborted || (error instanceof CutroomError && error.status === 401)) return
      pause = Math.max(askedToWait(error), backoff(n))
    }
  }
}
