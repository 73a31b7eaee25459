import * as z from 'zod'
import { cutParams } from './cuts.ts'
import { endpoint } from './endpoint.ts'
import { bo, fresh, ids } from './examples.ts'
import { fileParams } from './files.ts'
import { collection, noun } from './noun.ts'
import { id, isVisible, mediaMs, Paging, Person, page, prose, stamps, time } from './values.ts'

export const Comment = z
  .object({
    id,
    projectId: id,
    cutId: id.nullable(),
    taskId: id.nullable(),
    parentId: id.nullable().meta({ description: 'The first comment of the thread; null for it itself' }),
    body: z.string(),
    atMs: mediaMs.nullable(),
    endMs: mediaMs.nullable(),
    fileId: id.nullable().meta({ description: 'The take that a thread is on; it may have been deleted since. Null for replies' }),
    carriedFrom: id
      .nullable()
      .meta({ description: 'The comment on an older take of which this is a copy; through several takes the first of them' }),
    author: Person,
    resolvedAt: time.nullable(),
    resolvedBy: Person.nullable(),
    editedAt: time.nullable(),
    ...stamps,
  })
  .meta({
    id: 'Comment',
    examples: [
      {
        id: ids.comment,
        projectId: ids.project,
        cutId: ids.cut,
        taskId: null,
        parentId: null,
        body: 'Louder here',
        atMs: 42_000,
        endMs: null,
        fileId: ids.file,
        carriedFrom: null,
        author: bo,
        resolvedAt: null,
        resolvedBy: null,
        editedAt: null,
        ...fresh,
      },
    ],
  })
export type Comment = z.output<typeof Comment>

/** What a comment says. */
export const body = prose(10_000).refine(isVisible, 'must have a visible character')
/** A moment, or a range. */
export const span = <T extends { atMs?: number | null; endMs?: number | null }>(value: T) =>
  value.endMs == null || (value.atMs != null && value.endMs >= value.atMs)
export const spanRule = 'endMs needs atMs and must not come before it'

const params = z.object({ commentId: id })
const taskParams = z.object({ taskId: id })
const tags = ['comments'] as const
const onTask = z.strictObject({ body })
const listQuery = Paging.extend({ resolved: z.enum(['true', 'false']).optional() })

/** Comments that one request copies or makes, at most. */
export const MANY_COMMENTS = 1_000

