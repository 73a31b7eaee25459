import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { QUICK } from '../../support/consumers.ts'
import { createGroup, createPair, say } from '../../support/conversations.ts'
import { register, request } from '../../support/people.ts'
import { differences, found, hitOf, hitsOf, search, upToDate } from '../../support/search.ts'

const app = useApp({ seams: { jobs: { timings: QUICK } } })

describe('search in messages', { timeout: 60_000 }, () => {
  it('participants find them, as they are now, and nobody else', async () => {
    const { owner, other, conversation, project } = await createPair(app())
    const stranger = await register(app(), 'Stranger')
    const said = await say(owner, conversation.id, `Is the @[Mo editor](${other.id}) glissando in [Take 1](cut:${project.id})?`)
    await upToDate(owner)
    for (const person of [owner, other]) expect(await found(person, 'glissando')).toEqual([`message ${said.id}`])
    expect(await found(stranger, 'glissando')).toEqual([])
    expect(await search(stranger, 'glissandi')).toMatchObject({ groups: [], near: [] })
    expect(await hitOf(other, 'glissa', 'message')).toMatchObject({
      projectId: null,
      projectName: null,
      conversationId: conversation.id,
      title: owner.name,
      text: 'Is the @Mo editor glissando in Take 1?',
      ranges: [[18, 27]],
      link: `/chat/${conversation.id}?message=${said.id}`,
      author: { id: owner.id },
    })
    // What names it is found, the ids in it are not.
    expect(await found(other, project.id.slice(0, 8))).toEqual([])
    expect(await found(owner, 'glissando', { projectId: project.id })).toEqual([])
    const { token } = await owner.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot' })
    const asked = await request<Awaited<ReturnType<typeof search>>>(app().url, 'GET', '/api/search?q=glissando', { token })
    expect(hitsOf(asked.body)).toEqual([])

    await owner.must('PATCH', `/api/messages/${said.id}`, { body: 'Is it a tremolo?' })
    await upToDate(owner)
    expect([await found(other, 'glissando'), await found(other, 'tremolo')]).toEqual([[], [`message ${said.id}`]])
    await owner.must('DELETE', `/api/messages/${said.id}`)
    expect(await found(other, 'tremolo')).toEqual([])
    await upToDate(owner)
    expect(await differences(app().db)).toEqual([])
  })

  it('who shares no project with the others any more finds what they may still read', async () => {
    const { project, owner, others, group } = await createGroup(app(), 3)
    const [bo] = others
    if (!bo) throw new Error('nobody')
    const before = await say(owner, group.id, 'the rubato before')
    await owner.must('DELETE', `/api/projects/${project.id}/members/${bo.id}`)
    const after = await say(owner, group.id, 'the rubato after')
    await upToDate(owner)
    expect(await found(owner, 'rubato')).toEqual([`message ${before.id}`, `message ${after.id}`].sort())
    expect(await found(bo, 'rubato')).toEqual([`message ${before.id}`])
    // Also where there is more that they may not read than a page has.
    for (const n of [1, 2, 3]) await say(owner, group.id, `the rubato after ${n}`)
    await upToDate(owner)
    expect(await found(bo, 'rubato', { limit: '1' })).toEqual([`message ${before.id}`])
  })
})
