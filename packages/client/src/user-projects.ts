import type { Project, RoomEvent, UserEventName } from '@cutroom/contract'

export interface UserProjectsDeps {
  /** All pages of the list, one after the other. */
  pages(): AsyncIterable<Project[]>
  /** A person is logged in. */
  canLoad(): boolean
  onChange(): void
  onError(error: unknown): void
}

/** The projects of the person who is logged in: loaded when they are first asked for, then kept by the events of their own room. */
export function createUserProjects({ pages, canLoad, onChange, onError }: UserProjectsDeps) {
  let projects: ReadonlyMap<string, Project> | null = null
  let isWanted = false
  // what changed while a list was loaded; null: none is
  let changes: ((next: Map<string, Project>) => void)[] | null = null
  // a load that another one has replaced is void
  let loads = 0

  function change(run: (next: Map<string, Project>) => void): void {
    changes?.push(run)
    if (!projects) return
    const next = new Map(projects)
    run(next)
    projects = next
    onChange()
  }
  const put = (project: Project) =>
    change((next) => {
      if ((next.get(project.id)?.version ?? 0) < project.version) next.set(project.id, project)
    })
  const remove = (projectId: string) => change((next) => next.delete(projectId))

  async function load(): Promise<void> {
    const mine = ++loads
    changes = []
    const next = new Map<string, Project>()
    try {
      for await (const page of pages()) for (const project of page) next.set(project.id, project)
    } catch (error) {
      if (mine === loads) {
        changes = null
        onError(error)
      }
      return
    }
    if (mine !== loads) return
    for (const run of changes) run(next)
    changes = null
    projects = next
    onChange()
  }

  function want(): void {
    isWanted = true
    if (!projects && !changes && canLoad()) void load()
  }

  return {
    get(): ReadonlyMap<string, Project> | null {
      want()
      return projects
    },
    applied({ name, payload }: RoomEvent<UserEventName>): void {
      if (name === 'project:created' || name === 'project:joined') put(payload as Project)
      else if (name === 'project:left') remove((payload as { projectId: string }).projectId)
    },
    /** An open room says how its project is now; null: it is gone. */
    changed: (project: Project | null, projectId: string) => (project ? put(project) : remove(projectId)),
    /** A person has logged in, or events were missed: what is there may be old. */
    reload(): void {
      if (isWanted && canLoad()) void load()
    },
    clear(): void {
      loads++
      changes = null
      projects = null
      onChange()
    },
  }
}
