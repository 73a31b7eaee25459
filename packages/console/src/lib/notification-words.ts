import type { Notification } from '@cutroom/client'
import { phraseText } from '../parts/phrase.tsx'
import { inboxTexts as words } from '../texts-inbox.ts'
import { withNames } from './mentions.ts'

const roles: Partial<Record<string, string>> = words.roles

/** What stands in the places of the sentence for a notification. */
export const slotsOf = ({ actor, target, project, text }: Notification): Record<string, string> => ({
  who: actor?.name ?? words.noOne,
  what: withNames(target.name ?? words.untitled),
  where: project?.name ?? words.untitled,
  role: roles[text ?? ''] ?? words.member,
})

/** The sentence for a notification, as text. */
export const sentenceOf = (notification: Notification): string => phraseText(words.says[notification.kind], slotsOf(notification))
