import { userRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { isShown } from './serialize.ts'

/** A row that was removed. */
export interface Removed {
  id: string
  userId: string
  shown: boolean
  unseen: boolean
}

/** The end of a statement that deletes rows `t`. */
export const returningRemoved = Prisma.sql`RETURNING t.id, t."userId", ${isShown} AS shown, t."seenAt" IS NULL AS unseen`

/** Says to each person which of those that they were shown are gone. */
export function reportRemoved({ emit }: Pick<Write, 'emit'>, removed: readonly Removed[]): void {
  const byPerson = new Map<string, { ids: string[]; unseen: number }>()
  for (const { id, userId, shown, unseen } of removed) {
    if (!shown) continue
    const gone = byPerson.get(userId) ?? { ids: [], unseen: 0 }
    gone.ids.push(id)
    if (unseen) gone.unseen++
    byPerson.set(userId, gone)
  }
  for (const [userId, gone] of byPerson) emit(userRoom(userId), 'notification:deleted', gone)
}
