import type { PresenceRecord } from '../presence/presence-record.ts'
import type { ClusterMessage } from './cluster-messages.ts'

/** Another node, as far as it is known here. Times are of this process, ms. */
export interface RemoteNode {
  /** Of its records here, and of its newest message about them. */
  version: number
  newest: number
  receivedAt: number
  requestedAt: number
  /** The parts so far of all its records. */
  partial: { version: number; next: number; records: PresenceRecord[] } | null
}
export const newNode = (): RemoteNode => ({
  version: -1,
  newest: -1,
  receivedAt: 0,
  requestedAt: Number.NEGATIVE_INFINITY,
  partial: null,
})

/** @returns all records of the node once the last part is here; a lost part is found by its version, and all are requested again */
export function collect(node: RemoteNode, message: Extract<ClusterMessage, { say: 'all' }>): PresenceRecord[] | null {
  if (message.part === 0) node.partial = { version: message.version, next: 0, records: [] }
  const { partial } = node
  if (partial?.version !== message.version || partial.next !== message.part) return null
  partial.next++
  partial.records.push(...message.sights)
  if (partial.next < message.parts) return null
  node.partial = null
  return partial.records
}
