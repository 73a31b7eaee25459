import type { LogEntry } from '../log/log.ts'

/** A position in a room, as the id of an event in a stream: `EPOCH.SEQ`. */
export const eventId = (epoch: string, seq: number): string => `${epoch}.${seq}`

/** The position that the id of an event names; null where it is none. */
export function parseEventId(id: string): { epoch: string; after: number } | null {
  const [, epoch, seq] = /^([0-9A-Za-z]{1,100})\.(0|[1-9]\d{0,15})$/.exec(id) ?? []
  const after = Number(seq)
  return epoch !== undefined && Number.isSafeInteger(after) ? { epoch, after } : null
}

/** An event of a stream (Server-Sent Events). JSON has no line breaks, so one line holds the data. */
export const eventText = (name: string, data: object, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`

/** An entry as a stream sends it: the data is the item that the list of events has. */
export function encodeEvent({ name, payload, meta }: LogEntry): Buffer {
  return Buffer.from(eventText(name, { name, payload, meta }, eventId(meta.epoch, meta.seq)))
}
