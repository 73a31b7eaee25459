/** A text frame as a client sends it: masked with zeros, which leave the text as it is. @throws RangeError from 64 KiB on */
export function clientFrame(text: string): Buffer {
  const body = Buffer.from(text)
  if (body.length > 0xffff) throw new RangeError('a frame of a test client has less than 64 KiB')
  const head =
    body.length < 126 ? Buffer.from([0x81, 0x80 | body.length]) : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255])
  return Buffer.concat([head, Buffer.alloc(4), body])
}

/** Where the payload of a server's frame begins and ends; null while a part of the frame is missing. */
export function payloadAt(data: Buffer, at: number, end: number): { from: number; to: number } | null {
  if (end - at < 2) return null
  const short = (data[at + 1] ?? 0) & 127
  const head = short === 127 ? 10 : short === 126 ? 4 : 2
  if (end - at < head) return null
  const length = short === 127 ? Number(data.readBigUInt64BE(at + 2)) : short === 126 ? data.readUInt16BE(at + 2) : short
  return end - at < head + length ? null : { from: at + head, to: at + head + length }
}
