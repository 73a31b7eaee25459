import type { Activity } from '@cutroom/contract'
import { projectIdOf } from '../../rooms/kinds.ts'
import type { LogEntry } from '../../rooms/log/log.ts'
import type { ActivityTarget, Noun } from '../shared/noun.ts'

type Reading = (payload: unknown, label: string | null) => ActivityTarget
export type ActivityReader = (entry: LogEntry) => Activity | null

/** How events read as activities, by name; null: those that are not shown. */
const readingsOf = (nouns: readonly Noun[]): [name: string, Reading | null][] =>
  nouns.flatMap(({ activity }) => Object.entries(activity) as [string, Reading | null][])

/** Names of the events that are shown as activities. */
export const shownActions = (nouns: readonly Noun[]): string[] =>
  readingsOf(nouns).flatMap(([name, reading]) => (reading ? [name] : []))

/** Reads entries of projects' logs as activities; null: an entry that is not shown. */
export function createActivityReader(nouns: readonly Noun[]): ActivityReader {
  const readings = new Map(readingsOf(nouns))
  return ({ meta, name, payload, label }) => {
    const read = readings.get(name)
    const projectId = projectIdOf(meta.room)
    if (!read || projectId === null) return null
    const { path, ...target } = read(payload, label)
    const link = `/projects/${projectId}${path}`
    return { id: meta.id, action: name, actor: meta.actor, target, projectId, at: meta.at, link, seq: meta.seq }
  }
}
