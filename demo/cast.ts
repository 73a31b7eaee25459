import { randomUUID } from 'node:crypto'
import { createClient } from '@cutroom/client'
import { members as memberEndpoints, type Project, projects } from '@cutroom/contract'
import type { Hand } from '../src/cli/band/fill.ts'
import { type Band, roles } from '../src/cli/band/plan.ts'
import { cast, type Person, type PersonHooks } from './people.ts'
import type { Style } from './screen.ts'

export const styles = { members: ['cyan', 'yellow', 'magenta'], stranger: 'red' } as const satisfies Record<
  string,
  Style | Style[]
>

/** All who play. */
export interface Company {
  project: Project
  /** How this process speaks for the members: over REST. */
  hands: Hand[]
  members: [owner: Person, editor: Person, commenter: Person]
  phone: Person
  stranger: Person
  /** Of the members; one password for all. */
  logins: { emails: string[]; password: string }
}

/** Makes the accounts and the project, and starts a process for each person. */
export async function assemble(url: string, band: Band, undo: (() => Promise<void>)[], hooks: PersonHooks): Promise<Company> {
  const password = randomUUID().slice(0, 13)
  const emailOf = (name: string) => `${name.toLowerCase().replace(/\W+/g, '.')}@example.com`
  async function register(name: string): Promise<Hand> {
    const client = createClient({ url })
    const { id } = await client.register({ email: emailOf(name), password, name })
    return { client, userId: id }
  }
  const outsider = `${band.stranger} Stranger`
  const hands = await Promise.all(band.people.map(({ name }) => register(name)))
  await register(outsider)
  const [owner, ...others] = hands
  if (!owner) throw new Error('a band needs a member')

  const project = await owner.client.call(projects.create, {
    body: { name: band.name, description: 'Songs for the second record' },
  })
  for (const [index, { userId }] of others.entries()) {
    const body = { userId, role: roles[index + 1] ?? ('viewer' as const) }
    await owner.client.call(memberEndpoints.create, { params: { projectId: project.id }, body })
  }

  async function start(name: string, style: Style, part: 'member' | 'phone' | 'stranger', account: string): Promise<Person> {
    const person = await cast(name, style, { part, url, email: emailOf(account), password, projectId: project.id }, hooks)
    undo.push(person.close)
    return person
  }
  const [a, b, c] = band.people
  if (!a || !b || !c) throw new Error('a band is three people')
  const [first, second, third] = styles.members
  const [one, two, three, phone, stranger] = await Promise.all([
    start(a.first, first, 'member', a.name),
    start(b.first, second, 'member', b.name),
    start(c.first, third, 'member', c.name),
    start(`${c.first}’s phone`, third, 'phone', c.name),
    start(band.stranger, styles.stranger, 'stranger', outsider),
  ])
  return {
    project,
    hands,
    members: [one, two, three],
    phone,
    stranger,
    logins: { emails: band.people.map(({ name }) => emailOf(name)), password },
  }
}