export const comments = {
  listOnCut: endpoint({
    method: 'GET',
    url: '/api/cuts/:cutId/comments',
    access: 'project:read',
    target: 'cutId',
    effect: 'read',
    schema: {
      summary: 'Comments and replies on a cut, oldest first',
      tags,
      params: cutParams,
      querystring: listQuery.extend({
        fileId: id.optional().meta({ description: 'Threads on this recording only, with their replies' }),
      }),
      response: { 200: page(Comment) },
    },
  }),
  listOnTask: endpoint({
    method: 'GET',
    url: '/api/tasks/:taskId/comments',
    access: 'project:read',
    target: 'taskId',
    effect: 'read',
    schema: {
      summary: 'Comments and replies on a task, oldest first',
      tags,
      params: taskParams,
      querystring: listQuery,
      response: { 200: page(Comment) },
    },
  }),
  createOnCut: endpoint({
    method: 'POST',
    url: '/api/cuts/:cutId/comments',
    access: 'comment:create',
    target: 'cutId',
    effect: 'create',
    location: '/api/comments/:id',
    schema: {
      summary: 'Comment on a cut, at a moment or a range of it',
      tags,
      params: cutParams,
      body: z
        .strictObject({
          body,
          atMs: mediaMs.nullable().default(null),
          endMs: mediaMs.nullable().default(null),
          fileId: id.nullable().optional().meta({
            description: 'A recording of this cut; null for none. Without it a moment is one of the current take',
          }),
        })
        .refine(span, spanRule),
      response: { 201: Comment },
    },
  }),
  createOnTask: endpoint({
    method: 'POST',
    url: '/api/tasks/:taskId/comments',
    access: 'comment:create',
    target: 'taskId',
    effect: 'create',
    location: '/api/comments/:id',
    schema: { summary: 'Comment on a task', tags, params: taskParams, body: onTask, response: { 201: Comment } },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/comments/:commentId',
    access: 'project:read',
    target: 'commentId',
    effect: 'read',
    schema: { summary: 'One comment', tags, params, response: { 200: Comment } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/comments/:commentId',
    access: 'comment:update',
    target: 'commentId',
    effect: 'change',
    schema: { summary: 'Edit your own comment', tags, params, body: z.strictObject({ body }), response: { 200: Comment } },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/comments/:commentId',
    access: 'comment:delete',
    target: 'commentId',
    effect: 'change',
    schema: {
      summary: 'Delete a comment; with the first one of a thread you delete its replies',
      tags,
      params,
      response: { 204: z.undefined() },
    },
  }),
  reply: endpoint({
    method: 'POST',
    url: '/api/comments/:commentId/replies',
    access: 'comment:create',
    target: 'commentId',
    effect: 'create',
    location: '/api/comments/:id',
    schema: { summary: 'Reply in the thread of a comment', tags, params, body: onTask, response: { 201: Comment } },
  }),
  resolve: endpoint({
    method: 'POST',
    url: '/api/comments/:commentId/resolve',
    access: 'comment:resolve',
    target: 'commentId',
    effect: 'change',
    schema: { summary: 'Resolve the thread', tags, params, response: { 200: Comment } },
  }),
  reopen: endpoint({
    method: 'POST',
    url: '/api/comments/:commentId/reopen',
    access: 'comment:resolve',
    target: 'commentId',
    effect: 'change',
    schema: { summary: 'Reopen the thread', tags, params, response: { 200: Comment } },
  }),
  carry: endpoint({
    method: 'POST',
    url: '/api/files/:fileId/comments/carry',
    access: 'comment:carry',
    target: 'fileId',
    effect: 'create',
    schema: {
      summary: 'Carry the open threads of an older take over to this one',
      description:
        'Copies keep author, time, text and moment, also one beyond the end of this take. A thread that was carried here before is passed over, so ' +
        `a repeated request copies nothing. You get the copies, first comments before replies: at most ${MANY_COMMENTS} comments at a time.`,
      tags,
      params: fileParams,
      body: z.strictObject({ from: id.meta({ description: 'An older take of the same cut' }) }),
      response: { 200: z.object({ data: z.array(Comment) }) },
      problems: ['too-many'],
    },
  }),
}

export const commentNoun = noun({
  actions: {
    'comment:create': { role: 'commenter' },
    'comment:update': { role: null, own: 'commenter' },
    'comment:delete': { role: 'owner', own: 'commenter' },
    'comment:resolve': { role: 'editor', own: 'commenter' },
    'comment:carry': { role: 'editor' },
  },
  endpoints: comments,
  events: {
    'comment:created': Comment,
    'comment:reply': Comment,
    'comment:updated': Comment,
    'comment:resolved': Comment,
    'comment:reopened': Comment,
    'comment:deleted': z.object({ commentId: id }),
  },
  when: {
    'comment:created':
      'A comment was written on a cut or a task, or carried over to a newer take: then `carriedFrom` is not null',
    'comment:reply': 'A reply was written, or carried over; `parentId` names the first comment of its thread',
    'comment:updated': 'The author edited a comment or a reply',
    'comment:resolved': 'A thread was resolved; the payload is its first comment',
    'comment:reopened': 'A thread was reopened; the payload is its first comment',
    'comment:deleted': 'A comment was deleted; with the first one of a thread all its replies',
  },
  changes: {
    'comment:created': { kind: 'put', collection: 'comments' },
    'comment:reply': { kind: 'put', collection: 'comments' },
    'comment:updated': { kind: 'put', collection: 'comments' },
    'comment:resolved': { kind: 'put', collection: 'comments' },
    'comment:reopened': { kind: 'put', collection: 'comments' },
    'comment:deleted': { kind: 'remove', collection: 'comments', id: 'commentId' },
  },
  collections: {
    comments: collection(Comment, {
      key: 'id',
      people: ['author', 'resolvedBy'],
      within: { cutId: 'cuts', taskId: 'tasks', parentId: 'comments' },
      lists: { commentsOf: { by: ['cutId', 'taskId'], order: 'id' } },
    }),
  },
})
