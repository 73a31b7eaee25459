/** A stretch of a merge: lines that both agree on, or two versions of which one is to be chosen. */
export type Part<T> = { kind: 'same'; lines: readonly T[] } | { kind: 'choice'; mine: readonly T[]; theirs: readonly T[] }

type Same<T> = (a: T, b: T) => boolean

/** Pairs of equal lines, in order: the longest common subsequence. */
function matches<T>(a: readonly T[], b: readonly T[], same: Same<T>): [number, number][] {
  const width = b.length + 1
  const lengths = new Uint16Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] = same(a[i] as T, b[j] as T)
        ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
        : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0)
  const pairs: [number, number][] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; )
    if (same(a[i] as T, b[j] as T)) pairs.push([i++, j++])
    else if ((lengths[(i + 1) * width + j] ?? 0) >= (lengths[i * width + j + 1] ?? 0)) i++
    else j++
  return pairs
}

/**
 * Merges two changes of one list of lines. A stretch that one side left as it was takes the other's; what both changed, and
 * not alike, is a choice. No line of either is lost.
 */
export function merge<T>(base: readonly T[], mine: readonly T[], theirs: readonly T[], same: Same<T>): Part<T>[] {
  const inMine = new Map(matches(base, mine, same))
  const inTheirs = new Map(matches(base, theirs, same))
  const parts: Part<T>[] = []
  const agree = (lines: readonly T[]): void => {
    const last = parts.at(-1)
    if (lines.length === 0) return
    if (last?.kind === 'same') last.lines = [...last.lines, ...lines]
    else parts.push({ kind: 'same', lines })
  }
  const equal = (a: readonly T[], b: readonly T[]): boolean =>
    a.length === b.length && a.every((line, n) => same(line, b[n] as T))
  let [o, m, t] = [0, 0, 0]
  const stretch = (toBase: number, toMine: number, toTheirs: number): void => {
    const [was, my, their] = [base.slice(o, toBase), mine.slice(m, toMine), theirs.slice(t, toTheirs)]
    if (equal(my, their) || equal(was, their)) agree(my)
    else if (equal(was, my)) agree(their)
    else parts.push({ kind: 'choice', mine: my, theirs: their })
  }
  for (const [at, line] of base.entries()) {
    const [my, their] = [inMine.get(at), inTheirs.get(at)]
    if (my === undefined || their === undefined) continue
    stretch(at, my, their)
    agree([line])
    ;[o, m, t] = [at + 1, my + 1, their + 1]
  }
  stretch(base.length, mine.length, theirs.length)
  return parts
}
