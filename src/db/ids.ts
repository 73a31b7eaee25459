/** An id that sorts by time (UUIDv7). */
export { uuidv7 as newId } from 'uuidv7'

/** Comes before every id. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000'
