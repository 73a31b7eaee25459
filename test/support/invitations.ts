import { randomUUID } from 'node:crypto'
import type { Member, NewInvitation, Problem, Role } from '@cutroom/contract'
import type { TestApp } from './app.ts'
import { type Answer, PASSWORD, type Person, request } from './people.ts'

/** An invitation by e-mail, or without an address a link. */
export const invite = (owner: Person, projectId: string, input: { email?: string; role?: Role } = {}): Promise<NewInvitation> =>
  owner.must('POST', `/api/projects/${projectId}/invitations`, input)

/** An address that no one has. */
export const newAddress = (): string => `guest-${randomUUID()}@example.com`

export const accept = (person: Person, token: string): Promise<Answer<Member>> =>
  person.call('POST', `/api/invitations/by-token/${token}/accept`)

/** A registration with whatever a test adds to it. */
export const registerWith = (
  { url }: Pick<TestApp, 'url'>,
  body: object,
): Promise<Answer<{ user: { id: string }; accessToken: string }>> =>
  request(url, 'POST', '/api/auth/register', {
    body: { email: newAddress(), password: PASSWORD, name: 'Gail Guest', delivery: 'body', ...body },
  })

/** The status of an answer and, of a problem, its code. */
export const verdictOf = ({ status, body }: Answer): string =>
  status < 400 ? `${status}` : `${status} ${(body as Problem).code}`

/** Moves the end of an invitation into the past, or the future. */
export const expireIn = async ({ db }: Pick<TestApp, 'db'>, id: string, interval: string): Promise<void> =>
  void (await db.query(`UPDATE "Invitation" SET "expiresAt" = now() + $2::interval WHERE id = $1`, [id, interval]))
