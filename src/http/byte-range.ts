import type { ByteRange } from '../ports/storage/storage.ts'

/**
 * What a Range header asks of so many bytes (RFC 9110, 14.2). One range is served. Several are not: the whole answers them, as it does
 * what cannot be read, in another unit, or the wrong way round.
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, list] = /^bytes=(.*)$/i.exec(header ?? '') ?? []
  // Empty elements of a list count for nothing.
  const elements = (list ?? '').split(',', 100).flatMap((element) => element.trim() || [])
  const [, first, last] = elements.length === 1 ? (/^(\d*)-(\d*)$/.exec(elements[0] ?? '') ?? []) : []
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'whole'
  if (first === '') {
    const length = Math.min(Number(last), size)
    if (Number(last) === 0) return 'unsatisfiable'
    // No bytes at all have no last one.
    return size === 0 ? 'whole' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return 'whole'
  return start >= size ? 'unsatisfiable' : { start, end }
}
