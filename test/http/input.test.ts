import { beforeAll, describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { readLog } from '../support/log.ts'
import { createCut, createTeam, PASSWORD, type Person, request } from '../support/people.ts'

const app = useApp()
let owner: Person
let editor: Person
let project: string
let at: { vibe: string; cut: string; task: string; comment: string }

beforeAll(async () => {
  const team = await createTeam(app(), 'editor')
  ;({ owner, editor } = team)
  project = team.project.id
  const { vibe, cut } = await createCut(owner, project)
  const make = async (path: string, body: object) => (await owner.must<{ id: string }>('POST', path, body)).id
  at = {
    vibe: vibe.id,
    cut: cut.id,
    task: await make(`/api/projects/${project}/tasks`, { title: 'Mix', labels: ['a', 'b'], dueAt: '2027-01-01T00:00:00Z' }),
    comment: await make(`/api/cuts/${cut.id}/comments`, { body: 'hm' }),
  }
})

type Write = [method: string, path: string, body: object]

describe('one-line texts', () => {
  /** Every place where a line of text is written, with the text in it. */
  const lines = (text: string): Write[] => [
    ['POST', '/api/auth/register', { email: `${crypto.randomUUID()}@example.com`, password: PASSWORD, name: text }],
    ['PATCH', '/api/me', { name: text }],
    ['POST', '/api/projects', { name: text }],
    ['PATCH', `/api/projects/${project}`, { name: text }],
    ['POST', `/api/projects/${project}/tasks`, { title: text }],
    ['POST', `/api/projects/${project}/tasks`, { title: 'A', labels: ['a', text] }],
    ['PATCH', `/api/tasks/${at.task}`, { title: text }],
    ['PATCH', `/api/tasks/${at.task}`, { labels: [text] }],
    ['POST', `/api/projects/${project}/vibes`, { name: text }],
    ['PATCH', `/api/vibes/${at.vibe}`, { name: text }],
    ['POST', `/api/vibes/${at.vibe}/cuts`, { name: text }],
    ['PATCH', `/api/cuts/${at.cut}`, { name: text }],
  ]
  const bodies = (text: string): Write[] => [
    ['POST', `/api/cuts/${at.cut}/comments`, { body: text }],
    ['POST', `/api/tasks/${at.task}/comments`, { body: text }],
    ['POST', `/api/comments/${at.comment}/replies`, { body: text }],
    ['PATCH', `/api/comments/${at.comment}`, { body: text }],
  ]
  const refused = async (writes: Write[], text: string) => {
    for (const [method, path, body] of writes) {
      const { status } = await owner.call(method, path, body)
      expect([method, path, JSON.stringify(text), status]).toEqual([method, path, JSON.stringify(text), 422])
    }
  }

  it('A3 a text of invisible characters only is refused, in comments too', async () => {
    for (const text of [
      '\u200b',
      '\u2060\ufeff',
      '\u00ad',
      '\u3164',
      '\u2800',
      '\u200e\u202e',
      '\u180e',
      '\u115f\u1160',
      '\ufe0f',
      '\u0001',
      '\u{e0001}',
    ])
      await refused([...lines(text), ...bodies(text)], text)
    await refused(bodies('\n \u200b\n'), 'lines of nothing')
    for (const text of ['👩‍👩‍👧', 'क्ष', 'ـ', '‮rtl', '\u200bA'])
      for (const [method, path, body] of [...lines(text), ...bodies(text)].slice(1)) {
        const { status } = await owner.call(method, path, body)
        expect([method, path, text, status < 300]).toEqual([method, path, text, true])
      }
  })

  it('A3 line breaks inside are refused; white space around is trimmed', async () => {
    for (const text of ['a\nb', 'a\r\nb', 'a\rb', 'a\u2028b', 'a\u2029b', 'a\u0085b', 'a\vb', 'a\fb'])
      await refused(lines(text), text)
    expect((await owner.call('PATCH', '/api/me', { avatarUrl: 'https://example.com/a\u2028b' })).status).toBe(422)
    expect(await owner.must('PATCH', '/api/me', { avatarUrl: 'https://example.com/a\nb' })).toMatchObject({
      avatarUrl: 'https://example.com/ab',
    })
    expect(await owner.must('PATCH', `/api/cuts/${at.cut}`, { name: ' one line\n' })).toMatchObject({ name: 'one line' })
    expect(await owner.must('PATCH', `/api/comments/${at.comment}`, { body: 'a\nb' })).toMatchObject({ body: 'a\nb' })
  })

  it('A3 labels of one list must differ', async () => {
    for (const labels of [
      ['a', 'a'],
      ['a', ' a '],
      ['é', 'e\u0301'],
    ])
      for (const [method, path, body] of [
        ['POST', `/api/projects/${project}/tasks`, { title: 'A', labels }],
        ['PATCH', `/api/tasks/${at.task}`, { labels }],
      ] as const)
        expect([labels, (await owner.call(method, path, body)).status]).toEqual([labels, 422])
    expect((await owner.call('PATCH', `/api/tasks/${at.task}`, { labels: ['a', 'A', 'b'] })).status).toBe(200)
  })

  it('A3 a time signature must have beats', async () => {
    for (const timeSignature of ['0/4', '00/4', '04/4', '4/0', '4/04'])
      expect([timeSignature, (await owner.call('PATCH', `/api/cuts/${at.cut}`, { timeSignature })).status]).toEqual([
        timeSignature,
        422,
      ])
    for (const timeSignature of ['1/1', '10/8', '99/32'])
      expect((await owner.call('PATCH', `/api/cuts/${at.cut}`, { timeSignature })).status).toBe(200)
  })
})

describe('numbers in a query', () => {
  it('A3 a number in a query must be plain digits', async () => {
    const lists = ['/api/projects', ...['members', 'tasks', 'vibes', 'events'].map((list) => `/api/projects/${project}/${list}`)]
    lists.push(`/api/vibes/${at.vibe}/cuts`, `/api/cuts/${at.cut}/comments`, `/api/tasks/${at.task}/comments`)
    const odd = ['0x10', '1e1', '%2B1', '1.0', '%201', '1%20', '010', '0b1', '', '１']
    for (const path of lists)
      for (const value of odd)
        for (const name of path.endsWith('/events') ? ['limit', 'after'] : ['limit'])
          expect([path, name, value, (await owner.call('GET', `${path}?${name}=${value}`)).status]).toEqual([
            path,
            name,
            value,
            422,
          ])
    expect((await owner.call('GET', `/api/projects/${project}/events?after=0&limit=10`)).status).toBe(200)
  })
})

describe('a write that changes nothing', () => {
  it('W1 makes no event and no new version: equal values, or a move to the same place', async () => {
    const second = await createCut(owner, project)
    const other = await owner.must<{ id: string }>('POST', `/api/projects/${project}/tasks`, { title: 'Other' })
    const cutBehind = await owner.must<{ id: string }>('POST', `/api/vibes/${at.vibe}/cuts`, { name: 'Behind' })
    await owner.must('POST', `/api/tasks/${at.task}/move`, { status: 'review', after: null })
    await owner.must('POST', `/api/tasks/${other.id}/move`, { status: 'review', after: at.task })
    const lyrics = { lyrics: [{ atMs: 5, text: 'la' }, { text: '' }] }
    await owner.must('PUT', `/api/cuts/${at.cut}/lyrics`, lyrics)
    const full = async (path: string) => (await owner.call<Record<string, unknown>>('GET', path)).body
    const task = await full(`/api/tasks/${at.task}`)
    const vibe = await full(`/api/vibes/${at.vibe}`)
    const cut = await full(`/api/cuts/${at.cut}`)
    const fields = (from: Record<string, unknown>, ...names: string[]) =>
      Object.fromEntries(names.map((name) => [name, from[name]]))
    const member = `/api/projects/${project}/members/${editor.id}`
    const writes: [read: string, ...Write][] = [
      ['/api/me', 'PATCH', '/api/me', fields(await full('/api/me'), 'name', 'avatarUrl')],
      [
        `/api/projects/${project}`,
        'PATCH',
        `/api/projects/${project}`,
        fields(await full(`/api/projects/${project}`), 'name', 'description'),
      ],
      [member, 'PATCH', member, { role: 'editor' }],
      [
        `/api/tasks/${at.task}`,
        'PATCH',
        `/api/tasks/${at.task}`,
        fields(task, 'title', 'description', 'assigneeId', 'dueAt', 'labels'),
      ],
      [`/api/tasks/${at.task}`, 'PATCH', `/api/tasks/${at.task}`, { dueAt: '2027-01-01T01:00:00+01:00' }],
      [`/api/tasks/${at.task}`, 'POST', `/api/tasks/${at.task}/move`, { status: 'review', after: null }],
      [`/api/tasks/${other.id}`, 'POST', `/api/tasks/${other.id}/move`, { status: 'review', after: at.task }],
      [`/api/vibes/${at.vibe}`, 'PATCH', `/api/vibes/${at.vibe}`, fields(vibe, 'name', 'theme', 'notes')],
      [`/api/cuts/${at.cut}`, 'PATCH', `/api/cuts/${at.cut}`, fields(cut, 'name', 'bpm', 'timeSignature')],
      [`/api/cuts/${second.cut.id}`, 'POST', `/api/cuts/${second.cut.id}/move`, { vibeId: second.vibe.id, after: null }],
      [`/api/cuts/${at.cut}/lyrics`, 'PUT', `/api/cuts/${at.cut}/lyrics`, lyrics],
      [`/api/cuts/${cutBehind.id}/lyrics`, 'PUT', `/api/cuts/${cutBehind.id}/lyrics`, { lyrics: [] }],
      [
        `/api/comments/${at.comment}`,
        'PATCH',
        `/api/comments/${at.comment}`,
        fields(await full(`/api/comments/${at.comment}`), 'body'),
      ],
      [`/api/comments/${at.comment}`, 'POST', `/api/comments/${at.comment}/reopen`, {}],
    ]
    const log = await readLog(owner, project)
    for (const [read, method, path, body] of writes) {
      const before = await owner.call('GET', read)
      const headers = { 'if-match': before.headers.get('etag') ?? '', 'idempotency-key': crypto.randomUUID() }
      for (const repeated of [false, true]) {
        const answer = await owner.call(method, path, body, headers)
        const same = [answer.status, answer.headers.get('etag'), answer.body]
        expect([method, path, repeated, ...same]).toEqual([method, path, repeated, 200, before.headers.get('etag'), before.body])
      }
      const stale = await owner.call(method, path, body, { 'if-match': '"99"' })
      expect([method, path, stale.status]).toEqual([method, path, 412])
    }
    expect(await readLog(owner, project)).toEqual(log)
    // Another place is another place.
    await owner.must('POST', `/api/tasks/${other.id}/move`, { status: 'review', after: null })
    await owner.must('POST', `/api/tasks/${other.id}/move`, { status: 'done', after: null })
    expect((await readLog(owner, project)).slice(log.length).map(({ name }) => name)).toEqual(['task:moved', 'task:moved'])
  })
})

describe('lyrics at the limits of the contract', () => {
  const full = (text: string) => Array.from({ length: 1_000 }, () => ({ atMs: 2_147_483_647, text }))

  it('B1 are accepted in any characters and any encoding of them; beyond the limits they are refused', async () => {
    const path = `/api/cuts/${at.cut}/lyrics`
    const write = (body: string) =>
      fetch(app().url + path, {
        method: 'PUT',
        headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
        body,
      })
    for (const text of ['x'.repeat(1_000), '我'.repeat(1_000), '𝄞'.repeat(500), '"'.repeat(1_000)]) {
      const lyrics = full(text)
      const answer = await write(JSON.stringify({ lyrics }))
      expect([text.slice(0, 2), answer.status]).toEqual([text.slice(0, 2), 200])
      expect(((await answer.json()) as { lyrics: unknown }).lyrics).toEqual(lyrics)
    }
    const escaped = JSON.stringify({ lyrics: full('ж'.repeat(1_000)) }).replaceAll('ж', '\\u0436')
    expect((await write(escaped)).status).toBe(200)
    expect((await request(app().url, 'GET', path, { token: editor.token })).status).toBe(200)
    expect((await write(JSON.stringify({ lyrics: full('x'.repeat(1_001)) }))).status).toBe(422)
    expect((await write(JSON.stringify({ lyrics: [...full('x'), { text: 'x' }] }))).status).toBe(422)
    expect((await write(`{"lyrics":[]${' '.repeat(7_000_000)}}`)).status).toBe(413)
    // Others are as they were.
    expect((await owner.call('PATCH', `/api/cuts/${at.cut}`, { name: 'x'.repeat(300_000) })).status).toBe(413)
  })
})
