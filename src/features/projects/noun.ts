import { defineNoun } from '../shared/noun.ts'
import { projectRoutes } from './routes.ts'

export const projects = defineNoun({
  name: 'projects',
  targets: { projectId: { table: 'Project', key: 'id', project: 'id', author: 'authorId' } },
  tables: [{ name: 'Project', key: 'id', project: 'id', people: ['authorId'] }],
  routes: projectRoutes,
  snapshot: {},
  activity: {
    'project:updated': ({ id, name }) => ({ type: 'project', id, name, path: '' }),
    'project:deleted': ({ projectId }, label) => ({ type: 'project', id: projectId, name: label, path: '' }),
    'person:updated': null,
    'extension:event': null,
  },
})
