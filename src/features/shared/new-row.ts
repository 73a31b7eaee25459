import { newId } from '../../db/ids.ts'

/** Version and times of a row that begins now. */
export function begun(): { version: number; createdAt: Date; updatedAt: Date } {
  const now = new Date()
  return { version: 1, createdAt: now, updatedAt: now }
}

/** The same, with an id that sorts by time. */
export const newRow = () => ({ id: newId(), ...begun() })
