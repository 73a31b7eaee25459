import * as z from 'zod'
import { emailAddress } from './auth.ts'
import { endpoint } from './endpoint.ts'
import { ann, exampleToken, fresh, ids } from './examples.ts'
import { collection, noun } from './noun.ts'
import { Member, projectParams } from './projects.ts'
import { id, linkToken, Paging, Person, page, Role, stamps, time } from './values.ts'

export const InvitationKind = z.enum(['email', 'link']).meta({
  id: 'InvitationKind',
  description: '`email`: for the person who has the address; `link`: for one person who has the link',
})
export type InvitationKind = z.output<typeof InvitationKind>

const week = '2026-03-08T10:00:00.000Z'
const example = {
  id: ids.invitation,
  projectId: ids.project,
  role: 'editor',
  kind: 'email',
  expiresAt: week,
  author: ann,
  ...fresh,
} as const

export const Invitation = z
  .object({ id, projectId: id, role: Role, kind: InvitationKind, expiresAt: time, author: Person, ...stamps })
  .meta({ id: 'Invitation', description: 'An invitation that was not accepted yet, as all members see it', examples: [example] })
export type Invitation = z.output<typeof Invitation>

const address = z.string().nullable().meta({ description: 'The address it is for; null: a link' })
export const ProjectInvitation = Invitation.extend({ email: address }).meta({
  id: 'ProjectInvitation',
  description: 'An invitation as owners see it',
  examples: [{ ...example, email: 'bo@example.com' }],
})
export type ProjectInvitation = z.output<typeof ProjectInvitation>

export const NewInvitation = ProjectInvitation.extend({
  token: z.string().meta({ description: 'Names it for all who have it. The database keeps a hash only' }),
  url: z.string().meta({ description: 'The page to send. Without PUBLIC_URL a path on this server' }),
  isMailed: z.boolean().meta({ description: 'A mail is on its way. If not, send the link yourself' }),
}).meta({
  id: 'NewInvitation',
  examples: [
    {
      ...example,
      email: 'bo@example.com',
      token: exampleToken,
      url: `https://band.example/invitations/${exampleToken}`,
      isMailed: true,
    },
  ],
})
export type NewInvitation = z.output<typeof NewInvitation>

export const InvitationPreview = z
  .object({
    project: z.object({ id, name: z.string() }),
    role: Role,
    kind: InvitationKind,
    invitedBy: z.string().meta({ description: 'The name of the person who invites' }),
    emailHint: z.string().nullable().meta({
      description: 'Of an invitation by e-mail: the address of the account that it takes, most of it left out',
    }),
    expiresAt: time,
  })
  .meta({
    id: 'InvitationPreview',
    description: 'What an invitation shows to those who have its link; it does not say whether there is an account',
    examples: [
      {
        project: { id: ids.project, name: 'First album' },
        role: 'editor',
        kind: 'email',
        invitedBy: ann.name,
        emailHint: 'b…@example.com',
        expiresAt: week,
      },
    ],
  })
export type InvitationPreview = z.output<typeof InvitationPreview>

/** Invitations of one project that were not accepted, those included that have expired. */
export const MAX_INVITATIONS = 100

const tags = ['invitations'] as const
const params = z.object({ invitationId: id })
const tokenParams = z.object({ token: linkToken })
const lookup = '404 for an invitation that was never made or was revoked, `gone` for one that was accepted or has expired.'

export const invitations = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/invitations',
    access: 'invitation:read',
    target: 'projectId',
    effect: 'read',
    schema: {
      summary: 'Invitations of a project with their addresses, oldest first',
      tags,
      params: projectParams,
      querystring: Paging,
      response: { 200: page(ProjectInvitation) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/projects/:projectId/invitations',
    access: 'invitation:create',
    target: 'projectId',
    effect: 'create',
    location: '/api/invitations/:id',
    secret: true,
    schema: {
      summary: `Invite a person by e-mail, or make a link for one; ${MAX_INVITATIONS} at most`,
      description:
        'It is good for seven days and for one person, who needs no account yet. With `email` it is for an account with that address, and a mail is ' +
        'sent where the server sends mail. It ends when it is revoked, when the person who made it is no longer an owner, and with the project.',
      tags,
      params: projectParams,
      body: z
        .strictObject({ email: emailAddress.nullable().default(null), role: Role.default('editor') })
        .meta({ examples: [{ email: 'bo@example.com', role: 'editor' }] }),
      response: { 201: NewInvitation },
      problems: ['already-member', 'already-invited', 'too-many'],
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/invitations/:invitationId',
    access: 'project:read',
    target: 'invitationId',
    effect: 'read',
    schema: { summary: 'One invitation, without its address and token', tags, params, response: { 200: Invitation } },
  }),
  resend: endpoint({
    method: 'POST',
    url: '/api/invitations/:invitationId/resend',
    access: 'invitation:resend',
    target: 'invitationId',
    effect: 'change',
    secret: true,
    schema: {
      summary: 'Send an invitation again: it is good for seven days from now, with the link it had',
      tags,
      params,
      response: { 200: NewInvitation },
    },
  }),
  revoke: endpoint({
    method: 'DELETE',
    url: '/api/invitations/:invitationId',
    access: 'invitation:revoke',
    target: 'invitationId',
    effect: 'change',
    schema: { summary: 'Revoke an invitation', tags, params, response: { 204: z.undefined() } },
  }),
  byToken: endpoint({
    method: 'GET',
    url: '/api/invitations/by-token/:token',
    access: 'public',
    schema: {
      summary: 'What an invitation is to',
      description: lookup,
      tags,
      params: tokenParams,
      response: { 200: InvitationPreview },
      problems: ['not-found', 'gone'],
    },
  }),
  accept: endpoint({
    method: 'POST',
    url: '/api/invitations/by-token/:token/accept',
    access: 'account',
    schema: {
      summary: 'Accept an invitation: you become a member with its role',
      description:
        `${lookup} One by e-mail takes an account with that address. A member stays what they are, and does not use up a link. Without an account, ` +
        'register with `invitation`.',
      tags,
      params: tokenParams,
      response: { 200: Member },
      problems: ['not-found', 'gone', 'wrong-address'],
    },
  }),
}

const named = z.object({ invitationId: id })
const remove = { kind: 'remove', collection: 'invitations', id: 'invitationId' } as const

export const invitationNoun = noun({
  actions: {
    'invitation:read': { role: 'owner' },
    'invitation:create': { role: 'owner' },
    'invitation:resend': { role: 'owner' },
    'invitation:revoke': { role: 'owner' },
  },
  endpoints: invitations,
  events: {
    'invitation:created': Invitation,
    'invitation:updated': Invitation,
    'invitation:revoked': named,
    'invitation:accepted': named,
    'invitation:expired': named,
  },
  when: {
    'invitation:created': 'A person was invited, or a link made for one; address and token are in no event',
    'invitation:updated': 'An invitation was sent again, and is good for longer',
    'invitation:revoked': 'An invitation was revoked, or the person who made it is no longer an owner',
    'invitation:accepted': 'An invitation was accepted; `member:joined` says who joined',
    'invitation:expired': 'An invitation was removed, some time after it expired or because another one takes its place',
  },
  changes: {
    'invitation:created': { kind: 'put', collection: 'invitations' },
    'invitation:updated': { kind: 'put', collection: 'invitations' },
    'invitation:revoked': remove,
    'invitation:accepted': remove,
    'invitation:expired': remove,
  },
  collections: { invitations: collection(Invitation, { key: 'id', people: ['author'], within: {}, lists: {} }) },
})
