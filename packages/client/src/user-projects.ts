import type { Project, RoomEvent, UserEventName } from '@cutroom/contract'
import { createListLoading } from './list-loading.ts'
import type { PartContext } from './part.ts'

export interface UserProjectsDeps extends Pick<PartContext, 'userId' | 'changed' | 'onError'> {
  /** All pages of the list, one after the other. */
  pages(): AsyncIterable<Project[]>
}

/** The projects of the person who is logged in: loaded when they are first asked for, then kept by the events of their own room. */
export function createUserProjects({ pages, changed, ...deps }: UserProjectsDeps) {
  let projects: ReadonlyMap<string, Project> | null = null
  let isWanted = false
  // what changed while a list was loaded; null: none is
  let changes: ((next: Map<string, Project>) => void)[] | null = null
  const loading = createListLoading(load, deps)

  function change(run: (next: Map<string, Project>) => void): void {
    changes?.push(run)
    if (!projects) return
    const next = new Map(projects)
    run(next)
    projects = next
    changed()
  }
  const put = (project: Project) =>
    change((next) => {
      if ((next.get(project.id)?.version ?? 0) < project.version) next.set(project.id, project)
    })
  const remove = (projectId: string) => change((next) => next.delete(projectId))

  async function load(isVoid: () => boolean): Promise<void> {
    const since: typeof changes = []
    changes = since
    const next = new Map<string, Project>()
    try {
      for await (const page of pages()) for (const project of page) next.set(project.id, project)
    } finally {
      if (changes === since) changes = null
    }
    if (isVoid()) return
    for (const run of since) run(next)
    projects = next
    changed()
  }

  return {
    get(): ReadonlyMap<string, Project> | null {
      if (!isWanted) loading.renew()
      isWanted = true
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
      if (isWanted) loading.renew()
    },
    retry: loading.retry,
    clear(): void {
      loading.forget()
      changes = null
      projects = null
      changed()
    },
  }
}
