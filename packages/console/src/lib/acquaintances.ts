// People one can write to: those in the projects in which one may comment.
import { members, type Person } from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { isAtLeast } from './people.ts'
import { client, reasonOf } from './session.ts'
import { untilLoaded } from './until-loaded.ts'
import { useSelected } from './use-selected.ts'

/** People that are looked for at most. */
export const MOST_PEOPLE = 1_000
const PAGE = 200

export interface Acquaintance {
  person: Person
  /** Names of the projects that are shared. */
  projects: string
}

/** Adds the people of a project, if one may comment there. */
async function addPeopleOf(project: { id: string; name: string }, found: Map<string, Acquaintance>): Promise<void> {
  const there: Person[] = []
  let mayWrite = false
  for await (const page of client.pages(members.list, { params: { projectId: project.id }, query: { limit: PAGE } })) {
    for (const { userId, user, role } of page) {
      if (userId === client.userId) mayWrite = isAtLeast(role, 'commenter')
      else there.push(user)
    }
    if (found.size + there.length >= MOST_PEOPLE) break
  }
  if (!mayWrite) return
  for (const person of there) {
    const known = found.get(person.id)
    found.set(person.id, { person, projects: known ? `${known.projects}, ${project.name}` : project.name })
  }
}

export interface Acquaintances {
  /** By name; as many as were found so far. */
  people: readonly Acquaintance[]
  isLoading: boolean
  isWhole: boolean
  wrong: string | null
}

/** The people one can write to, project by project. */
export function useAcquaintances(): Acquaintances {
  const projects = useSelected(() => client.user.select(({ projects }) => projects), [])
  const isReady = projects !== null
  const [found, setFound] = useState<Acquaintances>({ people: [], isLoading: true, isWhole: true, wrong: null })
  useEffect(() => {
    let ended = false
    async function load(): Promise<void> {
      const all = new Map<string, Acquaintance>()
      const show = (rest: Omit<Acquaintances, 'people'>) => {
        if (!ended) setFound({ people: [...all.values()].sort((a, b) => a.person.name.localeCompare(b.person.name)), ...rest })
      }
      for (const project of projects?.values() ?? []) {
        if (ended || all.size >= MOST_PEOPLE) break
        await addPeopleOf(project, all)
        show({ isLoading: true, isWhole: true, wrong: null })
      }
      show({ isLoading: false, isWhole: all.size < MOST_PEOPLE, wrong: null })
    }
    if (!isReady) return
    const failed = (error: unknown) =>
      setFound((before) => ({ ...before, isLoading: false, isWhole: false, wrong: reasonOf(error) }))
    const end = untilLoaded(load, () => {}, failed)
    return () => {
      ended = true
      end()
    }
  }, [isReady])
  return found
}
