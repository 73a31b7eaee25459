import { userRoom } from '@cutroom/contract'
import type { ChatTyped } from '../cluster/cluster.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import type { Typing } from './typing.ts'

/** "Is typing" of conversations: to the user rooms of the other participants, on this node and the others, and never stored. */
export function createChatTyping({
  io,
  typing,
  publish,
}: {
  io: RoomServer
  typing: Typing
  /** Sends it to the other nodes. */
  publish: (typed: ChatTyped) => void
}) {
  /** Sends it to sockets of this node. */
  function send({ receivers, conversationId, userId, isTyping }: ChatTyped): void {
    if (receivers.length === 0) return
    const rooms = (receivers as string[]).map(userRoom)
    io.local.to(rooms).volatile.emit('chat:typing', { conversationId, userId, isTyping })
  }
  return {
    send,
    relay(socket: RoomSocket, conversationId: string, isTyping: boolean, receivers: readonly string[]): void {
      // It may have gone while the receivers were looked up.
      if (!socket.connected) return
      const relayed = (now: boolean) => {
        const typed = { conversationId, userId: socket.data.person.id, isTyping: now, receivers: [...receivers] }
        send(typed)
        publish(typed)
      }
      typing.set(`${socket.id} ${conversationId}`, isTyping, () => relayed(false))
      relayed(isTyping)
    },
  }
}
