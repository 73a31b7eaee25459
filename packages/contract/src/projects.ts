import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ann, bo, fresh, ids } from './examples.ts'
import { ExtensionEvent, extensionEventText } from './extensions.ts'
import { collection, type EventText, noun } from './noun.ts'
import { id, line, Paging, Person, page, patch, prose, Role, stamps, time } from './values.ts'

export const Project = z
  .object({ id, name: z.string(), description: z.string().nullable(), author: Person, ...stamps })
  .meta({ id: 'Project', examples: [{ id: ids.project, name: 'First album', description: null, author: ann, ...fresh }] })
export type Project = z.output<typeof Project>

export const Member = z
  .object({ projectId: id, userId: id, role: Role, user: Person, ...stamps })
  .meta({ id: 'Member', examples: [{ projectId: ids.project, userId: ids.bo, role: 'editor', user: bo, ...fresh }] })
export type Member = z.output<typeof Member>

const name = line(200)
const description = prose(10_000).nullable()
export const projectParams = z.object({ projectId: id })
const memberParams = z.object({ projectId: id, userId: id })

export const projects = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects',
    access: 'account',
    apiTokens: true,
    schema: {
      summary: 'The projects you are a member of, with your role',
      tags: ['projects'],
      querystring: Paging,
      response: { 200: page(Project.extend({ role: Role }).meta({ id: 'OwnProject' })) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/projects',
    access: 'account',
    apiTokens: true,
    location: '/api/projects/:id',
    schema: {
      summary: 'Create a project; you become its owner',
      tags: ['projects'],
      body: z.strictObject({ name, description: description.default(null) }),
      response: { 201: Project },
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    schema: { summary: 'One project', tags: ['projects'], params: projectParams, response: { 200: Project } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/projects/:projectId',
    access: 'project:update',
    target: 'projectId',
    effect: 'change',
    schema: {
      summary: 'Change the name or the description',
      tags: ['projects'],
      params: projectParams,
      body: patch({ name, description }),
      response: { 200: Project },
    },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/projects/:projectId',
    access: 'project:delete',
    target: 'projectId',
    effect: 'change',
    schema: {
      summary: 'Delete the project and everything in it',
      tags: ['projects'],
      params: projectParams,
      response: { 204: z.undefined() },
    },
  }),
}

export const members = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/members',
    access: 'project:read',
    target: 'projectId',
    effect: 'read',
    schema: {
      summary: 'Members, oldest first',
      tags: ['members'],
      params: projectParams,
      querystring: Paging,
      response: { 200: page(Member) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/projects/:projectId/members',
    access: 'member:create',
    target: 'projectId',
    effect: 'create',
    location: '/api/projects/:projectId/members/:userId',
    schema: {
      summary: 'Add a person who has an account, by `userId` or `email`',
      tags: ['members'],
      params: projectParams,
      body: z
        .strictObject({ userId: id.optional(), email: z.email().max(254).optional(), role: Role.default('editor') })
        .refine((body) => (body.userId === undefined) !== (body.email === undefined), 'name either userId or email')
        .meta({ examples: [{ email: 'bo@example.com', role: 'editor' }] }),
      response: { 201: Member },
      problems: ['already-member'],
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/members/:userId',
    access: 'project:read',
    target: 'userId',
    effect: 'read',
    schema: { summary: 'One member', tags: ['members'], params: memberParams, response: { 200: Member } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/projects/:projectId/members/:userId',
    access: 'member:update',
    target: 'userId',
    effect: 'change',
    schema: {
      summary: 'Change a member’s role',
      tags: ['members'],
      params: memberParams,
      body: z.strictObject({ role: Role }),
      response: { 200: Member },
      problems: ['last-owner'],
    },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/projects/:projectId/members/:userId',
    access: 'member:delete',
    target: 'userId',
    effect: 'change',
    schema: {
      summary: 'Remove a member, or leave by removing yourself',
      tags: ['members'],
      params: memberParams,
      response: { 204: z.undefined() },
      problems: ['last-owner'],
    },
  }),
}

export const projectNoun = noun({
  actions: {
    'project:read': { role: 'viewer' },
    'project:update': { role: 'owner' },
    'project:delete': { role: 'owner' },
  },
  endpoints: projects,
  events: {
    'project:updated': Project,
    'project:deleted': z.object({ projectId: id }).meta({ description: 'The project and everything in it is gone' }),
    'person:updated': Person,
    'extension:event': ExtensionEvent,
  },
  when: {
    'project:updated': 'The name or the description of the project was changed',
    'project:deleted': 'The project was deleted; each connection leaves its room before the next event',
    'person:updated': 'A person that the project shows changed their name or picture: show them so wherever they stand',
    'extension:event': extensionEventText.when,
  },
  changes: {
    'project:updated': { kind: 'project' },
    'project:deleted': { kind: 'end' },
    'person:updated': { kind: 'person' },
    'extension:event': { kind: 'none' },
  },
  collections: {},
})

export const memberNoun = noun({
  actions: {
    'member:create': { role: 'owner' },
    'member:update': { role: 'owner' },
    'member:delete': { role: 'owner', own: 'viewer' },
  },
  endpoints: members,
  events: {
    'member:joined': Member,
    'member:updated': Member,
    'member:left': z.object({
      projectId: id,
      userId: id,
      removedBy: id.optional(),
      updatedAt: time.optional().meta({
        description: 'Tasks assigned to that person are unassigned, with this time and the next version',
      }),
    }),
  },
  when: {
    'member:joined': 'A person was added to the project',
    'member:updated': 'A member got another role',
    'member:left': 'A member left, or was removed by `removedBy`; their connections are out of the room before this is sent',
  },
  changes: {
    'member:joined': { kind: 'put', collection: 'members' },
    'member:updated': { kind: 'put', collection: 'members' },
    'member:left': {
      kind: 'remove',
      collection: 'members',
      id: 'userId',
      unsets: { collection: 'tasks', person: 'assignee', id: 'assigneeId' },
    },
  },
  collections: { members: collection(Member, { key: 'userId', people: ['user'], within: {}, lists: {} }) },
})

export const userEvents = {
  'project:created': Project,
  'project:joined': Project,
  'project:left': z.object({ projectId: id, reason: z.enum(['left', 'removed', 'deleted']) }),
}

export const userEventTexts = {
  'project:created': { when: 'You created a project', to: 'The person who created it, on each of their connections' },
  'project:joined': { when: 'You were added to a project', to: 'The person who was added, on each of their connections' },
  'project:left': {
    when: 'You left a project, were removed, or it was deleted',
    to: 'The person who is no longer a member, on each of their connections; after a deletion each member',
  },
} satisfies Record<keyof typeof userEvents, EventText>
