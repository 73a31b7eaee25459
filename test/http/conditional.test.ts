import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { readLog, upTo } from '../support/log.ts'
import { type Answer, createCut, createTeam } from '../support/people.ts'

interface Entity {
  version: number
  [field: string]: unknown
}

describe('ETags', () => {
  const app = useApp()

  /** One of each noun, where it is read, and how it is changed. */
  async function nouns() {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { vibe, cut } = await createCut(owner, project.id)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'hm' })
    const member = `/api/projects/${project.id}/members/${editor.id}`
    const writes: Record<string, { read: string; writes: [method: string, path: string, body?: unknown][] }> = {
      me: { read: '/api/me', writes: [['PATCH', '/api/me', { name: 'Olga' }]] },
      lyrics: {
        read: `/api/cuts/${cut.id}/lyrics`,
        writes: [['PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'la' }] }]],
      },
      comment: {
        read: `/api/comments/${comment.id}`,
        writes: [
          ['PATCH', `/api/comments/${comment.id}`, { body: 'ha' }],
          ['POST', `/api/comments/${comment.id}/resolve`],
          ['POST', `/api/comments/${comment.id}/reopen`],
          ['DELETE', `/api/comments/${comment.id}`],
        ],
      },
      task: {
        read: `/api/tasks/${task.id}`,
        writes: [
          ['PATCH', `/api/tasks/${task.id}`, { title: 'Master' }],
          ['POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null }],
          ['DELETE', `/api/tasks/${task.id}`],
        ],
      },
      cut: {
        read: `/api/cuts/${cut.id}`,
        writes: [
          ['PATCH', `/api/cuts/${cut.id}`, { bpm: 120 }],
          ['POST', `/api/cuts/${cut.id}/move`, { vibeId: vibe.id, after: null }],
          ['DELETE', `/api/cuts/${cut.id}`],
        ],
      },
      vibe: {
        read: `/api/vibes/${vibe.id}`,
        writes: [
          ['PATCH', `/api/vibes/${vibe.id}`, { theme: 'blue' }],
          ['POST', `/api/vibes/${vibe.id}/move`, { after: null }],
          ['DELETE', `/api/vibes/${vibe.id}`],
        ],
      },
      member: {
        read: member,
        writes: [
          ['PATCH', member, { role: 'viewer' }],
          ['DELETE', member],
        ],
      },
      project: {
        read: `/api/projects/${project.id}`,
        writes: [
          ['PATCH', `/api/projects/${project.id}`, { name: 'Later' }],
          ['DELETE', `/api/projects/${project.id}`],
        ],
      },
    }
    return { project, owner, editor, cut, task, nouns: writes }
  }

  it('W6 every entity answers with an ETag, and 304 to a caller who has it', async () => {
    const { owner, nouns: all } = await nouns()
    for (const [noun, { read }] of Object.entries(all)) {
      const known = async (tag: string) => (await owner.call('GET', read, undefined, { 'if-none-match': tag })).status
      const { status, headers, body } = await owner.call<Entity>('GET', read)
      const etag = headers.get('etag') ?? ''
      expect([noun, status]).toEqual([noun, 200])
      expect(etag, noun).toMatch(new RegExp(`^"${body.version}\\.[\\w-]{16}"$`))
      const same = await owner.call('GET', read, undefined, { 'if-none-match': etag })
      expect([noun, same.status, same.headers.get('etag'), same.body]).toEqual([noun, 304, etag, undefined])
      // A cache may weaken a tag: reading compares weakly.
      expect([noun, await known(`W/${etag}`)]).toEqual([noun, 304])
      expect([noun, await known(`"99", ${etag}`)]).toEqual([noun, 304])
      expect([noun, await known('*')]).toEqual([noun, 304])
      // A version alone names no answer.
      for (const other of ['"99"', `${body.version}`, `"${body.version}"`, etag.replace('.', '.x'), etag.replaceAll('"', '')])
        expect([noun, other, await known(other)]).toEqual([noun, other, 200])
    }
  })

  it('W6 creating and changing answer with the new ETag', async () => {
    const { project, owner, editor, task } = await nouns()
    const created = await owner.call<Entity>('POST', `/api/projects/${project.id}/vibes`, { name: 'new' })
    const read = async (path: string) => (await owner.call('GET', path)).headers.get('etag')
    expect(created.headers.get('etag')).toBe(await read(created.headers.get('location') ?? ''))
    const changed = await owner.call<Entity>('PATCH', `/api/tasks/${task.id}`, { title: 'new' }, { 'if-match': '"1"' })
    expect([changed.headers.get('etag'), changed.body.version]).toEqual([await read(`/api/tasks/${task.id}`), 2])
    const member = `/api/projects/${project.id}/members/${editor.id}`
    const role = await owner.call<Entity>('PATCH', member, { role: 'viewer' })
    expect([role.headers.get('etag'), role.body.version]).toEqual([await read(member), 2])
  })

  it('W6 a stale If-Match gives 412 with the entity as it is, for every write of every noun, and changes nothing', async () => {
    const { project, owner, nouns: all } = await nouns()
    const before = await owner.must('GET', `/api/projects/${project.id}/snapshot`)
    for (const [noun, { read, writes }] of Object.entries(all)) {
      const { body: current, headers } = await owner.call<Entity>('GET', read)
      const etag = headers.get('etag') ?? ''
      for (const [method, path, body] of writes)
        for (const tag of [
          '"99"',
          `W/${etag}`,
          `${current.version}`,
          `W/"${current.version}"`,
          '"98", "99"',
          `""`,
          etag.replace('.', ''),
        ]) {
          const refused = await owner.call<{ current: unknown }>(method, path, body, { 'if-match': tag })
          const what = `${method} ${path} ${tag}`
          expect(refused, what).toMatchObject({ status: 412, body: { code: 'stale', status: 412 } })
          expect(refused.body.current, what).toEqual(current)
          expect(refused.headers.get('etag'), `${noun} ${what}`).toBe(etag)
        }
    }
    expect(await owner.must('GET', `/api/projects/${project.id}/snapshot`)).toEqual(before)
  })

  it('W6 the right If-Match, one of several, and * let every write through', async () => {
    const { owner, nouns: all } = await nouns()
    const tags = [
      (etag: string) => etag,
      (etag: string) => `"${Number.parseInt(etag.slice(1), 10)}"`,
      (etag: string) => `"99", ${etag}`,
      () => '*',
    ]
    for (const [noun, { read, writes }] of Object.entries(all))
      for (const [method, path, body] of writes)
        for (const tag of method === 'DELETE' ? tags.slice(0, 1) : tags) {
          const ifMatch = tag((await owner.call('GET', read)).headers.get('etag') ?? '')
          const answer = await owner.call(method, path, body, { 'if-match': ifMatch })
          expect([noun, method, ifMatch, answer.status]).toEqual([noun, method, ifMatch, method === 'DELETE' ? 204 : 200])
        }
  })

  it('W6 If-Match on a thing that is gone gives 404', async () => {
    const { owner, task } = await nouns()
    await owner.must('DELETE', `/api/tasks/${task.id}`)
    for (const tag of ['"1"', '*'])
      expect((await owner.call('PATCH', `/api/tasks/${task.id}`, { title: 'x' }, { 'if-match': tag })).status).toBe(404)
  })

  /** Of N that started from one version one wins; the others are shown what the winner wrote. */
  function expectOneWinner(answers: Answer<Entity & { current?: Entity }>[], current: Entity): void {
    const won = answers.filter((answer) => answer.status === 200)
    expect(won.map((answer) => answer.body)).toEqual([current])
    for (const answer of answers)
      if (answer.status !== 200) {
        expect(answer).toMatchObject({ status: 412, body: { code: 'stale' } })
        expect(answer.body.current).toEqual(current)
      }
  }

  it('W6 of 20 parallel changes with one ETag exactly one succeeds: tasks, cuts, lyrics, moves, me', async () => {
    const { project, owner, editor, cut, task } = await nouns()
    const races: [read: string, method: string, path: string, body: (n: number) => unknown][] = [
      [`/api/tasks/${task.id}`, 'PATCH', `/api/tasks/${task.id}`, (n) => ({ title: `by ${n}` })],
      [`/api/tasks/${task.id}`, 'POST', `/api/tasks/${task.id}/move`, (n) => ({ status: n % 2 ? 'doing' : 'done', after: null })],
      [`/api/cuts/${cut.id}`, 'PATCH', `/api/cuts/${cut.id}`, (n) => ({ bpm: 60 + n })],
      [`/api/cuts/${cut.id}/lyrics`, 'PUT', `/api/cuts/${cut.id}/lyrics`, (n) => ({ lyrics: [{ atMs: n, text: `line ${n}` }] })],
    ]
    for (const [read, method, path, body] of races) {
      const { headers, body: before } = await owner.call<Entity>('GET', read)
      const etag = headers.get('etag') ?? ''
      const answers = await Promise.all(
        upTo(20).map((n) => (n % 2 ? owner : editor).call<Entity>(method, path, body(n), { 'if-match': etag })),
      )
      const current = await owner.must<Entity>('GET', read)
      expect(current.version).toBe(before.version + 1)
      expectOneWinner(answers, current)
    }
    const log = await readLog(owner, project.id)
    expect(log.slice(-4).map((event) => event.name)).toEqual(['task:updated', 'task:moved', 'cut:updated', 'lyrics:updated'])

    const renames = await Promise.all(
      upTo(20).map((n) => owner.call<Entity>('PATCH', '/api/me', { name: `Olga ${n}` }, { 'if-match': '"1"' })),
    )
    expectOneWinner(renames, await owner.must<Entity>('GET', '/api/me'))
  })

  it('W6 of 20 parallel deletions with the right ETag one succeeds, the others find nothing', async () => {
    const { project, owner, task } = await nouns()
    const answers = await Promise.all(
      upTo(20).map(() => owner.call('DELETE', `/api/tasks/${task.id}`, undefined, { 'if-match': '"1"' })),
    )
    expect(answers.map((answer) => answer.status).sort()).toEqual([204, ...upTo(19).map(() => 404)])
    expect((await readLog(owner, project.id)).filter((event) => event.name === 'task:deleted')).toHaveLength(1)
  })
})
