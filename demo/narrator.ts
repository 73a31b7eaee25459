import { now } from './clock.ts'
import type { Sent } from './latency.ts'
import type { Sighting } from './messages.ts'
import type { Person } from './people.ts'
import { padEnd, padStart, type Screen, shorten } from './screen.ts'

/** Of a number of milliseconds. */
const CELL = 7

export interface Narrator {
  saw(person: Person, sightings: Sighting[]): void
  status(person: Person): void
  /** From now on each event is a line, after `head`. */
  tell(head: number): void
  /** From now on events are not told one by one. */
  hush(): void
  /** Lines with the names over the columns. */
  heading(): void
  /** A line about a person that is no event. */
  aside(name: string, style: Person['style'], text: string): void
}

interface Row {
  sighting: Sighting
  /** When each member got it. */
  at: Map<Person, number>
}

/** Tells the session: one line for each event, with the time it took to each member. */
export function createNarrator(
  screen: Screen,
  members: readonly Person[],
  stranger: Person,
  sent: ReadonlyMap<string, Sent>,
): Narrator {
  const rows = new Map<number, Row>()
  const missed = new Map<Person, Sighting[]>()
  // null: hushed
  let nextSeq: number | null = null
  const nameWidth = Math.max(5, ...members.map((member) => member.name.length))
  const textWidth = () => screen.width - 2 - 7 - nameWidth - 2 - members.length * CELL

  const isTold = (person: Person) => person === stranger || members.includes(person)
  const named = (name: string, style: Person['style']) => screen.paint(style, padEnd(name, nameWidth))

  function cell(member: Person, { sighting, at }: Row): string {
    const came = at.get(member)
    if (came === undefined) return padStart(screen.paint('dim', 'away'), CELL)
    const request = sighting.mutationId === undefined ? undefined : sent.get(sighting.mutationId)
    return padStart(screen.paint(member.style, request ? Math.max(0, came - request.at).toFixed(1) : 'seen'), CELL)
  }

  function print(row: Row): void {
    const { seq, actorId, text } = row.sighting
    const actor = members.find((member) => member.userId === actorId)
    const who = actor ? named(actor.name, actor.style) : padEnd('', nameWidth)
    const said = padEnd(shorten(text, textWidth() - 1), textWidth())
    const cells = members.map((member) => cell(member, row)).join('')
    screen.line(`  ${screen.paint('dim', padEnd(`#${seq}`, 7))}${who}  ${said}${cells}`)
  }

  /** Prints what all who are here have, in the order of the log. */
  function flush(): void {
    for (;;) {
      const row = nextSeq === null ? undefined : rows.get(nextSeq)
      if (nextSeq === null || !row || members.some((member) => member.isLive && !row.at.has(member))) return
      rows.delete(nextSeq++)
      print(row)
    }
  }

  function aside(name: string, style: Person['style'], text: string): void {
    screen.line(`  ${' '.repeat(7)}${named(name, style)}  ${text}`)
  }

  function status(person: Person): void {
    // a second device would say everything twice
    if (!isTold(person)) return
    if (!person.isLive) {
      missed.set(person, [])
      aside(person.name, person.style, screen.paint('dim', 'loses the connection'))
    } else {
      const gap = person.away.at(-1)
      const [first, last] = [missed.get(person)?.[0], missed.get(person)?.at(-1)]
      const count = missed.get(person)?.length ?? 0
      missed.delete(person)
      const took = first && last ? ` and gets the ${count} missed events, #${first.seq} to #${last.seq}` : ''
      aside(
        person.name,
        person.style,
        `is back after ${(((gap?.to ?? now()) - (gap?.from ?? now())) / 1000).toFixed(1)} s${took}`,
      )
    }
    flush()
  }

  return {
    saw(person, sightings) {
      missed.get(person)?.push(...sightings)
      if (nextSeq === null || !members.includes(person)) return
      for (const sighting of sightings) {
        if (sighting.seq < nextSeq) continue
        const row = rows.get(sighting.seq) ?? { sighting, at: new Map() }
        row.at.set(person, sighting.at)
        rows.set(sighting.seq, row)
      }
      flush()
    },
    status,
    tell(head) {
      nextSeq = head + 1
    },
    hush() {
      nextSeq = null
      rows.clear()
    },
    heading() {
      const cells = members.map((member) => padStart(screen.paint(member.style, member.name), CELL)).join('')
      const time = 'ms from request to'
      const what = `what${padStart(time, textWidth() - 4)}`
      const left = `  ${padEnd('event', 7)}${padEnd('who', nameWidth)}  ${what}`
      screen.line(screen.paint('dim', left) + cells)
    },
    aside,
  }
}
