import type { User } from '@cutroom/contract'
import { stamps } from '../shared/serialize.ts'

export const presentUser = (row: {
  id: string
  email: string
  name: string
  avatarUrl: string | null
  version: number
  createdAt: Date
  updatedAt: Date
}): User => ({
  id: row.id,
  email: row.email,
  name: row.name,
  avatarUrl: row.avatarUrl,
  ...stamps(row),
})
