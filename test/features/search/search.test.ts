import type { Comment, Cut, Project, Task, Vibe } from '@cutroom/contract'
import { beforeAll, describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { QUICK } from '../../support/consumers.ts'
import { textOf, uploadFile } from '../../support/files.ts'
import { addMember, createCut, createProject, createTeam, type Person, register, request } from '../../support/people.ts'
import { contents, differences, found, hitOf, hitsOf, search, upToDate } from '../../support/search.ts'

const app = useApp({ seams: { jobs: { timings: QUICK } } })

describe('search', { timeout: 60_000 }, () => {
  let ann: Person
  let project: Project
  let cut: { id: string }
  let vibe: { id: string }
  const comment = (body: string, on = cut.id) => ann.must<Comment>('POST', `/api/cuts/${on}/comments`, { body })

  beforeAll(async () => {
    ann = await register(app(), 'Ann')
    project = await createProject(ann, 'Winter Album')
    ;({ vibe, cut } = await createCut(ann, project.id))
  })

  it('finds each type by its words, and not by words it has no more, nor when it is gone', async () => {
    const task = await ann.must<Task>('POST', `/api/projects/${project.id}/tasks`, {
      title: 'Restring',
      description: 'the zither',
      labels: ['stage'],
    })
    const said = await comment('The glockenspiel is late')
    const file = await uploadFile(app(), ann, cut.id, textOf(100), { name: 'kalimba_take-2.txt', kind: 'document' })
    await ann.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'Sunday marimba morning', atMs: 0 }] })
    await ann.must('PATCH', `/api/vibes/${vibe.id}`, { notes: 'with a theremin' })
    await ann.must('PATCH', `/api/cuts/${cut.id}`, { name: 'Ocarina song' })
    await ann.must('PATCH', `/api/projects/${project.id}`, { description: 'All on bandoneon' })
    await upToDate(ann)
    const all: [string, string, string][] = [
      ['zither', 'task', task.id],
      ['stage', 'task', task.id],
      ['glockenspiel', 'comment', said.id],
      ['kalimba', 'file', file.id],
      ['marimba', 'lyrics', cut.id],
      ['theremin', 'vibe', vibe.id],
      ['ocarina', 'cut', cut.id],
      ['bandoneon', 'project', project.id],
    ]
    for (const [word, type, id] of all) expect(await found(ann, word), word).toEqual([`${type} ${id}`])

    await ann.must('PATCH', `/api/tasks/${task.id}`, { description: 'the cello' })
    await ann.must('PATCH', `/api/comments/${said.id}`, { body: 'The piccolo is late' })
    await ann.must('PATCH', `/api/files/${file.id}`, { name: 'bassoon.txt' })
    await ann.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'Monday', atMs: null }] })
    await ann.must('PATCH', `/api/vibes/${vibe.id}`, { notes: 'with a sitar' })
    await ann.must('PATCH', `/api/cuts/${cut.id}`, { name: 'Harp song' })
    await ann.must('PATCH', `/api/projects/${project.id}`, { description: null })
    await upToDate(ann)
    for (const [word] of all.filter(([word]) => word !== 'stage')) expect(await found(ann, word), word).toEqual([])
    for (const word of ['cello', 'piccolo', 'bassoon', 'monday', 'sitar', 'harp'])
      expect(await found(ann, word), word).toHaveLength(1)

    await ann.must('DELETE', `/api/tasks/${task.id}`)
    await ann.must('DELETE', `/api/comments/${said.id}`)
    await ann.must('DELETE', `/api/files/${file.id}`)
    await upToDate(ann)
    for (const word of ['cello', 'piccolo', 'bassoon']) expect(await found(ann, word), word).toEqual([])
    expect(await differences(app().db)).toEqual([])
  })

  it('a hit says where it is, who wrote it, and which words were found', async () => {
    const body = `${'Nothing to hear. '.repeat(20)}Then a 🎺 Trumpet, and more trumpets\n${'and silence '.repeat(20)}`
    const said = await comment(body)
    const reply = await ann.must<Comment>('POST', `/api/comments/${said.id}/replies`, { body: 'which trumpet?' })
    await upToDate(ann)
    const hits = hitsOf(await search(ann, 'trump'))
    expect(hits.map(({ id }) => id).sort()).toEqual([said.id, reply.id].sort())
    const hit = hits.find(({ id }) => id === said.id)
    const name = (await ann.must<Cut>('GET', `/api/cuts/${cut.id}`)).name
    expect(hit).toMatchObject({
      type: 'comment',
      projectId: project.id,
      projectName: 'Winter Album',
      conversationId: null,
      title: name,
      titleRanges: [],
      link: `/projects/${project.id}/cuts/${cut.id}?comment=${said.id}`,
      author: { id: ann.id, name: 'Ann', avatarUrl: null },
      at: said.createdAt,
    })
    expect(hit?.ranges.map(([from, to]) => hit.text.slice(from, to))).toEqual(['Trumpet', 'trumpets'])
    expect(hit?.text.length).toBeLessThanOrEqual(200)
    const task = await ann.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'Call the tuba player' })
    await ann.must('POST', `/api/tasks/${task.id}/comments`, { body: 'called him, tuba is ready' })
    await upToDate(ann)
    const titled = await hitOf(ann, 'tuba', 'task')
    expect(titled).toMatchObject({
      title: task.title,
      titleRanges: [[9, 13]],
      text: '',
      ranges: [],
      link: `/projects/${project.id}/tasks/${task.id}`,
    })
    expect(await hitOf(ann, 'tuba', 'comment')).toMatchObject({
      title: task.title,
      link: expect.stringContaining(`/tasks/${task.id}?comment=`),
    })
  })

  it('all words have to be there, the last one as a beginning; case and accents do not count', async () => {
    const said = await comment('Señor Müller: Ça va, crème brûlée! Łódź and Straße, Ærø; ﬁnale')
    const other = await comment('Senor alone')
    await upToDate(ann)
    for (const q of [
      'senor müller',
      'SEÑOR mull',
      'creme brulee',
      'CRÈME BRÛ',
      'lodz',
      'Strasse',
      'aero',
      'finale',
      'sen\u0303or mu\u0308ller va',
    ])
      expect(await found(ann, q), q).toEqual([`comment ${said.id}`])
    expect(await found(ann, 'senor')).toEqual([`comment ${said.id}`, `comment ${other.id}`].sort())
    // No word but the last one is a beginning.
    expect(await found(ann, 'sen müller')).toEqual([])
    const hit = await hitOf(ann, 'brulee', 'comment')
    expect(hit.ranges.map(([from, to]) => hit.text.slice(from, to))).toEqual(['brûlée'])
  })

  it('finds near words where nothing has the words as they were written, and says which', async () => {
    const said = await comment('Xylophone solo in the bridge')
    await upToDate(ann)
    for (const q of [
      'xilophone',
      'xylophon e'.replace(' ', ''),
      'xylopohne',
      'xylophoone',
      'xlophone solo',
      'xylophone briidge',
    ]) {
      const answer = await search(ann, q)
      expect(
        hitsOf(answer).map(({ id }) => id),
        q,
      ).toEqual([said.id])
      const wrong = q.split(' ').filter((word) => !'xylophone solo bridge'.includes(word))
      expect(answer.near, q).toHaveLength(wrong.length)
    }
    expect((await search(ann, 'xylophone')).near).toEqual([])
    const hit = await hitOf(ann, 'xilophone', 'comment')
    expect(hit.ranges.map(([from, to]) => hit.text.slice(from, to))).toEqual(['Xylophone'])
    expect((await search(ann, 'zzzzzzzz')).groups).toEqual([])
  })

  it('near words that only other people have written are found by nobody else, and not named', async () => {
    const bo = await register(app(), 'Bo')
    const own = await createProject(bo, 'Secret Vuvuzela')
    await upToDate(bo)
    expect((await search(bo, 'vuvuzella')).near).toEqual(['vuvuzela'])
    expect(await search(ann, 'vuvuzella')).toMatchObject({ groups: [], near: [] })
    expect(await found(bo, 'vuvuzela')).toEqual([`project ${own.id}`])
  })

  it('narrows to a project and to types, gives the newest first among equals, and says that there is more', async () => {
    const other = await createProject(ann, 'Other')
    const { cut: there } = await createCut(ann, other.id)
    const all = []
    for (let n = 0; n < 4; n++) all.push(await comment('sousaphone'))
    const elsewhere = await comment('sousaphone', there.id)
    await ann.must('POST', `/api/projects/${other.id}/tasks`, { title: 'Sousaphone' })
    await upToDate(ann)
    expect(await found(ann, 'sousaphone', { projectId: other.id, types: 'comment' })).toEqual([`comment ${elsewhere.id}`])
    const { groups } = await search(ann, 'sousaphone', { projectId: project.id, limit: '3' })
    expect(groups.map(({ type, more, hits }) => [type, more, hits.map(({ id }) => id)])).toEqual([
      [
        'comment',
        true,
        all
          .slice(1)
          .reverse()
          .map(({ id }) => id),
      ],
    ])
    expect((await search(ann, 'sousaphone')).groups.map(({ type }) => type)).toEqual(['task', 'comment'])
    expect((await search(ann, 'sousaphone', { types: 'comment,task', limit: '25' })).groups.map(({ more }) => more)).toEqual([
      false,
      false,
    ])
  })

  it('what is deleted with its vibe, its cut, its thread or its project is gone from the index, and nothing else', async () => {
    const vibe = await ann.must<Vibe>('POST', `/api/projects/${project.id}/vibes`, { name: 'bagpipe' })
    const kept = await ann.must<Vibe>('POST', `/api/projects/${project.id}/vibes`, { name: 'Keeps' })
    const cuts: Cut[] = []
    for (const name of ['one', 'two', 'three']) {
      const made = await ann.must<Cut>('POST', `/api/vibes/${vibe.id}/cuts`, { name: `bagpipe ${name}` })
      const said = await comment('bagpipe thread', made.id)
      await ann.must('POST', `/api/comments/${said.id}/replies`, { body: 'bagpipe reply' })
      await ann.must('PUT', `/api/cuts/${made.id}/lyrics`, { lyrics: [{ text: 'bagpipe lines', atMs: null }] })
      await uploadFile(app(), ann, made.id, textOf(10), { name: 'bagpipe.txt', kind: 'document' })
      cuts.push(made)
    }
    await ann.must('POST', `/api/cuts/${cuts[2]?.id}/move`, { vibeId: kept.id, after: null })
    await upToDate(ann)
    expect(await found(ann, 'bagpipe', { limit: '25' })).toHaveLength(1 + 3 * 5)
    await ann.must('DELETE', `/api/cuts/${cuts[0]?.id}`)
    await upToDate(ann)
    expect(await found(ann, 'bagpipe', { limit: '25' })).toHaveLength(1 + 2 * 5)
    await ann.must('DELETE', `/api/vibes/${vibe.id}`)
    await upToDate(ann)
    expect(await found(ann, 'bagpipe', { limit: '25' })).toHaveLength(5)
    expect(await differences(app().db)).toEqual([])
    const [thread] = hitsOf(await search(ann, 'bagpipe thread'))
    await ann.must('DELETE', `/api/comments/${thread?.id}`)
    await upToDate(ann)
    expect(await found(ann, 'bagpipe', { types: 'comment' })).toEqual([])
    expect(await differences(app().db)).toEqual([])

    const doomed = await createProject(ann, 'Doomed crumhorn')
    await createCut(ann, doomed.id)
    await upToDate(ann)
    expect(await found(ann, 'crumhorn')).toEqual([`project ${doomed.id}`])
    await ann.must('DELETE', `/api/projects/${doomed.id}`)
    expect(await found(ann, 'crumhorn')).toEqual([])
    await upToDate(ann)
    await expect.poll(() => differences(app().db), { timeout: 30_000 }).toEqual([])
  })

  it('A4 N3 finds what one may read at that moment: members only, a removed one nothing at once', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const task = await owner.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'Tune the hurdygurdy' })
    const stranger = await register(app(), 'Stranger')
    await upToDate(owner)
    expect(await found(viewer, 'hurdygurdy')).toEqual([`task ${task.id}`])
    expect(await search(stranger, 'hurdygurdy')).toMatchObject({ groups: [], near: [], behind: { events: 0 } })
    expect(await found(stranger, 'hurdygurdy', { projectId: project.id })).toEqual([])
    await addMember(owner, project.id, stranger, 'viewer')
    expect(await found(stranger, 'hurdygurdy')).toEqual([`task ${task.id}`])
    await owner.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)
    expect(await found(viewer, 'hurdygurdy')).toEqual([])
    expect(await found(viewer, 'hurdygurdi')).toEqual([])
    await owner.must('DELETE', `/api/projects/${project.id}`)
    for (const person of [owner, stranger]) expect(await found(person, 'hurdygurdy')).toEqual([])
  })

  it('an API token finds what is in its projects', async () => {
    const { project, owner } = await createTeam(app())
    const outside = await createProject(owner, 'Outside didgeridoo')
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'Inside didgeridoo' })
    const { token } = await owner.must<{ token: string }>('POST', '/api/me/tokens', {
      name: 'bot',
      role: 'viewer',
      projectIds: [project.id],
    })
    await upToDate(owner)
    const ask = async (query: string) => {
      const answer = await request<Awaited<ReturnType<typeof search>>>(app().url, 'GET', `/api/search?q=didgeridoo${query}`, {
        token,
      })
      expect(answer.status).toBe(200)
      return hitsOf(answer.body).map(({ id }) => id)
    }
    expect(await ask('')).toEqual([project.id])
    expect(await ask(`&projectId=${outside.id}`)).toEqual([])
    expect(await found(owner, 'didgeridoo')).toHaveLength(2)
  })

  it('N3 what was read before is what a new build reads: the same index', async () => {
    await expect.poll(() => differences(app().db), { timeout: 30_000 }).toEqual([])
    const before = await contents(app().db)
    expect(before.length).toBeGreaterThan(20)
    const { rebuild } = await import('../../../src/features/search/build.ts')
    const query = async ({ text, values }: { text: string; values: unknown[] }) => (await app().db.query(text, values)).rows
    await app().db.query('DELETE FROM "Search" WHERE random() < 0.5')
    await app().db.query(
      `INSERT INTO "Search" SELECT 'comment', gen_random_uuid(), scope, parent, at, 1, tsv FROM "Search" LIMIT 20`,
    )
    expect(await rebuild(query as never)).toBe(true)
    await upToDate(ann)
    expect(await contents(app().db)).toEqual(before)
    expect(await differences(app().db)).toEqual([])
    expect((await search(ann, 'xilophone')).near).toEqual(['xylophone'])
  })
})
