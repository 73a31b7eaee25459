import { constants, crc32, deflateRawSync, deflateSync } from 'node:zlib'

function pngPart(type: string, data: Buffer): Buffer {
  const [body, part] = [Buffer.concat([Buffer.from(type, 'latin1'), data]), Buffer.alloc(12 + data.length)]
  part.writeUInt32BE(data.length, 0)
  body.copy(part, 4)
  part.writeUInt32BE(crc32(body), 8 + data.length)
  return part
}

/** A black PNG of one bit a pixel: 30,000 × 30,000 of them are 110 KB. */
export function blackPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.writeUInt8(1, 8)
  const rows = deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))), { level: 9 })
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  return Buffer.concat([signature, pngPart('IHDR', header), pngPart('IDAT', rows), pngPart('IEND', Buffer.alloc(0))])
}

/** A ZIP with one file in it. */
export const zip = (name: string, content: Buffer): Buffer =>
  zipOf(name, deflateRawSync(content, { level: 9 }), content.length, crc32(content))

/** A ZIP whose one file is as many mebibytes of zeros, in a thousandth of them. Its checksum is wrong. */
export function zipBomb(name: string, mebibytes: number): Buffer {
  // ends on a whole byte, so that it can stand there many times
  const block = deflateRawSync(Buffer.alloc(1024 ** 2), { level: 9, finishFlush: constants.Z_FULL_FLUSH })
  const packed = Buffer.concat([...Array<Buffer>(mebibytes).fill(block), deflateRawSync(Buffer.alloc(0))])
  return zipOf(name, packed, mebibytes * 1024 ** 2, 0)
}

function zipOf(name: string, packed: Buffer, size: number, sum: number): Buffer {
  const title = Buffer.from(name)
  const sizes = Buffer.alloc(12)
  sizes.writeUInt32LE(sum, 0)
  sizes.writeUInt32LE(packed.length, 4)
  sizes.writeUInt32LE(size, 8)
  const local = Buffer.alloc(30)
  local.write('PK\x03\x04', 'latin1')
  local.writeUInt16LE(20, 4)
  local.writeUInt16LE(8, 8)
  sizes.copy(local, 14)
  local.writeUInt16LE(title.length, 26)
  const central = Buffer.alloc(46)
  central.write('PK\x01\x02', 'latin1')
  central.writeUInt16LE(20, 4)
  central.writeUInt16LE(20, 6)
  central.writeUInt16LE(8, 10)
  sizes.copy(central, 16)
  central.writeUInt16LE(title.length, 28)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length + title.length, 12)
  end.writeUInt32LE(local.length + title.length + packed.length, 16)
  return Buffer.concat([local, title, packed, central, title, end])
}
