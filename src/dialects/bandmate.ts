import type { Dialect } from '../rooms/dialect.ts'
import { pageFrames } from './bandmate-activity.ts'

/**
 * BandMate: the events of the contract are those of its document. What its clients lack is a join of their own after a reconnect, and the
 * renewal of a token. Its own page listens to two events that the document does not have: they come besides.
 */
export const bandmate: Dialect = { name: 'bandmate', adds: pageFrames }
