import { isDeepStrictEqual } from 'node:util'
import { events, type Notification, type Project, type Task, type UserEventName, userEvents, userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { claimsOf } from '../support/calls.ts'
import { converse, readUpTo, say } from '../support/conversations.ts'
import { BELL, ring } from '../support/extensions.ts'
import { mention, nextNotification } from '../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, login, type Person, register } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** What happens to whom, and what their sockets must be told. */
interface Expected {
  to: Person | Person[]
  payload: unknown
}

/**
 * D4 for the rooms of people: one row for each event, which causes it over REST and says what it must have. Events of projects are in
 * delivery.test.ts ("for every event of the contract").
 */
describe('every event of a person’s own room', () => {
  const app = useApp({ env: { EXTENSIONS_DIR: BELL } })
  /** The newest activity of a project. */
  const newest = async (person: Person, project: Project) => {
    const path = `/api/projects/${project.id}/activity?limit=1`
    const [activity] = (await person.must<{ data: { id: string; seq: number }[] }>('GET', path)).data
    return { projectId: project.id, eventId: activity?.id ?? '', seq: activity?.seq ?? 0 }
  }
  const mentioned = async (by: Person, person: Person, project: Project) => {
    const { cut } = await createCut(by, project.id)
    await by.must('POST', `/api/cuts/${cut.id}/comments`, { body: mention(person) })
    return nextNotification(person, 'the mention', ({ kind }) => kind === 'mention')
  }
  const dismissed = (eventId: string) => `/api/me/activity/${eventId}/dismissed`

  /** Each is given people who are connected already. */
  const causes: { [N in UserEventName]: (people: { owner: Person; mate: Person; project: Project }) => Promise<Expected> } = {
    'project:created': async ({ mate }) => ({ to: mate, payload: await createProject(mate, 'New') }),
    'project:joined': async ({ owner, mate }) => {
      const project = await createProject(owner, 'Together')
      await addMember(owner, project.id, mate)
      return { to: mate, payload: await mate.must('GET', `/api/projects/${project.id}`) }
    },
    'project:left': async ({ owner, mate, project }) => {
      await owner.must('DELETE', `/api/projects/${project.id}/members/${mate.id}`)
      return { to: mate, payload: { projectId: project.id, reason: 'removed' } }
    },
    'session:revoked': async ({ mate }) => {
      const other = await login(app(), mate)
      await other.must('POST', '/api/auth/logout')
      return { to: mate, payload: { sessionId: claimsOf(other.token).sid, reason: 'logout' } }
    },
    'notification:new': async ({ owner, mate, project }) => ({ to: mate, payload: await mentioned(owner, mate, project) }),
    'notification:updated': async ({ owner, mate, project }) => {
      const { target } = await mentioned(owner, mate, project)
      await owner.must('PATCH', `/api/comments/${target.id}`, { body: `${mention(mate)} softer` })
      const isEdited = ({ text }: Notification) => text?.endsWith('softer') ?? false
      return { to: mate, payload: await nextNotification(mate, 'the edit', isEdited) }
    },
    'notification:seen': async ({ owner, mate, project }) => {
      const { id } = await mentioned(owner, mate, project)
      const { seenAt } = await mate.must<Notification>('PATCH', `/api/me/notifications/${id}`, { seen: true })
      return { to: mate, payload: { ids: [id], seenAt } }
    },
    'notification:deleted': async ({ owner, mate, project }) => {
      const { id } = await mentioned(owner, mate, project)
      await mate.must('DELETE', `/api/me/notifications/${id}`)
      return { to: mate, payload: { ids: [id], unseen: 1 } }
    },
    'notification-preferences:updated': async ({ mate }) => ({
      to: mate,
      payload: await mate.must('PUT', '/api/me/notification-preferences', { kinds: { upload: 'off' } }),
    }),
    'activity:read': async ({ mate, project }) => {
      const { projectId, seq } = await newest(mate, project)
      return { to: mate, payload: await mate.must('PUT', '/api/me/activity/read', { projectId, seq }) }
    },
    'activity:dismissed': async ({ mate, project }) => {
      const { projectId, eventId } = await newest(mate, project)
      await mate.must('PUT', dismissed(eventId))
      return { to: mate, payload: { projectId, eventId } }
    },
    'activity:restored': async ({ mate, project }) => {
      const { projectId, eventId } = await newest(mate, project)
      await mate.must('PUT', dismissed(eventId))
      await mate.must('DELETE', dismissed(eventId))
      return { to: mate, payload: { projectId, eventId } }
    },
    'mail-preferences:updated': async ({ mate }) => ({
      to: mate,
      payload: await mate.must('PUT', '/api/me/mail', { missed: false, digest: 'daily', projects: [] }),
    }),
    'conversation:created': async ({ owner, mate }) => ({ to: [owner, mate], payload: await converse(owner, [mate]) }),
    'chat:message': async ({ owner, mate }) => {
      const { id } = await converse(owner, [mate])
      return { to: [owner, mate], payload: await say(mate, id, 'Hello') }
    },
    'chat:message-updated': async ({ owner, mate }) => {
      const { id } = await converse(owner, [mate])
      const message = await say(mate, id, 'Hello')
      return { to: [owner, mate], payload: await mate.must('PATCH', `/api/messages/${message.id}`, { body: 'Good day' }) }
    },
    'chat:message-deleted': async ({ owner, mate }) => {
      const { id: conversationId } = await converse(owner, [mate])
      const { id: messageId } = await say(mate, conversationId, 'Hello')
      await mate.must('DELETE', `/api/messages/${messageId}`)
      return { to: [owner, mate], payload: { conversationId, messageId } }
    },
    'chat:read': async ({ owner, mate }) => {
      const { id } = await converse(owner, [mate])
      const message = await say(mate, id, 'Hello')
      return { to: [owner, mate], payload: (await readUpTo(owner, id, message.id)).body }
    },
    'extension:event': async ({ owner, mate, project }) => {
      const title = ring(userRoom(mate.id), 'for-you')
      const task = await owner.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title })
      return { to: mate, payload: { from: 'bell', event: 'for-you', data: { taskId: task.id } } }
    },
    'contact:updated': async ({ owner, mate }) => {
      await converse(owner, [mate])
      const { id, name, avatarUrl } = await mate.must<Person & { avatarUrl: string | null }>('PATCH', '/api/me', { name: 'Mo' })
      return { to: [owner, mate], payload: { id, name, avatarUrl } }
    },
  }

  it('D4 has a row in this table', () => {
    expect(Object.keys(causes).toSorted()).toEqual(Object.keys(userEvents).toSorted())
  })

  for (const [name, cause] of Object.entries(causes) as [UserEventName, (typeof causes)[UserEventName]][])
    it(`D4 ${name} comes once to each device of the person, as REST has it, and to no one else`, async () => {
      const { project, owner, editor: mate } = await createTeam(app(), 'editor')
      const stranger = await register(app(), 'Sam Stranger')
      const listeners = await Promise.all(
        [owner, owner, mate, mate, stranger].map(async (person) => ({ person, socket: await connect(app(), person) })),
      )
      const { to, payload } = await cause({ owner, mate, project })
      const told = (each: (typeof listeners)[number]) =>
        each.socket.events().filter((event) => event.name === name && isDeepStrictEqual(event.payload, payload))
      const isTo = (person: Person) => [to].flat().includes(person)
      const theirs = listeners.filter(({ person }) => isTo(person))
      await until(name, () => theirs.every((each) => told(each).length > 0))
      // What comes last has everything before it.
      for (const person of [owner, mate, stranger]) {
        const last = await createProject(person, 'A last word')
        const sockets = listeners.filter((each) => each.person === person)
        await until('the last word', () =>
          sockets.every(({ socket }) => socket.events().some(({ payload }) => payload.id === last.id)),
        )
      }
      expect(events[name].parse(payload)).toEqual(payload)
      for (const each of listeners) {
        expect(told(each).map(({ meta }) => meta.room)).toEqual(isTo(each.person) ? [userRoom(each.person.id)] : [])
      }
    })
})
