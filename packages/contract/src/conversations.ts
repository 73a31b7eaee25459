import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ann, at, bo, ids, later } from './examples.ts'
import { conversationParams, Message } from './messages.ts'
import type { EventText } from './noun.ts'
import { digits, id, line, Paging, Person, page, time } from './values.ts'

/** People in one conversation, and groups that one person has made. */
export const MAX_PARTICIPANTS = 50
export const MAX_GROUPS = 200
/** Unread messages are counted so far. */
export const MAX_UNREAD = 100
/** Conversations in a page: each may have many people, with long addresses of pictures. */
const MAX_CONVERSATIONS = 50

export const Conversation = z
  .object({
    id,
    title: z.string().nullable().meta({ description: 'Of a group, if it has one; null for two people' }),
    members: z.array(Person).meta({ description: 'You and the others, by id' }),
    lastMessage: Message.nullable(),
    unread: z
      .int()
      .min(0)
      .max(MAX_UNREAD)
      .meta({
        description: `Messages of others that you have not read, counted up to ${MAX_UNREAD}`,
      }),
    readUpTo: z.record(id, id).meta({
      description:
        'By person: the newest message they have read, which may be deleted since. Messages sort by id. Who has read none is missing',
    }),
    canWrite: z.boolean().meta({
      description:
        'You share a project with another participant, in which you are a commenter at least. As of this answer: no event tells of a change',
    }),
    createdAt: time,
    updatedAt: time.meta({
      description: 'Of the newest message that was written, edited or deleted; without one, when it was made',
    }),
  })
  .meta({
    id: 'Conversation',
    examples: [
      {
        id: ids.conversation,
        title: null,
        members: [ann, bo],
        lastMessage: null,
        unread: 0,
        readUpTo: {},
        canWrite: true,
        createdAt: at,
        updatedAt: later,
      },
    ],
  })
export type Conversation = z.output<typeof Conversation>

/** How far a person has read. It never goes back. */
export const ChatRead = z
  .object({ conversationId: id, readBy: id, messageId: id })
  .meta({ id: 'ChatRead', examples: [{ conversationId: ids.conversation, readBy: ids.ann, messageId: ids.message }] })
export type ChatRead = z.output<typeof ChatRead>

const tags = ['conversations'] as const

export const conversations = {
  list: endpoint({
    method: 'GET',
    url: '/api/conversations',
    access: 'account',
    schema: {
      summary: 'Your conversations, those with the newest message first',
      description: 'A conversation that is written to while you read pages moves to the first one: drop what you have already.',
      tags,
      querystring: Paging.extend({ limit: digits(1, MAX_CONVERSATIONS).default(MAX_CONVERSATIONS) }),
      response: { 200: page(Conversation) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/conversations',
    access: 'account',
    schema: {
      summary: 'The conversation with one other person, made if there is none yet, or a new group',
      description:
        'Two people have one conversation: asked for again, it is the same. With each person who is named you have to share a project in which ' +
        `you are a commenter at least. A group has up to ${MAX_PARTICIPANTS} people, you included; you can make ${MAX_GROUPS} groups. A participant who ` +
        'shares no project with any other one any more can read what was written until then, and can write nothing.',
      tags,
      body: z
        .strictObject({
          memberIds: z
            .array(id)
            .min(1)
            .max(MAX_PARTICIPANTS - 1)
            .refine((all) => new Set(all).size === all.length, 'names a person twice')
            .meta({ description: 'The others' }),
          title: line(100).nullable().default(null).meta({ description: 'Of a group' }),
        })
        .refine(({ memberIds, title }) => title === null || memberIds.length > 1, {
          message: 'a conversation of two people has no title',
          path: ['title'],
        })
        .meta({ examples: [{ memberIds: [ids.bo] }] }),
      response: { 200: Conversation },
      problems: ['forbidden', 'too-many'],
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/conversations/:conversationId',
    access: 'account',
    schema: {
      summary: 'One of your conversations',
      tags,
      params: conversationParams,
      response: { 200: Conversation },
      problems: ['not-found'],
    },
  }),
  read: endpoint({
    method: 'PUT',
    url: '/api/conversations/:conversationId/read',
    access: 'account',
    schema: {
      summary: 'Say that you have read the messages up to this one',
      description: 'It never goes back: the answer is how far you have read, which may be further.',
      tags,
      params: conversationParams,
      body: z.strictObject({ messageId: id }),
      response: { 200: ChatRead },
      problems: ['not-found'],
    },
  }),
}

export const userEvents = {
  'conversation:created': Conversation,
  'chat:read': ChatRead,
  'contact:updated': Person,
}

export const userEventTexts = {
  'conversation:created': {
    when: 'A conversation or a group was made that you are in',
    to: 'Each participant, as they see it, on each of their connections',
  },
  'chat:read': {
    when: 'A participant has read further; writing a message says so of its author without this event',
    to: 'Each participant, the reader included, on each of their connections',
  },
  'contact:updated': {
    when: 'A person you have a conversation with changed their name or picture: show them so in all of them',
    to: 'Each participant of their conversations, that person included, on each of their connections',
  },
} satisfies Record<keyof typeof userEvents, EventText>
