/** An id that sorts by time (UUIDv7). */
export { uuidv7 as newId } from 'uuidv7'
