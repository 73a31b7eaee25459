import type { User } from '@cutroom/contract'
import type { Rows } from '../../db/client.ts'
import { stamps } from '../shared/serialize.ts'

/** An account without its password. */
export type Account = Omit<Rows['User'], 'passwordHash'>

export const presentUser = (row: Account): User => ({
  id: row.id,
  email: row.email,
  name: row.name,
  avatarUrl: row.avatarUrl,
  ...stamps(row),
})
