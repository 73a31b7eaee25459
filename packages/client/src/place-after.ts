/**
 * Where the item `id` stands when it is moved to `index` of a list that is sorted by rank (counted without it).
 * @returns `after` for the move endpoint: the item before it, or null; `rank` to draw it with until the server has made the real one
 */
export function placeAfter(
  list: readonly { id: string; rank: string }[],
  id: string,
  index: number,
): { after: string | null; rank: string } {
  const before = list.filter((item) => item.id !== id)[index - 1]
  // Ranks have letters and digits, all of them behind this character: the result is behind `before` and in front of what follows.
  return { after: before?.id ?? null, rank: `${before?.rank ?? ''}\u0001` }
}
