import * as z from 'zod'
import { ids } from './examples.ts'

/** The closed list of what can go wrong. Clients match on `code`; titles may be reworded. */
export const problems = {
  'bad-request': { status: 400, title: 'The request is malformed' },
  'token-missing': { status: 401, title: 'Log in first' },
  'token-invalid': { status: 401, title: 'The token is not valid here' },
  'token-expired': { status: 401, title: 'The token has expired' },
  'token-reused': { status: 401, title: 'This refresh token was used before; the session is closed' },
  'session-revoked': { status: 401, title: 'The session was closed' },
  'bad-credentials': { status: 401, title: 'E-mail or password is wrong' },
  forbidden: { status: 403, title: 'Your role does not allow this' },
  'origin-refused': { status: 403, title: 'This origin is not allowed' },
  'password-required': { status: 403, title: 'This link has a password' },
  'wrong-code': { status: 403, title: 'The code for the first account is wrong' },
  'wrong-address': { status: 403, title: 'The invitation is for another e-mail address' },
  'wrong-password': { status: 403, title: 'The password is wrong' },
  'registration-closed': { status: 403, title: 'Registration is by invitation' },
  'not-found': { status: 404, title: 'Not found' },
  'request-timeout': { status: 408, title: 'The request did not come in time' },
  conflict: { status: 409, title: 'Another change came first; try again' },
  'email-taken': { status: 409, title: 'This e-mail has an account' },
  'already-member': { status: 409, title: 'Already a member' },
  'already-invited': { status: 409, title: 'This address has an invitation already' },
  'too-many': { status: 409, title: 'There are as many of these as there may be' },
  'last-owner': { status: 409, title: 'A project keeps at least one owner' },
  'webhook-disabled': { status: 409, title: 'The webhook is switched off' },
  'retention-too-short': { status: 409, title: 'This server keeps events for too short a time for webhooks' },
  'idempotency-running': { status: 409, title: 'The first request with this key is still running' },
  superseded: { status: 409, title: 'A later join or leave took its place' },
  gone: { status: 410, title: 'No longer here' },
  stale: { status: 412, title: 'The entity has changed' },
  'tus-version': { status: 412, title: 'Send Tus-Resumable: 1.0.0' },
  'too-large': { status: 413, title: 'The body is too large' },
  'quota-exceeded': { status: 413, title: 'There is no room left for this file' },
  'unsupported-media-type': { status: 415, title: 'This type of content is not taken here' },
  'range-unsatisfiable': { status: 416, title: 'The file has no such part' },
  validation: { status: 422, title: 'The request does not fit the contract' },
  'idempotency-mismatch': { status: 422, title: 'The key was used for another request' },
  locked: { status: 423, title: 'Another request is writing to it' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong' },
  unavailable: { status: 503, title: 'Not available right now' },
  'storage-full': { status: 507, title: 'The store of files is full' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = keyof typeof problems

/** RFC 9457 `application/problem+json`; the same object stands in socket acks. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]),
    requestId: z.string().optional(),
    retryAfter: z.number().optional().meta({ description: 'Seconds, as in the Retry-After header' }),
    errors: z.array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() })).optional(),
    current: z
      .unknown()
      .optional()
      .meta({ description: 'With `stale`: the entity as it is now; where an older take was to be approved: the current one' }),
  })
  .meta({
    id: 'Problem',
    examples: [
      {
        type: 'urn:cutroom:problem:not-found',
        title: problems['not-found'].title,
        status: 404,
        code: 'not-found',
        requestId: ids.request,
      },
    ],
  })
export type Problem = z.output<typeof Problem>
