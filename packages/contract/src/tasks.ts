import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ann, bo, fresh, ids } from './examples.ts'
import { collection, noun } from './noun.ts'
import { projectParams } from './projects.ts'
import {
  afterSibling,
  id,
  line,
  Paging,
  Person,
  page,
  patch,
  prose,
  reranked,
  stamps,
  time,
  timeInput,
  version,
} from './values.ts'

export const TaskStatus = z.enum(['todo', 'doing', 'review', 'done']).meta({ id: 'TaskStatus' })

export const Task = z
  .object({
    id,
    projectId: id,
    title: z.string(),
    description: z.string().nullable(),
    status: TaskStatus,
    rank: z.string(),
    assigneeId: id.nullable(),
    assignee: Person.nullable(),
    dueAt: time.nullable(),
    labels: z.array(z.string()),
    author: Person,
    ...stamps,
  })
  .meta({
    id: 'Task',
    examples: [
      {
        id: ids.task,
        projectId: ids.project,
        title: 'Mix the second verse',
        description: null,
        status: 'todo',
        rank: 'a0',
        assigneeId: ids.bo,
        assignee: bo,
        dueAt: '2026-03-08T17:00:00.000Z',
        labels: ['mix'],
        author: ann,
        ...fresh,
      },
    ],
  })
export type Task = z.output<typeof Task>

const fields = {
  title: line(500),
  description: prose(20_000).nullable(),
  assigneeId: id.nullable().meta({ description: 'A member of the project' }),
  dueAt: timeInput.nullable(),
  labels: z
    .array(line(50))
    .max(50)
    .refine((labels) => new Set(labels.map((label) => label.normalize())).size === labels.length, 'must differ from each other'),
}
const params = z.object({ taskId: id })
const tags = ['tasks'] as const

export const tasks = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/tasks',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    schema: {
      summary: 'Tasks by rank',
      tags,
      params: projectParams,
      querystring: Paging.extend({ status: TaskStatus.optional() }),
      response: { 200: page(Task) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/projects/:projectId/tasks',
    access: 'task:create',
    target: 'projectId',
    effect: 'create',
    location: '/api/tasks/:id',
    schema: {
      summary: 'Create a task at the end of its column',
      tags,
      params: projectParams,
      body: z.strictObject({
        title: fields.title,
        description: fields.description.default(null),
        status: TaskStatus.default('todo'),
        assigneeId: fields.assigneeId.default(null),
        dueAt: fields.dueAt.default(null),
        labels: fields.labels.default([]),
      }),
      response: { 201: Task },
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/tasks/:taskId',
    access: 'project:read',
    target: 'taskId',
    effect: 'read',
    schema: { summary: 'One task', tags, params, response: { 200: Task } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/tasks/:taskId',
    access: 'task:update',
    target: 'taskId',
    effect: 'change',
    schema: {
      summary: 'Change a task; you change its column by a move',
      tags,
      params,
      body: patch(fields),
      response: { 200: Task },
    },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/tasks/:taskId',
    access: 'task:delete',
    target: 'taskId',
    effect: 'change',
    schema: { summary: 'Delete a task and its comments', tags, params, response: { 204: z.undefined() } },
  }),
  move: endpoint({
    method: 'POST',
    url: '/api/tasks/:taskId/move',
    access: 'task:move',
    target: 'taskId',
    effect: 'change',
    schema: {
      summary: 'Put a task into a column, after a sibling',
      tags,
      params,
      body: z.strictObject({ status: TaskStatus, after: afterSibling }),
      response: { 200: Task },
    },
  }),
}

export const taskNoun = noun({
  actions: {
    'task:create': { role: 'editor' },
    'task:update': { role: 'editor' },
    'task:move': { role: 'editor' },
    'task:delete': { role: 'editor' },
  },
  endpoints: tasks,
  events: {
    'task:created': Task,
    'task:updated': Task,
    'task:moved': z.object({ taskId: id, from: TaskStatus, to: TaskStatus, rank: z.string(), version, updatedAt: time }),
    'task:reranked': reranked({ taskId: id }),
    'task:deleted': z.object({ taskId: id }),
  },
  when: {
    'task:created': 'A task was created',
    'task:updated': 'Title, description, assignee, due date or labels of a task was changed',
    'task:moved': 'A task was put at another place, perhaps in another column',
    'task:reranked': 'Tasks got new ranks, because there was no text left between two of them; their order is the same',
    'task:deleted': 'A task was deleted, with its comments',
  },
  changes: {
    'task:created': { kind: 'put', collection: 'tasks' },
    'task:updated': { kind: 'put', collection: 'tasks' },
    'task:moved': { kind: 'patch', collection: 'tasks', id: 'taskId', fields: { status: 'to', rank: 'rank' } },
    'task:reranked': { kind: 'patch', collection: 'tasks', id: 'taskId', fields: { rank: 'rank' }, list: 'items' },
    'task:deleted': { kind: 'remove', collection: 'tasks', id: 'taskId' },
  },
  collections: {
    tasks: collection(Task, {
      key: 'id',
      people: ['author', 'assignee'],
      within: {},
      lists: { tasksIn: { by: ['status'], order: 'rank' } },
    }),
  },
})
