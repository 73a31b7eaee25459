import { addMember, createCut, createProject, type Person, register } from '../../support/people.ts'

/** Who there is, and what they work on. */
export interface World {
  people: Person[]
  projects: Place[]
}

export interface Place {
  id: string
  cutId: string
  /** The owner first, then editors. */
  members: Person[]
}

/** Makes accounts, projects and memberships over REST: project n belongs to person n, and the next `members - 1` are editors. */
export async function populate(
  server: { url: string },
  { people: size, projects: count, members }: { people: number; projects: number; members: number },
): Promise<World> {
  const people: Person[] = []
  for (let i = 0; i < size; i++) people.push(await register(server, `Person ${i}`))
  const at = (index: number): Person => {
    const person = people[index % people.length]
    if (!person) throw new RangeError('a world needs people')
    return person
  }
  const projects: Place[] = []
  for (let i = 0; i < count; i++) {
    const owner = at(i)
    const project = await createProject(owner, `Album ${i}`)
    const others = Array.from({ length: Math.min(members, size) - 1 }, (_, n) => at(i + n + 1))
    for (const other of others) await addMember(owner, project.id, other)
    const { cut } = await createCut(owner, project.id)
    projects.push({ id: project.id, cutId: cut.id, members: [owner, ...others] })
  }
  return { people, projects }
}
