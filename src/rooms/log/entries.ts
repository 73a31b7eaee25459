import type { Meta, RoomId } from '@cutroom/contract'

/** One event as the log holds it. */
export interface LogEntry {
  name: string
  payload: Record<string, unknown>
  label: string | null
  meta: Meta
}

/** Events of a room after a position. */
export interface EntryPage {
  entries: LogEntry[]
  /** There are further events behind these. */
  more: boolean
}

/** A row of the log. */
export interface EntryRow {
  id: string
  seq: string
  name: string
  payload: Record<string, unknown>
  label: string | null
  actorId: string | null
  actorName: string | null
  mutationId: string | null
  at: Date
}

/** Columns of EntryRow, of a row `e`. */
export const ENTRY_COLUMNS = 'e.id, e.seq, e.name, e.payload, e.label, e."actorId", e."actorName", e."mutationId", e.at'

/** The entry in a row of a room's log in the history of this epoch. */
export const toEntry = (room: RoomId, epoch: string, row: EntryRow): LogEntry => ({
  name: row.name,
  payload: row.payload,
  label: row.label,
  meta: {
    room,
    seq: Number(row.seq),
    epoch,
    id: row.id,
    at: row.at.toISOString(),
    actor: row.actorId === null ? null : { id: row.actorId, name: row.actorName ?? '' },
    ...(row.mutationId !== null && { mutationId: row.mutationId }),
  },
})
