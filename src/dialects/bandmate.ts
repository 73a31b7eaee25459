import type { Dialect } from '../rooms/dialect.ts'

/**
 * BandMate: the events of the contract are those of its document. What its clients lack is a join of their own after a reconnect, and the
 * renewal of a token.
 */
export const bandmate: Dialect = { name: 'bandmate' }
