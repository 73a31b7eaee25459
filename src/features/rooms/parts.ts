import type { CollectionName } from '@cutroom/contract'
import type { Prisma } from '../../db/client.ts'
import type { Noun, SnapshotList, SnapshotRequest } from '../shared/noun.ts'
import { after, type Order } from '../shared/paging.ts'
import type { Readable } from '../shared/reading.ts'

/** One reading of a list of a snapshot. */
export interface Part {
  name: CollectionName
  order: Order
  reading: Readable<unknown>
  /** The rows behind an id, as `t`. */
  rows: (id: string | null) => Prisma.Sql
}

/** The parts of a project in the order in which they are read: that of the nouns. */
export const partsOf = (nouns: readonly Noun[], request: SnapshotRequest): Part[] =>
  nouns
    .flatMap(({ snapshot }) => Object.entries<SnapshotList>(snapshot))
    .flatMap(([name, { order, reading, rows }]) =>
      rows(request).map((select) => ({
        name: name as CollectionName,
        order,
        reading,
        rows: (id) => select(after(order, id === null ? null : ['', id])),
      })),
    )
