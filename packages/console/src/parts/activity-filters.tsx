import type { Activity } from '@cutroom/client'
import { useContext } from 'preact/hooks'
import type { ActivityFilter, ActivityKind } from '../lib/activity-filter.ts'
import { RoomContext } from '../lib/room.ts'
import { go, withQuery } from '../lib/router.ts'
import { texts } from '../texts.ts'
import { activityTexts as words } from '../texts-activity.ts'
import { useProjects } from '../views/frame.tsx'
import { Choice } from './form.tsx'

const set = (name: string, value: string): void => go(withQuery(name, value === '' ? null : value), true)
const KINDS = Object.entries(words.kinds) as [ActivityKind, string][]
const WHICH = [
  ['all', words.shown],
  ['unread', words.unread],
  ['dismissed', words.dismissedOnes],
] as const

/** People who may have done something: the members of the project, or those who have in what is listed. */
function usePeople(list: readonly Activity[]): readonly { id: string; name: string }[] {
  const members = useContext(RoomContext)?.state?.members
  const found = new Map<string, string>()
  for (const { userId, user } of members?.values() ?? []) found.set(userId, user.name)
  for (const { actor } of list) if (actor && !found.has(actor.id)) found.set(actor.id, actor.name)
  return [...found].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name, texts.locale))
}

/** What of the activities is shown. @param list those that are loaded */
export function ActivityFilters(props: { filter: ActivityFilter; ofProject: boolean; list: readonly Activity[] }) {
  const { kind, actorId, projectId, which } = props.filter
  const people = usePeople(props.list)
  const projects = useProjects() ?? []
  return (
    <div class="filters">
      <fieldset class="switch" aria-label={words.which}>
        {WHICH.map(([value, text]) => (
          <button
            key={value}
            type="button"
            class="button tight"
            aria-pressed={which === value}
            onClick={() => set('which', value === 'all' ? '' : value)}
          >
            {text}
          </button>
        ))}
      </fieldset>
      <Choice
        label={words.kind}
        value={kind ?? ''}
        options={[{ value: '', text: words.anyKind }, ...KINDS.map(([value, text]) => ({ value, text }))]}
        onChoose={(value) => set('kind', value)}
      />
      <Choice
        label={words.person}
        value={actorId ?? ''}
        options={[
          { value: '', text: words.anyone },
          ...(actorId && !people.some(({ id }) => id === actorId) ? [{ value: actorId, text: words.someone }] : []),
          ...people.map(({ id, name }) => ({ value: id, text: name })),
        ]}
        onChoose={(value) => set('actorId', value)}
      />
      {!props.ofProject && (
        <Choice
          label={words.project}
          value={projectId ?? ''}
          options={[{ value: '', text: words.all }, ...projects.map(({ id, name }) => ({ value: id, text: name }))]}
          onChoose={(value) => set('projectId', value)}
        />
      )}
    </div>
  )
}
