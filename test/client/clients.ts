import {
  type ClientOptions,
  createClient,
  type LinkStatus,
  loadProject,
  type Room,
  snapshotOf,
  type Tokens,
} from '@cutroom/client'
import type { Problem, Snapshot } from '@cutroom/contract'
import { expect, onTestFinished } from 'vitest'
import type { TestApp } from '../support/app.ts'
import type { Person } from '../support/people.ts'
import { until } from '../support/until.ts'

/** A client of a person; closed when the test ends. Errors that no promise reports are in `errors`. */
export function clientOf({ url }: Pick<TestApp, 'url'>, person: Person, options: Partial<ClientOptions> = {}) {
  const errors: unknown[] = []
  const kept: (Tokens | null)[] = []
  const signedOut: Problem[] = []
  const client = createClient({
    url,
    tokens: { accessToken: person.token, refreshToken: person.refreshToken },
    onError: (error) => errors.push(error),
    onTokens: (tokens) => kept.push(tokens),
    onSignedOut: (problem) => signedOut.push(problem),
    socket: { reconnectionDelay: 50, reconnectionDelayMax: 200 },
    keepRoomsMs: 0,
    ...options,
  })
  onTestFinished(() => client.close())
  const links: LinkStatus[] = []
  client.on('status', (status) => links.push(status))
  return { client, errors, kept, signedOut, links }
}

/** All that a room says, in order. */
export function watch(room: Room) {
  const statuses: string[] = [room.status]
  const seqs: number[] = []
  const heard: string[] = []
  room.on('status', (status) => statuses.push(status))
  room.on('event', (event) => seqs.push(event.meta.seq))
  room.on('reset', () => heard.push('reset'))
  room.on('revoked', (reason) => heard.push(`revoked: ${reason}`))
  return { statuses, seqs, heard }
}
export const live = (room: Room) => until('the room is live', () => room.status === 'live', 15_000)

/** The reduced state equals a fresh snapshot. */
export async function expectCurrent(room: Room, person: Person): Promise<void> {
  const page = (cursor?: string) =>
    person.must<Snapshot>('GET', `/api/projects/${room.projectId}/snapshot${cursor === undefined ? '' : `?cursor=${cursor}`}`)
  const { state, start } = await loadProject(page, AbortSignal.timeout(30_000))
  const { epoch, seq } = start
  await room.caughtUp(seq, { timeoutMs: 10_000 })
  expect(room.position).toEqual({ epoch, seq })
  // By way of maps, which puts both in one order.
  expect(room.state && snapshotOf(room.state)).toEqual(snapshotOf(state))
}

export const writeTask = (person: Person, projectId: string, title: string) =>
  person.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title })
