import * as z from 'zod'
import type { BandMateRow } from './source.ts'

/** Who made what, by the activities of a project: BandMate's rows of projects, vibes and cuts do not say it. */
export interface Authors {
  /** The id of the person; undefined where no activity tells. */
  of(type: ActivityType, thing: { id?: string; name?: string; at: Date }): string | undefined
}
type ActivityType = 'project_created' | 'vibe_created' | 'cut_created' | 'lyrics_updated'

/** The name of a thing in the text of its activity. */
const nameFields: Partial<Record<ActivityType, string>> = { vibe_created: 'vibeName', cut_created: 'cutName' }
/** An activity is written with what it tells of, or right after, ms. */
const APART_MS = 5_000

function metadataOf(text: string | null): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text ?? '{}'))
  } catch {
    return {}
  }
}

/** Indexes the activities of one project. */
export function authorsBy(activities: readonly BandMateRow<'Activity'>[]): Authors {
  return {
    of(type, { id, name, at }) {
      const all = activities.filter((activity) => activity.type === type)
      const linked = id === undefined ? [] : all.filter(({ resourceLink }) => resourceLink?.split(/[/?#]/).includes(id))
      const last = linked.at(-1)
      if (last) return last.userId
      const field = nameFields[type]
      if (field === undefined) return type === 'project_created' ? all[0]?.userId : undefined
      const near = (activity: BandMateRow<'Activity'>) => Math.abs(activity.createdAt.getTime() - at.getTime())
      const [nearest] = all
        .filter((activity) => near(activity) <= APART_MS && metadataOf(activity.metadata)[field] === name)
        .sort((a, b) => near(a) - near(b))
      return nearest?.userId
    },
  }
}
