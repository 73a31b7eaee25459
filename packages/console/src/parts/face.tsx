import type { Person } from '@cutroom/client'
import { useMinute } from '../lib/minute.ts'
import { hueOf, initialsOf } from '../lib/people.ts'
import { ago, exact } from '../lib/time.ts'

/** A person as a circle with their initials, in a colour that stays theirs. */
export function Face({ person, typing, small }: { person: Person; typing?: boolean; small?: boolean }) {
  return (
    <span
      class={`face${typing ? ' typing' : ''}${small ? ' small' : ''}`}
      style={{ '--hue': hueOf(person.id) }}
      title={person.name}
      aria-hidden="true"
    >
      {initialsOf(person.name)}
    </span>
  )
}

/** "3 hours ago", with the exact time on hover. */
export function Ago({ at }: { at: string }) {
  useMinute()
  return (
    <time class="quiet small" dateTime={at} title={exact(at)}>
      {ago(at)}
    </time>
  )
}
