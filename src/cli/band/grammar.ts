import type { Random } from '../../lib/random.ts'

/** Lists of texts by name; `[name]` in a text stands for one of that list. */
export type Rules = Readonly<Record<string, readonly string[]>>

/** A text with every `[slot]` filled: from `given` where it names it, else from the rules, by chance. */
export function expand(rules: Rules, random: Random, text: string, given: Readonly<Record<string, string>> = {}): string {
  return text.replace(/\[(\w+)\]/g, (_, slot: string) => {
    const fixed = given[slot]
    if (fixed !== undefined) return fixed
    const list = rules[slot]
    if (!list) throw new Error(`the grammar has no [${slot}]`)
    return expand(rules, random, random.pick(list), given)
  })
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
