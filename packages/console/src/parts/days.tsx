import '../styles/feed.css'
import type { ComponentChildren } from 'preact'
import { useMinute } from '../lib/minute.ts'
import { dayKey, dayName } from '../lib/time.ts'

/** Neighbours of one day together, in the order in which they come. */
function byDay<T>(items: readonly T[], at: (item: T) => string): [day: string, items: T[]][] {
  const days: [string, T[]][] = []
  for (const item of items) {
    const last = days.at(-1)
    if (last && dayKey(last[0]) === dayKey(at(item))) last[1].push(item)
    else days.push([at(item), [item]])
  }
  return days
}

/** A list with the newest first, with a heading for each day. */
export function Days<T>(props: { items: readonly T[]; at: (item: T) => string; draw: (item: T) => ComponentChildren }) {
  useMinute()
  return (
    <>
      {byDay(props.items, props.at).map(([day, items]) => (
        <section key={dayKey(day)} class="day" aria-label={dayName(day)}>
          <h2 class="day-name">{dayName(day)}</h2>
          <ol class="card feed">{items.map(props.draw)}</ol>
        </section>
      ))}
    </>
  )
}
