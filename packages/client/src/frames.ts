import type { ClientToServer, EventName, Meta, RoomEvent, ServerToClient } from '@cutroom/contract'
import type { Socket } from 'socket.io-client'

export type CutroomSocket = Socket<ServerToClient, ClientToServer>

/** The answer to a request. */
export type AckOf<N extends keyof ClientToServer> = Parameters<NonNullable<Parameters<ClientToServer[N]>[1]>>[0]
export type Refused = Extract<AckOf<'join:user'>, { ok: false }>

/** Names of what is derived or passing, and what comes with them. */
export type PassingName = Exclude<keyof ServerToClient, EventName>
export type Passing<N extends PassingName> = Parameters<ServerToClient[N]>[0]
export type PassingEvent<N extends PassingName = PassingName> = { [K in N]: { name: K; payload: Passing<K> } }[N]

const isMeta = (value: unknown): value is Meta =>
  typeof value === 'object' && value !== null && 'room' in value && 'seq' in value && 'epoch' in value

/**
 * What came over the socket, by its kind: with meta it is durable and belongs to a room, without it is passing.
 * The server has checked every payload against the contract; checking again here would cost each browser that work.
 */
export function readFrame(name: string, args: unknown[]): { event: RoomEvent } | { passing: PassingEvent } {
  const [payload, meta] = args
  if (isMeta(meta)) return { event: { name, payload, meta } as RoomEvent }
  return { passing: { name, payload } as PassingEvent }
}
