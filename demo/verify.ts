import type { CutroomClient } from '@cutroom/client'
import { type Meta, rooms, userRoom } from '@cutroom/contract'
import { everybodyHas } from './context.ts'
import { type Samples, type Sent, samplesOf } from './latency.ts'
import { compare, holes, leaks, misfiled, type Verdict } from './oracle.ts'
import type { Person } from './people.ts'
import { count } from './screen.ts'

export interface Outcome {
  log: Meta[]
  verdicts: { person: Person; committed: number; verdict: Verdict; difference?: string | null }[]
  leaked: number
  attempts: number
  answered: number
  /** Answered, and not in the log exactly once. */
  misfiled: number
  /** The log counts 1, 2, 3, … */
  isDense: boolean
  samples: Samples
  /** What is not as promised; empty when all is well. */
  faults: string[]
}

export interface Evidence {
  client: CutroomClient
  projectId: string
  members: Person[]
  phone: Person
  stranger: Person
  sent: ReadonlyMap<string, Sent>
  answered: ReadonlySet<string>
  troubles: readonly string[]
}

async function readLog(client: CutroomClient, projectId: string): Promise<Meta[]> {
  const log: Meta[] = []
  for (;;) {
    const { data } = await client.call(rooms.events, { params: { projectId }, query: { after: log.length, limit: 500 } })
    log.push(...data.map((event) => event.meta))
    if (data.length === 0) return log
  }
}

const list = (entries: readonly { seq: number }[]): string =>
  entries
    .slice(0, 5)
    .map(({ seq }) => `#${seq}`)
    .join(', ') + (entries.length > 5 ? ', …' : '')

/** Compares what all got with the log, and what they made of it with a fresh snapshot. */
export async function judge({ client, projectId, members, phone, stranger, ...rest }: Evidence): Promise<Outcome> {
  const log = await readLog(client, projectId)
  const head = log.length
  await everybodyHas([phone], head)
  const settled = await Promise.all(members.map((member) => member.settle(head)))
  const faults = [...rest.troubles]

  const verdicts = [...members, phone].map((person, index) => {
    const verdict = compare(log, person.sightings, person.after)
    for (const [what, entries] of [
      ['missing', verdict.missing],
      ['repeated', verdict.repeated],
      ['out of order', verdict.outOfOrder],
      ['not in the log', verdict.unknown],
    ] as const)
      if (entries.length > 0) faults.push(`${person.name}: ${entries.length} ${what} (${list(entries)})`)
    const difference = settled[index]?.difference
    if (difference) faults.push(`${person.name}: the state is not what a fresh snapshot says: ${difference}`)
    return {
      person,
      committed: log.filter(({ seq }) => seq > person.after).length,
      verdict,
      ...(settled[index] && { difference }),
    }
  })

  const frames = leaks(stranger.frames, userRoom(stranger.userId))
  const letIn = stranger.attempts.filter((attempt) => attempt.letIn)
  if (frames.length > 0)
    faults.push(`${stranger.name} got ${frames.length} frames that are not theirs: ${count(frames.map((frame) => frame.name))}`)
  if (letIn.length > 0) faults.push(`${stranger.name} got through: ${count(letIn.map((attempt) => attempt.what))}`)
  const gaps = holes(log)
  if (gaps.length > 0) faults.push(`the log does not count 1, 2, 3, …: ${list(gaps)}`)
  const lost = misfiled([...rest.answered], log)
  if (lost.length > 0) faults.push(`${lost.length} answered writes do not stand in the log exactly once`)

  return {
    log,
    verdicts,
    leaked: frames.length + letIn.length,
    attempts: stranger.attempts.length,
    answered: rest.answered.size,
    misfiled: lost.length,
    isDense: gaps.length === 0,
    samples: samplesOf(
      rest.sent,
      members.map(({ userId, sightings, away }) => ({ userId, arrivals: sightings, away })),
    ),
    faults,
  }
}
