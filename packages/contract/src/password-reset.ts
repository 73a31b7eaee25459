import * as z from 'zod'
import { emailAddress, newPassword } from './auth.ts'
import { endpoint } from './endpoint.ts'
import { exampleToken } from './examples.ts'
import { linkToken } from './values.ts'

const tags = ['auth'] as const

/** How a person who has forgotten their password gets another one. */
export const passwordReset = {
  forgot: endpoint({
    method: 'POST',
    url: '/api/auth/forgot',
    access: 'public',
    schema: {
      summary: 'Have a link sent with which you set a new password',
      description:
        'The answer is the same whether or not there is an account with this address. The link works for an hour, and once. An address gets ' +
        'three of them in an hour; further requests send nothing.',
      tags,
      body: z.strictObject({ email: emailAddress }).meta({ examples: [{ email: 'ann@example.com' }] }),
      response: { 204: z.undefined() },
    },
  }),
  reset: endpoint({
    method: 'POST',
    url: '/api/auth/reset',
    access: 'public',
    schema: {
      summary: 'Set a new password with the link; every session and API token ends',
      description:
        '404 for a link that was never made or was used, `gone` for one that has expired. Log in with the new password then.',
      tags,
      body: z
        .strictObject({ token: linkToken, password: newPassword })
        .meta({ examples: [{ token: exampleToken, password: 'strings attached' }] }),
      response: { 204: z.undefined() },
      problems: ['not-found', 'gone'],
    },
  }),
}
