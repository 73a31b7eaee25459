import type { Person as Shown } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { addMember, createProject, createTeam, type Person, register } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

interface Page {
  data: Shown[]
  nextCursor: string | null
}

describe('who is online', () => {
  const app = useApp()
  const online = (person: Person, query = '') => person.must<Page>('GET', `/api/me/online${query}`)
  const idsFor = async (person: Person) => (await online(person)).data.map(({ id }) => id)

  it('P1 those of one’s projects who are connected, in no room of a project, until they are gone', async () => {
    const { project, owner, viewer, editor } = await createTeam(app(), 'viewer', 'editor')
    const [stranger, another] = [await register(app(), 'Stranger'), await createProject(owner, 'Another')]
    await addMember(owner, another.id, viewer, 'editor')
    expect(await online(owner)).toEqual({ data: [], nextCursor: null })
    await connect(app(), stranger)
    const [first, second] = [await connect(app(), viewer), await connect(app(), viewer)]
    await connect(app(), owner)
    // Two projects have both of them, and they have two connections.
    expect(await online(owner)).toEqual({ data: [{ id: viewer.id, name: viewer.name, avatarUrl: null }], nextCursor: null })
    expect((await idsFor(viewer)).sort()).toEqual([owner.id])
    expect((await idsFor(editor)).sort()).toEqual([owner.id, viewer.id].sort())
    expect(await idsFor(stranger)).toEqual([])
    first.socket.disconnect()
    second.socket.disconnect()
    await until('they are gone', async () => (await idsFor(owner)).length === 0)
    await connect(app(), editor)
    expect(await idsFor(owner)).toEqual([editor.id])
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    expect(await idsFor(owner)).toEqual([])
  })

  it('B1 a page looks at as many people as were asked for, and the next one goes on, also behind an empty one', async () => {
    const { project, owner } = await createTeam(app())
    const people: Person[] = []
    for (const name of ['Ann', 'Ben', 'Cleo', 'Dan', 'Eve']) people.push(await register(app(), name))
    for (const person of people) await addMember(owner, project.id, person, 'viewer')
    const [last] = people
      .map(({ id }) => id)
      .sort()
      .slice(-1)
    const there = people.find(({ id }) => id === last)
    if (there) await connect(app(), there)
    const pages: string[][] = []
    for (let query = '?limit=2'; query; ) {
      const { data, nextCursor } = await online(owner, query)
      pages.push(data.map(({ id }) => id))
      query = nextCursor === null ? '' : `?limit=2&cursor=${nextCursor}`
    }
    expect(pages).toEqual([[], [], [last]])
  })
})
