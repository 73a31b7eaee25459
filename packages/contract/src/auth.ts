import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { at, fresh, ids, later } from './examples.ts'
import type { EventText } from './noun.ts'
import { id, line, linkToken, stamps, time } from './values.ts'

export const User = z
  .object({ id, email: z.string(), name: z.string(), avatarUrl: z.string().nullable(), ...stamps })
  .meta({ id: 'User', examples: [{ id: ids.ann, email: 'ann@example.com', name: 'Ann', avatarUrl: null, ...fresh }] })
export type User = z.output<typeof User>

export const Session = z
  .object({
    id,
    current: z.boolean(),
    userAgent: z.string().nullable(),
    address: z.string().nullable(),
    createdAt: time,
    lastUsedAt: time,
    expiresAt: time,
  })
  .meta({
    id: 'Session',
    examples: [
      {
        id: ids.session,
        current: true,
        userAgent: 'Firefox',
        address: '203.0.113.7',
        createdAt: at,
        lastUsedAt: later,
        expiresAt: '2026-03-31T10:00:00.000Z',
      },
    ],
  })

/** An address as accounts have it: in small letters. */
export const emailAddress = z
  .email('must be an e-mail address')
  .max(254, 'must have at most 254 characters')
  .transform((value) => value.toLowerCase())
/** In UTF-16 units. One that is typed in decomposed form is longer than what it stands for. */
export const TYPED = 1_000
/**
 * Length is what matters (NIST SP 800-63B), counted in the one form (NFC) in which passwords are compared; the upper bound keeps
 * hashing cheap. Half a character would fit any other half.
 */
export const newPassword = z
  .string()
  .max(TYPED)
  .refine((value) => value.isWellFormed(), 'must be well-formed text')
  .refine((value) => value.normalize('NFC').length >= 8 && value.normalize('NFC').length <= 200, 'must have 8 to 200 characters')
  .meta({ minLength: 8, maxLength: 200 })

/** `body` returns the refresh token in the answer and sets no cookies: for clients that are not browsers. */
const delivery = z.enum(['cookie', 'body']).default('cookie')

const tokens = { accessToken: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl', expiresAt: later, refreshToken: 'c2VjcmV0' }
export const Tokens = z
  .object({
    accessToken: z.string(),
    expiresAt: time,
    refreshToken: z.string().optional().meta({ description: 'Only with `delivery: "body"`' }),
  })
  .meta({ id: 'Tokens', examples: [tokens] })
export const Login = Tokens.extend({ user: User }).meta({
  id: 'Login',
  examples: [{ user: { id: ids.ann, email: 'ann@example.com', name: 'Ann', avatarUrl: null, ...fresh }, ...tokens }],
})

export const SessionState = z
  .object({
    user: User.nullable().meta({ description: 'Null without a valid access token' }),
    registration: z.enum(['open', 'invite', 'first-account']).meta({
      description:
        'How accounts are made here: by all, with an invitation, or (as long as there is none) with the code that the server printed at its start',
    }),
    refreshable: z.boolean().meta({ description: 'You have no valid access token, and a refresh is worth trying' }),
  })
  .meta({ id: 'SessionState' })
export type SessionState = z.output<typeof SessionState>

const tags = ['auth'] as const
export const auth = {
  register: endpoint({
    method: 'POST',
    url: '/api/auth/register',
    access: 'public',
    secret: true,
    location: '/api/me',
    schema: {
      summary: 'Create an account and log in',
      description:
        'Where registration is by invitation it takes one. An invitation that cannot be accepted leaves no account either: it is unknown or was ' +
        'revoked (`not-found`), was accepted or has expired (`gone`), or is for another address (`wrong-address`).',
      tags,
      body: z.strictObject({
        email: emailAddress,
        password: newPassword,
        name: line(100),
        remember: z.boolean().default(false),
        delivery,
        invitation: linkToken.optional().meta({ description: 'Token of an invitation, which is accepted with it' }),
        code: z.string().max(100).optional().meta({
          description: 'With `registration: "first-account"`: the code that the server printed at its start',
        }),
      }),
      response: { 201: Login },
      problems: ['email-taken', 'registration-closed', 'wrong-code', 'not-found', 'gone', 'wrong-address'],
    },
  }),
  login: endpoint({
    method: 'POST',
    url: '/api/auth/login',
    access: 'public',
    secret: true,
    schema: {
      summary: 'Log in',
      tags,
      body: z.strictObject({
        email: emailAddress,
        password: z.string().max(TYPED),
        remember: z.boolean().default(false),
        delivery,
      }),
      response: { 200: Login },
      problems: ['bad-credentials'],
    },
  }),
  refresh: endpoint({
    method: 'POST',
    url: '/api/auth/refresh',
    access: 'public',
    secret: true,
    schema: {
      summary: 'Exchange your refresh token (cookie, or body) for the next pair of tokens',
      tags,
      body: z.strictObject({ refreshToken: z.string().max(500).optional() }).optional(),
      response: { 200: Tokens },
      problems: ['token-missing', 'token-invalid', 'token-expired', 'token-reused', 'session-revoked'],
    },
  }),
  logout: endpoint({
    method: 'POST',
    url: '/api/auth/logout',
    access: 'session',
    schema: {
      summary: 'Close this session; your refresh token (cookie, or body) is enough',
      description: 'With an access token in the header and a cookie of yours of another session, both are closed.',
      tags,
      body: z.strictObject({ refreshToken: z.string().max(500).optional() }).optional(),
      response: { 204: z.undefined() },
    },
  }),
  logoutAll: endpoint({
    method: 'POST',
    url: '/api/auth/logout-all',
    access: 'account',
    schema: { summary: 'Close every session of your account; API tokens stay', tags, response: { 204: z.undefined() } },
  }),
  session: endpoint({
    method: 'GET',
    url: '/api/session',
    access: 'public',
    apiTokens: true,
    schema: {
      summary: 'Who you are, if you are logged in',
      description:
        'For the start of a page, which cannot see its cookies: 200 with your account, or with null. `refreshable` says that you have ' +
        'no valid access token and that `POST /api/auth/refresh` is worth trying; it may be refused all the same.',
      tags,
      response: { 200: SessionState },
    },
  }),
}

export const userEvents = {
  'session:revoked': z.object({ sessionId: id, reason: z.enum(['logout', 'logout-all', 'password', 'reuse', 'ended']) }),
}

export const userEventTexts = {
  'session:revoked': {
    when: 'One of your sessions was closed: by a logout, a new password, or because a refresh token was used twice',
    to: 'The person whose session it was, on the connections of their other sessions',
  },
} satisfies Record<keyof typeof userEvents, EventText>
