import { onTestFinished } from 'vitest'
import { openWire, type Wire } from './wire.ts'

export type { Wire } from './wire.ts'

/** Cuts what a server sends over one connection into the answer to the upgrade and whole WebSocket frames. */
function frames(): (chunk: Buffer) => { bytes: Buffer; text: string }[] {
  let rest: Buffer = Buffer.alloc(0)
  let upgraded = false
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const whole: { bytes: Buffer; text: string }[] = []
    const take = (length: number, from: number) => {
      whole.push({ bytes: rest.subarray(0, length), text: rest.subarray(from, length).toString() })
      rest = rest.subarray(length)
    }
    if (!upgraded) {
      const end = rest.indexOf('\r\n\r\n')
      if (end === -1) return whole
      upgraded = true
      take(end + 4, 0)
    }
    while (rest.length >= 2) {
      // From server to client nothing is masked: two bytes, the longer length where there is one, the payload.
      const short = (rest[1] ?? 0) & 0x7f
      const header = short === 127 ? 10 : short === 126 ? 4 : 2
      if (rest.length < header) break
      const length = short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short
      if (rest.length < header + length) break
      take(header + length, header)
    }
    return whole
  }
}

/**
 * Forwards to a server on this machine; gone when the test ends.
 * @param target with `lose`, only WebSockets get through, and of what the server sends only the frames it does not name
 */
export async function startProxy(target: { port: number; host?: string; lose?: (frame: string) => boolean }): Promise<Wire> {
  const { lose, ...way } = target
  const down = () => {
    const cutUp = frames()
    return (chunk: Buffer, push: (bytes: Buffer) => void) => {
      for (const { bytes, text } of cutUp(chunk)) if (!lose?.(text)) push(bytes)
    }
  }
  const wire = await openWire({ ...way, ...(lose && { down }) })
  onTestFinished(wire.close)
  return wire
}
