import type { Payload, Person, ProjectEventName } from '@cutroom/contract'
import { idOf } from '../../../db/ids.ts'
import { later } from './values.ts'

/** An event of a log that is written now, of what was done long ago. */
interface Entry {
  at: Date
  name: ProjectEventName
  payload: unknown
  label: string | null
  actor: Person | null
}

/** Collects what was done in a project, and puts it into the order in which it happened. */
export interface Log {
  /**
   * @param at of things that others stand on, add these first: nothing is before what it stands on
   * @param label as in `Emit`
   */
  add<N extends ProjectEventName>(at: Date, name: N, payload: Payload<N>, actor: Person | null, label?: string): void
  /** Rows of `Event`, as an export has them. */
  rows(projectId: string): Record<string, unknown>[]
}

/** What a payload stands on, in the fields that name it. */
const standsOn = ['parentId', 'fileId', 'cutId', 'vibeId'] as const

export function createLog(): Log {
  const entries: Entry[] = []
  /** When things were made, by their ids. */
  const made = new Map<string, Date>()
  return {
    add(at, name, payload, actor, label) {
      const fields = payload as Record<string, unknown>
      const below = standsOn.flatMap((field) => made.get(`${fields[field]}`) ?? [])
      const moment = below.reduce(later, made.get(`${fields.id}`) ?? at)
      const when = later(at, moment)
      if (typeof fields.id === 'string' && !made.has(fields.id)) made.set(fields.id, when)
      entries.push({ at: when, name, payload, label: label ?? null, actor })
    },
    rows(projectId) {
      const ordered = entries.toSorted((a, b) => a.at.getTime() - b.at.getTime())
      return ordered.map(({ at, name, payload, label, actor }, n) => ({
        id: idOf(projectId, `bandmate:event:${n + 1}`),
        seq: n + 1,
        name,
        payload,
        label,
        actorId: actor?.id ?? null,
        actorName: actor?.name ?? null,
        mutationId: null,
        at: at.toISOString(),
      }))
    },
  }
}
