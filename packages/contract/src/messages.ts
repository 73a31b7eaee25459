import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { bo, fresh, ids } from './examples.ts'
import type { EventText } from './noun.ts'
import { id, isVisible, Paging, Person, page, prose, stamps, time } from './values.ts'

/** UTF-16 units of a message. Its event goes to the room of each participant, so it is shorter than a comment. */
export const MAX_MESSAGE = 4_000

export const Message = z
  .object({
    id,
    conversationId: id,
    author: Person,
    body: z.string().meta({
      description:
        'Text. A person in it is written `@[name](userId)`, a thing of a project `[name](type:id)` with the type project, task, vibe, cut, ' +
        'comment or file, which clients draw as links. It is stored as it was written: a reader may have no access to the thing, and it may be gone',
    }),
    editedAt: time.nullable(),
    ...stamps,
  })
  .meta({
    id: 'Message',
    examples: [
      {
        id: ids.message,
        conversationId: ids.conversation,
        author: bo,
        body: `Have you heard [Chorus](cut:${ids.cut})?`,
        editedAt: null,
        ...fresh,
      },
    ],
  })
export type Message = z.output<typeof Message>

const body = prose(MAX_MESSAGE).refine(isVisible, 'must have a visible character')
const written = z.strictObject({ body })
export const conversationParams = z.object({ conversationId: id })
const params = z.object({ messageId: id })
const tags = ['messages'] as const

/** Messages of one person in a minute, edits counted as well. */
export const MESSAGES_PER_MINUTE = 60

export const messages = {
  list: endpoint({
    method: 'GET',
    url: '/api/conversations/:conversationId/messages',
    access: 'account',
    schema: {
      summary: 'Messages of a conversation, newest first',
      tags,
      params: conversationParams,
      querystring: Paging,
      response: { 200: page(Message) },
      problems: ['not-found'],
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/conversations/:conversationId/messages',
    access: 'account',
    location: '/api/messages/:id',
    schema: {
      summary: 'Write a message',
      description:
        'You have to be a commenter at least in a project that you share with another participant (`canWrite`); else 403. Writing a message ' +
        `reads those before it. At most ${MESSAGES_PER_MINUTE} messages and edits in a minute.`,
      tags,
      params: conversationParams,
      body: written,
      response: { 201: Message },
      problems: ['not-found', 'forbidden'],
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/messages/:messageId',
    access: 'account',
    schema: { summary: 'One message', tags, params, response: { 200: Message }, problems: ['not-found'] },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/messages/:messageId',
    access: 'account',
    schema: {
      summary: 'Edit your own message, while you may write in its conversation',
      tags,
      params,
      body: written,
      response: { 200: Message },
      problems: ['not-found', 'forbidden', 'stale'],
    },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/messages/:messageId',
    access: 'account',
    schema: {
      summary: 'Delete your own message, also when you may write no more',
      tags,
      params,
      response: { 204: z.undefined() },
      problems: ['not-found', 'forbidden', 'stale'],
    },
  }),
}

export const userEvents = {
  'chat:message': Message,
  'chat:message-updated': Message,
  'chat:message-deleted': z.object({ conversationId: id, messageId: id }),
}

const to = 'Each participant, the author included, on each of their connections'

export const userEventTexts = {
  'chat:message': { when: 'A message was written; its author has read all up to it', to },
  'chat:message-updated': { when: 'The author edited a message', to },
  'chat:message-deleted': { when: 'The author deleted a message', to },
} satisfies Record<keyof typeof userEvents, EventText>
