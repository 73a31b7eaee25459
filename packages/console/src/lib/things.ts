// Things of projects that a message names: `[Chorus](cut:id)`. A reader may have no access to them, and they may be gone.
import { comments, cuts, files, projects, tasks, vibes } from '@cutroom/client'
import { base, cutPath, projectPath, routeOf } from './router.ts'
import { client } from './session.ts'

export type ThingType = 'project' | 'task' | 'vibe' | 'cut' | 'comment' | 'file'

const taskPath = (projectId: string, taskId: string): string => `${projectPath(projectId)}?task=${taskId}`
const vibePath = (projectId: string): string => projectPath(projectId, 'cuts')

async function commentPath(commentId: string): Promise<string> {
  const { projectId, cutId, taskId } = await client.call(comments.get, { params: { commentId } })
  return cutId === null ? taskPath(projectId, taskId ?? '') : `${cutPath(projectId, cutId)}?comment=${commentId}`
}

/** The address at which a thing is shown. @throws where it is gone, or in a project of others */
export async function addressOf(type: ThingType, id: string): Promise<string> {
  if (type === 'project') return projectPath((await client.call(projects.get, { params: { projectId: id } })).id)
  if (type === 'task') return taskPath((await client.call(tasks.get, { params: { taskId: id } })).projectId, id)
  if (type === 'vibe') return vibePath((await client.call(vibes.get, { params: { vibeId: id } })).projectId)
  if (type === 'cut') return cutPath((await client.call(cuts.get, { params: { cutId: id } })).projectId, id)
  if (type === 'comment') return commentPath(id)
  const { projectId, cutId } = await client.call(files.get, { params: { fileId: id } })
  return cutPath(projectId, cutId)
}

const named = (name: string, type: ThingType, id: string): string => `[${name.replaceAll(/[[\]]/g, '')}](${type}:${id})`

/** How a message names what an address of this page shows; null: it shows no such thing. */
export async function nameOf(url: string): Promise<string | null> {
  if (!url.startsWith(`${location.origin}${base}/`)) return null
  const at = routeOf(url.slice(location.origin.length + base.length))
  try {
    if (at.name === 'cut') {
      const commentId = at.query.get('comment')
      const { name } = await client.call(cuts.get, { params: { cutId: at.cutId } })
      return commentId === null ? named(name, 'cut', at.cutId) : named(name, 'comment', commentId)
    }
    if (at.name !== 'board') return null
    const taskId = at.query.get('task')
    if (taskId !== null) return named((await client.call(tasks.get, { params: { taskId } })).title, 'task', taskId)
    return named((await client.call(projects.get, { params: { projectId: at.projectId } })).name, 'project', at.projectId)
  } catch {
    // the address stays as it was pasted
    return null
  }
}
