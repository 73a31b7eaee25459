import type { RoomEvent, UserEventName } from '@cutroom/contract'
import type { CutroomSocket, Passing } from './frames.ts'
import { type Pacer, ranks } from './pacer.ts'
import { createResume } from './resume.ts'
import type { Joined } from './resume-hooks.ts'

export interface UserRoomDeps {
  /** The socket while it is connected. */
  socket(): CutroomSocket | undefined
  pacer: Pacer
  apply(event: RoomEvent<UserEventName>): void
  /** It is live: joined for the first time, or again. */
  live(): void
  /** Events were missed that cannot be had any more. */
  reset(): void
  onError(error: unknown): void
  ackTimeoutMs: number
}

/** The person's own room. A connection is in it from the start; only events that were missed before are asked for. */
export function createUserRoom(deps: UserRoomDeps) {
  let unqueue = () => {}
  const resume = createResume<RoomEvent<UserEventName>, Joined>(
    {
      queue(go) {
        unqueue()
        unqueue = deps.pacer.add(ranks.userRoom, go)
      },
      done: () => unqueue(),
      send(position, ack) {
        deps.socket()?.emit('join:user', position ? { after: position.seq, epoch: position.epoch } : {}, ack)
      },
      apply: deps.apply,
      async load(answer) {
        deps.reset()
        return { epoch: answer.epoch, seq: answer.head }
      },
      joined() {},
      syncing() {},
      live: deps.live,
      refused: deps.onError,
    },
    null,
    deps.ackTimeoutMs,
  )
  return {
    receive: resume.receive,
    check: resume.join,
    disconnected: resume.disconnected,
    stop: resume.stop,
    connected({ epoch, head }: Passing<'connected'>): void {
      const { position } = resume
      if (!position || (position.epoch === epoch && position.seq === head)) resume.begin({ epoch, seq: head })
      else resume.connected()
    },
  }
}
