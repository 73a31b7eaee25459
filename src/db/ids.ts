import { createHash } from 'node:crypto'

/** An id that sorts by time (UUIDv7). */
export { uuidv7 as newId } from 'uuidv7'

/** Comes before every id. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

/** UUID version 5 (RFC 9562): of a name within a namespace, the same each time. */
export function idOf(namespace: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
