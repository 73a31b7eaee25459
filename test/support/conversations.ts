import type { Conversation, Message, Role } from '@cutroom/contract'
import type { TestApp } from './app.ts'
import { addMember, createProject, createTeam, type Person, register } from './people.ts'

/** The conversation with one other person, or a new group. */
export const converse = (person: Person, others: readonly Pick<Person, 'id'>[], title?: string): Promise<Conversation> =>
  person.must('POST', '/api/conversations', { memberIds: others.map(({ id }) => id), ...(title !== undefined && { title }) })

export const say = (person: Person, conversationId: string, body: string): Promise<Message> =>
  person.must('POST', `/api/conversations/${conversationId}/messages`, { body })

export const readUpTo = (person: Person, conversationId: string, messageId: string) =>
  person.call('PUT', `/api/conversations/${conversationId}/read`, { messageId })

export const conversationOf = (person: Person, id: string): Promise<Conversation> =>
  person.must('GET', `/api/conversations/${id}`)

/** All messages that a person can read, newest first, page by page. */
export async function historyOf(person: Person, id: string, limit = 200): Promise<Message[]> {
  const all: Message[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: { data: Message[]; nextCursor: string | null } = await person.must(
      'GET',
      `/api/conversations/${id}/messages?limit=${limit}${cursor && `&cursor=${cursor}`}`,
    )
    all.push(...page.data)
    cursor = page.nextCursor
  }
  return all
}

/** Two people of one project with a conversation. */
export async function createPair(app: Pick<TestApp, 'url'>, role: Exclude<Role, 'owner'> = 'editor') {
  const team = await createTeam(app, role)
  const [owner, other] = [team.owner, team[role]] as [Person, Person]
  return { project: team.project, owner, other, conversation: await converse(owner, [other]) }
}

/** People of one project, the first of whom owns it and has made a group of all. */
export async function createGroup(app: Pick<TestApp, 'url'>, size: number) {
  const people = await Promise.all(Array.from({ length: size }, (_, n) => register(app, `Person ${n}`)))
  const [owner, ...others] = people as [Person, ...Person[]]
  const project = await createProject(owner)
  for (const person of others) await addMember(owner, project.id, person, 'commenter')
  return { project, owner, others, people, group: await converse(owner, others, 'All of us') }
}
