import type { Notification } from '@cutroom/contract'
import type pg from 'pg'
import type { Person } from './people.ts'
import { until } from './until.ts'

export interface NotificationList {
  data: Notification[]
  nextCursor: string | null
  unseen: number
  epoch: string
  seq: number
}

/** The newest notifications of a person. */
export const notificationsOf = (person: Person, query = 'limit=200'): Promise<NotificationList> =>
  person.must('GET', `/api/me/notifications?${query}`)

/** Kinds of a person's notifications, the newest first. */
export const kindsOf = async (person: Person): Promise<string[]> => (await notificationsOf(person)).data.map(({ kind }) => kind)

/** Waits until the newest notification of a person is what the test looks for. */
export async function nextNotification(
  person: Person,
  what: string,
  isIt: (notification: Notification) => boolean,
): Promise<Notification> {
  let found: Notification | undefined
  await until(what, async () => {
    found = (await notificationsOf(person)).data.find(isIt)
    return found !== undefined
  })
  return found as Notification
}

/** `@[name](userId)`, as clients write it. */
export const mention = ({ id, name }: Pick<Person, 'id' | 'name'>): string => `@[${name}](${id})`

/**
 * Waits until all that was written in a project before has been handled: a person who was added last is told so.
 * Events of one room are handled in their order.
 */
export async function settled(owner: Person, projectId: string, witness: Person): Promise<void> {
  const before = (await notificationsOf(witness)).data.filter(({ kind }) => kind === 'role-changed').length
  const members = await owner.must<{ data: { userId: string; role: string }[] }>('GET', `/api/projects/${projectId}/members`)
  const role = members.data.find(({ userId }) => userId === witness.id)?.role === 'viewer' ? 'commenter' : 'viewer'
  await owner.must('PATCH', `/api/projects/${projectId}/members/${witness.id}`, { role })
  await until('what was written to be handled', async () => {
    const { data } = await notificationsOf(witness)
    return data.filter(({ kind }) => kind === 'role-changed').length > before
  })
}

/** A notification that a person is shown, member or not. @returns its id */
export async function notificationFor(db: pg.Pool, userId: string, projectId: string): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `INSERT INTO "Notification" (id, "userId", kind, cause, "projectId", "targetType", "targetId", link, about)
     VALUES (event_id(), $1, 'invitation', 'invitation:' || gen_random_uuid(), $2, 'invitation', gen_random_uuid(), '/', '{}') RETURNING id`,
    [userId, projectId],
  )
  return rows[0]?.id ?? ''
}
