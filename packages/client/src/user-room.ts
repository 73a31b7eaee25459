import type { RoomEvent, UserEventName } from '@cutroom/contract'
import type { CutroomSocket, Passing } from './frames.ts'
import { type Pacer, ranks } from './pacer.ts'
import { createResume, type Joined } from './resume.ts'

export interface OwnDeps {
  /** The socket while it is connected. */
  socket(): CutroomSocket | undefined
  pacer: Pacer
  apply(event: RoomEvent<UserEventName>): void
  /** Events were missed that cannot be had any more. */
  reset(): void
  onError(error: unknown): void
  ackTimeoutMs: number
}

/** The person's own room. Each connection stands in it without asking; asked for is only what was missed in between. */
export function createOwn(deps: OwnDeps) {
  let unqueue = () => {}
  const follow = createResume<RoomEvent<UserEventName>, Joined>(
    {
      queue(go) {
        unqueue()
        unqueue = deps.pacer.add(ranks.own, go)
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
      live() {},
      refused: deps.onError,
    },
    null,
    deps.ackTimeoutMs,
  )
  return {
    take: follow.take,
    check: follow.join,
    disconnected: follow.disconnected,
    stop: follow.stop,
    connected({ epoch, head }: Passing<'connected'>): void {
      const { position } = follow
      if (!position || (position.epoch === epoch && position.seq === head)) follow.begin({ epoch, seq: head })
      else follow.connected()
    },
  }
}
