import type { nouns as contract, Payload, ProjectEventName, Snapshot } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { Authorizer, TargetRow } from '../../access/authorize.ts'
import type { Config } from '../../config.ts'
import { type Database, Prisma } from '../../db/client.ts'
import type { FileServices } from '../files/services.ts'
import { byId, type Order } from './paging.ts'
import type { Readable } from './reading.ts'

/** What routes are given. */
export interface RouteContext extends Pick<Database, 'prisma' | 'query'> {
  config: Config
  authorizer: Authorizer
  files: FileServices
}

/** A table of the database that holds rows of a project. */
export interface NounTable {
  /** As in the Prisma schema. */
  name: string
  /** The column that names a row; the rows of a deleted project are purged in its order. */
  key: string
  /** The column with the id of the project. */
  project: string
  /** Columns with the id of a person that the entity shows: a rename is told to the projects of these rows. */
  people: readonly string[]
}

/** What of a project a snapshot shows. */
export interface SnapshotRequest {
  projectId: string
  /** `all`, `none`, or the id of the cut or task whose comments are wanted. */
  comments: string
}

/** One list of a snapshot. */
export interface SnapshotList {
  order: Order
  reading: Readable<unknown>
  /**
   * The rows that are read, as `t`: one FROM item for each reading of the list, one after another.
   * @param beyond the condition for rows after the page before
   */
  rows: (request: SnapshotRequest) => readonly ((beyond: Prisma.Sql) => Prisma.Sql)[]
}

/** What an event is about, in the activity feed. */
export interface ActivityTarget {
  type: string
  id: string
  name: string | null
  /** Behind `/projects/<id>`. */
  path: string
}

type Contract = typeof contract
export type NounName = keyof Contract

/**
 * All that others need to know of a noun. Access checks, routes, snapshot, rename of a person, deletion of a project and activity are
 * derived from it.
 */
export interface Noun<N extends NounName = NounName> {
  /** As in the contract. */
  name: N
  /** The rows that its path parameters name, by parameter. */
  targets: Record<string, TargetRow>
  /** What others refer to comes first. */
  tables: readonly NounTable[]
  routes: (app: FastifyInstance, context: RouteContext) => void
  /** One list for each of its collections. */
  snapshot: { [C in keyof Contract[N]['collections'] & keyof Snapshot]: SnapshotList }
  /** How each of its events reads in the activity feed; null: it is not shown. `label`: what people call the thing. */
  activity: {
    [E in keyof Contract[N]['events'] & ProjectEventName]: ((payload: Payload<E>, label: string | null) => ActivityTarget) | null
  }
}

/** A noun of the contract. What it leaves out does not compile. */
export const defineNoun = <N extends NounName>(noun: Noun<N>): Noun<N> => noun

/** A table whose rows have an id, a project and people. */
export const projectTable = (name: string, people: readonly string[]): NounTable => ({
  name,
  key: 'id',
  project: 'projectId',
  people,
})

/** Rows of such a table, as a path names them. */
export const targetIn = (table: string): TargetRow => ({ table, key: 'id', project: 'projectId', author: 'authorId' })

/** Rows of one list in one page of a snapshot, at most. */
export const SNAPSHOT_ROWS = 2_000

/** The list of a table whose rows have an id and a project. */
export function snapshotById(table: string, reading: Readable<unknown>): SnapshotList {
  const name = Prisma.raw(`"${table}"`)
  // OFFSET: the rows of the project by its index, not all rows by their ids.
  const rows = (projectId: string) => (beyond: Prisma.Sql) =>
    Prisma.sql`(SELECT t.* FROM ${name} t WHERE t."projectId" = ${projectId}::uuid AND ${beyond} OFFSET 0) t`
  return { order: byId, reading, rows: ({ projectId }) => [rows(projectId)] }
}
