import type { Problem } from '@cutroom/contract'
import type { AckOf, CutroomSocket } from './frames.ts'
import { type Pacer, ranks } from './pacer.ts'
import type { Position } from './resume-hooks.ts'

export type RoomJoined = Extract<AckOf<'join:project'>, { ok: true }>

export interface RoomRequestsDeps {
  projectId: string
  activity: boolean
  socket(): CutroomSocket | undefined
  pacer: Pacer
  /** The problem with which the server refuses further rooms on this connection. */
  fullProblem(): Problem | undefined
}

/** The requests that join and leave a room, sent no faster than the server allows. */
export function createRoomRequests({ projectId, activity, socket, pacer, fullProblem }: RoomRequestsDeps) {
  let unqueue = () => {}
  // a join was sent on this connection
  let asked = false
  let joins = 0

  return {
    /** Number of joins sent so far. */
    joins: () => joins,
    queue(go: () => void): void {
      unqueue()
      unqueue = () => {}
      if (fullProblem()) go()
      else unqueue = pacer.add(ranks.join, go)
    },
    done: () => unqueue(),
    send(position: Position | null, ack: (answer: AckOf<'join:project'>) => void): void {
      const full = fullProblem()
      if (full) {
        void Promise.resolve().then(() => ack({ ok: false, error: full }))
        return
      }
      joins++
      asked = true
      const after = position ? { after: position.seq, epoch: position.epoch } : {}
      socket()?.emit('join:project', { projectId, activity, ...after }, (answer) => {
        if (!answer.ok && answer.error.code === 'rate-limited') pacer.block((answer.error.retryAfter ?? 0) * 1000)
        ack(answer)
      })
    },
    leave(): void {
      if (asked && socket()) pacer.add(ranks.leave, () => socket()?.emit('leave:project', { projectId }))
      asked = false
    },
    disconnected(): void {
      asked = false
    },
  }
}
