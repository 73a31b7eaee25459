import type { Prisma } from './generated/client.ts'

/** Whole rows by table. */
type Models = { [M in Prisma.ModelName]: Prisma.TypeMap['model'][M]['payload']['scalars'] }

/** Columns of a session that is an API token; others leave them to their defaults. */
type ApiTokenColumn = 'name' | 'maxRole' | 'allProjects' | 'projectIds'

/** Tables whose rows the engine of consumers alone makes, and those of the index, which are written many at a time. */
type OfConsumers = 'Consumer' | 'Cursor' | 'Retry' | 'DeadLetter' | 'Due'
type OfSearch = 'Search' | 'SearchWord' | 'SearchBuild'

/** Rows by table, for writes that insert one. Columns that only the database fills cannot be named. */
export interface Rows
  extends Omit<
    Models,
    'Session' | 'Project' | 'Lyrics' | 'StoredObject' | 'Room' | 'Event' | 'IdempotencyKey' | OfConsumers | OfSearch
  > {
  Session: Omit<Models['Session'], 'revokedAt' | 'revokedFor' | ApiTokenColumn> & Partial<Pick<Models['Session'], ApiTokenColumn>>
  Project: Omit<Models['Project'], 'deletedAt'>
  Lyrics: Pick<Models['Lyrics'], 'cutId' | 'projectId' | 'version' | 'updatedAt'>
  StoredObject: Pick<Models['StoredObject'], 'key' | 'size'>
  Room: Pick<Models['Room'], 'id'>
}

/** Tables whose rows people put in order. */
export type RankedTable = { [T in keyof Rows]: Rows[T] extends { rank: string } ? T : never }[keyof Rows]
