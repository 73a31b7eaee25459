/** `@[name](id)`: a name has no bracket in it. */
const MENTION = /@\[([^\][\n]{1,200})\]\([0-9a-f-]{36}\)/g

/** A text as people read it: `@name` in place of each mention. */
export const withNames = (text: string): string => text.replace(MENTION, '@$1')

/** A person as a text that is sent names them. */
export const mentionOf = ({ name, id }: { name: string; id: string }): string =>
  `@[${name.replace(/[[\]\n]+/g, ' ').trim() || '…'}](${id})`

/** The mentions of a text, and where they begin in it as it is shown. */
function mentionsIn(text: string) {
  let hidden = 0
  return [...text.matchAll(MENTION)].map(({ 0: mention, index }) => {
    const shown = withNames(mention)
    const start = index - hidden
    hidden += mention.length - shown.length
    return { mention, shown, start }
  })
}

/**
 * A text after an edit of it as it is shown. A mention that was changed is plain text from then on.
 * @param next what is shown now
 * @param caret where the edit ended: it tells apart two mentions of one name
 */
export function withEdit(text: string, next: string, caret: number): string {
  const before = withNames(text)
  let tail = 0
  while (tail < Math.min(next.length - caret, before.length) && before.at(-1 - tail) === next.at(-1 - tail)) tail++
  let head = 0
  while (head < Math.min(before.length, next.length) - tail && before[head] === next[head]) head++
  const end = before.length - tail
  return mentionsIn(text)
    .filter(({ shown, start }) => start + shown.length <= head || start >= end)
    .reduceRight((whole, { mention, shown, start }) => {
      const at = start < end ? start : start + next.length - before.length
      return whole.slice(0, at) + mention + whole.slice(at + shown.length)
    }, next)
}

/** The name that is begun before the caret, and where its `@` stands in the text as it is shown. */
export function nameBegun(text: string, caret: number): { start: number; name: string } | null {
  const name = /(?:^|[^\w.])@([^@\n]{0,60})$/.exec(withNames(text).slice(0, caret))?.[1]
  if (name === undefined) return null
  const start = caret - name.length - 1
  return mentionsIn(text).some((one) => one.start === start) ? null : { start, name }
}
