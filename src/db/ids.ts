import { randomFillSync } from 'node:crypto'
import { V7Generator } from 'uuidv7'

// Asking for randomness costs the same for a thousand numbers as for one.
const numbers = new Uint32Array(1024)
let used = numbers.length
function nextUint32(): number {
  if (used === numbers.length) {
    randomFillSync(numbers)
    used = 0
  }
  return numbers[used++] ?? 0
}
const generator = new V7Generator({ nextUint32 })

/** An id that sorts by time (UUIDv7). */
export const newId = (): string => generator.generate().toString()
