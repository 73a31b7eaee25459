import type { Activity } from '@cutroom/client'
import { phraseText } from '../parts/phrase.tsx'
import { activityTexts as words } from '../texts-activity.ts'
import { withNames } from './mentions.ts'

const own: Partial<Record<string, string>> = words.own
const says: Partial<Record<string, string>> = words.says

/** The sentence for an activity, and what stands in its places. */
export function wordsOf({ action, actor, target }: Activity) {
  const isOwn = actor !== null && actor.id === target.id
  const sentence = (isOwn && own[action]) || says[action] || words.other
  return { sentence, slots: { who: actor?.name ?? words.noOne, what: withNames(target.name ?? words.untitled) } }
}

/** The same as text. */
export function sentenceOf(activity: Activity): string {
  const { sentence, slots } = wordsOf(activity)
  return phraseText(sentence, slots)
}
