import type { Person } from '@cutroom/contract'
import type { Rows } from '../../db/client.ts'

/** A row with people in place of their ids: `author` for `authorId`. */
export type Shown<T extends keyof Rows, P extends string> = Omit<Rows[T], `${P}Id`> & {
  [K in P]: Person | Extract<Rows[T][`${K}Id` & keyof Rows[T]], null>
}

/** Prisma's selection of a person as screens draw them. */
export const person = { select: { id: true, name: true, avatarUrl: true } } as const

/** Prisma's `include` of who wrote a thing. */
export const withAuthor = { author: person } as const

/** Version and times, as every entity shows them. */
export const stamps = (row: { version: number; createdAt: Date; updatedAt: Date }) => ({
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
})

export const iso = (time: Date | null): string | null => time?.toISOString() ?? null

export const presentPerson = ({ id, name, avatarUrl }: Person): Person => ({ id, name, avatarUrl })

/** The next version, in a Prisma update. */
export const nextVersion = { increment: 1 } as const
