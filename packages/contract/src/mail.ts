import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { exampleToken, ids } from './examples.ts'
import type { EventText } from './noun.ts'
import { id } from './values.ts'

export const DigestFrequency = z.enum(['off', 'daily', 'weekly']).meta({
  id: 'DigestFrequency',
  description: '`weekly`: on Mondays',
})
export type DigestFrequency = z.output<typeof DigestFrequency>

/** Projects with a frequency of their own. */
const MAX_PROJECTS = 500

export const MailPreferences = z
  .object({
    missed: z.boolean().meta({ description: 'A mail about notifications and messages that you have not seen for a while' }),
    digest: DigestFrequency.meta({ description: 'A mail about what others did in your projects' }),
    projects: z
      .array(z.object({ projectId: id, digest: DigestFrequency }))
      .max(MAX_PROJECTS)
      .meta({ description: 'Projects with a frequency of their own, by id' }),
  })
  .meta({
    id: 'MailPreferences',
    examples: [{ missed: true, digest: 'weekly', projects: [{ projectId: ids.project, digest: 'daily' }] }],
  })
export type MailPreferences = z.output<typeof MailPreferences>

export const Unsubscription = z
  .object({
    kind: z.enum(['missed', 'digest']),
    project: z.object({ id, name: z.string() }).nullable().meta({ description: 'Null: all projects' }),
  })
  .meta({ id: 'Unsubscription', examples: [{ kind: 'digest', project: null }] })
export type Unsubscription = z.output<typeof Unsubscription>

/** A token that can be one: others name nothing. */
const params = z.object({
  mailToken: z
    .string()
    .regex(/^[\w-]{43,70}$/)
    .meta({ examples: [exampleToken] }),
})
const tags = ['mail'] as const

/** What mails one gets. */
export const mail = {
  get: endpoint({
    method: 'GET',
    url: '/api/me/mail',
    access: 'account',
    schema: { summary: 'Which mails you get', tags, response: { 200: MailPreferences } },
  }),
  update: endpoint({
    method: 'PUT',
    url: '/api/me/mail',
    access: 'account',
    schema: {
      summary: 'Choose which mails you get',
      description:
        'Projects that you are no member of are left out. Mails that you asked for yourself, like a new password, come in any case.',
      tags,
      body: z
        .strictObject({
          missed: z.boolean(),
          digest: DigestFrequency,
          projects: z
            .array(z.strictObject({ projectId: id, digest: DigestFrequency }))
            .max(MAX_PROJECTS)
            .refine((all) => new Set(all.map(({ projectId }) => projectId)).size === all.length, 'names a project twice'),
        })
        .meta({ examples: [{ missed: true, digest: 'off', projects: [{ projectId: ids.project, digest: 'daily' }] }] }),
      response: { 200: MailPreferences },
    },
  }),
  unsubscription: endpoint({
    method: 'GET',
    url: '/api/unsubscribe/:mailToken',
    access: 'public',
    schema: {
      summary: 'What a link of a mail would end; it ends nothing',
      tags,
      params,
      response: { 200: Unsubscription },
      problems: ['not-found'],
    },
  }),
  unsubscribe: endpoint({
    method: 'POST',
    url: '/api/unsubscribe/:mailToken',
    access: 'public',
    anyBody: true,
    bodyLimit: 1024,
    schema: {
      summary: 'End mails of a kind, by the link of one of them, without a login',
      description:
        'The address in `List-Unsubscribe`, which mail programs call with one click (RFC 8058): they send the form `List-Unsubscribe=One-Click`, ' +
        'others send no body. Without a project it ends the mails of the kind for all projects.',
      tags,
      params,
      response: { 204: z.undefined() },
      problems: ['not-found'],
    },
  }),
}

export const userEvents = { 'mail-preferences:updated': MailPreferences }

export const userEventTexts = {
  'mail-preferences:updated': {
    when: 'You chose which mails you get, or ended some by the link of a mail',
    to: 'The person who gets the mails',
  },
} satisfies Record<keyof typeof userEvents, EventText>
