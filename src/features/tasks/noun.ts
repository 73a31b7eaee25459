import type { Task } from '@cutroom/contract'
import { type ActivityTarget, defineNoun, projectTable, snapshotById, targetIn } from '../shared/noun.ts'
import { taskRoutes } from './routes.ts'
import { taskReading } from './serialize.ts'

const target = (id: string, name: string | null): ActivityTarget => ({ type: 'task', id, name, path: `/tasks/${id}` })
const shown = ({ id, title }: Task) => target(id, title)

export const tasks = defineNoun({
  name: 'tasks',
  targets: { taskId: targetIn('Task') },
  tables: [projectTable('Task', ['authorId', 'assigneeId'])],
  routes: taskRoutes,
  snapshot: { tasks: snapshotById('Task', taskReading) },
  activity: {
    'task:created': shown,
    'task:updated': shown,
    'task:moved': ({ taskId }, label) => target(taskId, label),
    'task:reranked': null,
    'task:deleted': ({ taskId }, label) => ({ ...target(taskId, label), path: '/tasks' }),
  },
})
