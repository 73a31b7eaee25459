import { type Comment, MANY_COMMENTS, type Markers, type Problem } from '@cutroom/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientOf } from '../../client/clients.ts'
import { useApp } from '../../support/app.ts'
import { completeTake, cutIn, textOf, uploadFile } from '../../support/files.ts'
import { readLog } from '../../support/log.ts'
import { createTeam, type Person } from '../../support/people.ts'

const app = useApp()

async function given() {
  const team = await createTeam(app(), 'editor', 'commenter', 'viewer')
  const { owner, editor, commenter, viewer } = team
  const cutId = await cutIn(owner, team.project)
  let takes = 0
  const take = (name = 'Morning, rough mix.wav') =>
    completeTake(app(), editor, cutId, ++takes, { name, durationMs: 2_147_483_647 })
  const file = await take()
  const say = (body: string, atMs: number | null, endMs: number | null = null, fileId: string | null = file.id) =>
    commenter.must<Comment>('POST', `/api/cuts/${cutId}/comments`, { body, atMs, endMs, fileId })
  const get = (query = '', who: Pick<Person, 'token'> = viewer, fileId = file.id, headers = {}) =>
    fetch(`${app().url}/api/files/${fileId}/markers${query}`, { headers: { authorization: `Bearer ${who.token}`, ...headers } })
  /** As bytes, since reading a text drops its byte order mark. */
  const text = async (query: string, fileId = file.id) =>
    new TextDecoder('utf-8', { ignoreBOM: true }).decode(await (await get(query, viewer, fileId)).arrayBuffer())
  const put = (csv: unknown, fileId = file.id, who = commenter) =>
    who.call<{ data: Comment[] } & Problem>('POST', `/api/files/${fileId}/markers`, { csv })
  const count = async () => (await viewer.must<{ data: Comment[] }>('GET', `/api/cuts/${cutId}/comments?limit=200`)).data.length
  return { ...team, projectId: team.project.id, cutId, take, file, say, get, text, put, count }
}

const HEAD = 'atMs,endMs,body'
const marks = (comments: { atMs: number | null; endMs: number | null; body: string }[]) =>
  comments.map(({ atMs, endMs, body }) => ({ atMs, endMs, body }))

describe('markers of a take', () => {
  it('are exported as JSON, CSV, labels and regions, as they are heard, and each as a file to save', async () => {
    const { owner, commenter, say, get, text, file } = await given()
    const late = await say('Fade\r\n"out"', 3_723_004, 3_725_000)
    const early = await say('=1+1', 42_000)
    const done = await say('Ένα 𝄞 ‮right‬', 42_000, 42_000)
    await owner.must('POST', `/api/comments/${done.id}/resolve`)
    await owner.must('POST', `/api/comments/${early.id}/replies`, { body: 'no marker' })
    await say('elsewhere', 5, null, null)
    await say('no moment', null)
    const json = await get()
    expect(json.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const { markers, ...rest } = (await json.json()) as Markers
    expect(rest).toEqual({ fileId: file.id, name: 'Morning, rough mix.wav', take: 1 })
    expect(marks(markers)).toEqual(marks([early, done, late]))
    expect(markers.map(({ commentId, author, resolvedAt }) => [commentId, author.id, resolvedAt === null])).toEqual(
      [early, done, late].map(({ id }) => [id, commenter.id, id !== done.id]),
    )
    expect(await text('?format=csv')).toBe(
      '\uFEFFatMs,endMs,body,author\r\n' +
        "42000,,'=1+1,Mo commenter\r\n" +
        '42000,42000,Ένα 𝄞 ‮right‬,Mo commenter\r\n' +
        '3723004,3725000,"Fade\r\n""out""",Mo commenter\r\n',
    )
    expect(await text('?format=audacity')).toBe(
      '42.000000\t42.000000\t=1+1\n42.000000\t42.000000\tΈνα 𝄞 ‮right‬\n3723.004000\t3725.000000\tFade "out"\n',
    )
    expect(await text('?format=reaper')).toBe(
      "#,Name,Start,End,Length\r\nM1,'=1+1,0:00:42.000,,\r\nM2,Ένα 𝄞 ‮right‬,0:00:42.000,,\r\n" +
        'R1,"Fade ""out""",1:02:03.004,1:02:05.000,0:00:01.996\r\n',
    )
    expect((await text('?format=csv&resolved=true')).split('\r\n')).toHaveLength(3)
    expect(await text('?format=audacity&resolved=false')).not.toContain('Ένα')
    for (const [format, type, ending] of [
      ['json', 'application/json; charset=utf-8', 'json'],
      ['csv', 'text/csv; charset=utf-8', 'csv'],
      ['audacity', 'text/plain; charset=utf-8', 'txt'],
      ['reaper', 'text/csv; charset=utf-8', 'csv'],
    ] as const) {
      const { headers } = await get(`?format=${format}`)
      expect(headers.get('content-type')).toBe(type)
      expect(headers.get('content-disposition')).toContain(`attachment; filename="Morning, rough mix.markers.${ending}"`)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toContain('private')
      const tag = headers.get('etag') ?? ''
      expect((await get(`?format=${format}`, owner, file.id, { 'if-none-match': tag })).status).toBe(304)
    }
    for (const query of ['?format=xml', '?format=csv&format=csv', '?resolved=yes', '?more=1'])
      expect((await get(query)).status).toBe(422)
  })

  it('are values of the typed client: JSON as an object, the others as text', async () => {
    const { owner, say, file } = await given()
    await say('Louder', 42_000)
    const { client } = clientOf(app(), owner)
    const json = await client.api.markers.get({ fileId: file.id })
    expect(json).toMatchObject({ fileId: file.id, markers: [{ body: 'Louder', atMs: 42_000 }] })
    const csv = await client.api.markers.get({ fileId: file.id, format: 'csv' })
    expect(csv).toBe('atMs,endMs,body,author\r\n42000,,Louder,Mo commenter\r\n')
    const { data } = await client.api.markers.import({ fileId: file.id, csv: String(csv) })
    expect(data).toMatchObject([{ body: 'Louder', author: { id: owner.id } }])
    await expect(client.api.markers.import({ fileId: file.id, csv: 'x' })).rejects.toMatchObject({ code: 'validation' })
  })

  it('A1 are read by members only, and are as they are now', async () => {
    const { owner, editor, projectId, say, get, file, text } = await given()
    const stranger = (await createTeam(app())).owner
    const note = await say('soon gone', 7)
    expect(await text('?format=csv')).toContain('soon gone')
    expect((await get('', stranger)).status).toBe(404)
    expect((await fetch(`${app().url}/api/files/${file.id}/markers`)).status).toBe(401)
    await owner.must('DELETE', `/api/comments/${note.id}`)
    expect(await text('?format=csv')).not.toContain('soon gone')
    await owner.must('DELETE', `/api/projects/${projectId}/members/${editor.id}`)
    expect((await get('', editor)).status).toBe(404)
    await owner.must('DELETE', `/api/files/${file.id}`)
    expect((await get()).status).toBe(404)
  })

  it('B1 are at most 2,000 and 2 MiB in one answer', async () => {
    const { commenter, projectId, cutId, file, get, take } = await given()
    const fill = (fileId: string, count: number, body: string) =>
      app().db.query(
        `INSERT INTO "Comment" (id, "projectId", "cutId", "fileId", "atMs", "authorId", body, "resolvedAt", "resolvedById")
         SELECT gen_random_uuid(), $1, $2, $3, n, $4, $6, CASE WHEN n % 2 = 0 THEN now() END, CASE WHEN n % 2 = 0 THEN $4::uuid END
         FROM generate_series(1, $5::int) AS n`,
        [projectId, cutId, fileId, commenter.id, count, body],
      )
    await fill(file.id, 2_000, 'x')
    expect(((await (await get()).json()) as Markers).markers).toHaveLength(2_000)
    await fill(file.id, 1, 'x')
    const refused = await get('?format=csv')
    expect([refused.status, ((await refused.json()) as Problem).code]).toEqual([409, 'too-many'])
    expect((await get('?format=csv&resolved=true')).status).toBe(200)
    const { id } = await take()
    await fill(id, 250, 'x'.repeat(10_000))
    expect((await get('', undefined, id)).status).toBe(409)
    expect((await get('?resolved=false', undefined, id)).status).toBe(200)
  })
})

describe('markers that are imported', () => {
  it('D4 are comments of who imports them, in the order of the rows; answer, log and list have the same', async () => {
    const { owner, commenter, projectId, cutId, file, put } = await given()
    const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${projectId}/events?limit=1`)
    const answer = await put(`\uFEFFbody, endMs ,atMs,author\r\n"two, three",,20,Olga\n''=1,15,10,\r"=x",,0,'=y\n\n`)
    expect(answer.status).toBe(200)
    const { data } = answer.body
    expect(marks(data)).toEqual([
      { atMs: 20, endMs: null, body: 'two, three' },
      { atMs: 10, endMs: 15, body: `'=1` },
      { atMs: 0, endMs: null, body: '=x' },
    ])
    for (const comment of data)
      expect(comment).toMatchObject({ cutId, fileId: file.id, parentId: null, author: { id: commenter.id }, resolvedAt: null })
    const logged = await readLog(owner, projectId, head)
    expect(logged.map(({ name, payload }) => [name, payload])).toEqual(data.map((comment) => ['comment:created', comment]))
    expect((await owner.must<{ data: Comment[] }>('GET', `/api/cuts/${cutId}/comments`)).data).toEqual(data)
  })

  it('M3 are equal to those that were exported, whatever people write', async () => {
    const { take, text, put, owner, cutId } = await given()
    const piece = fc.constantFrom(
      '"',
      ',',
      '\n',
      '\r\n',
      '\r',
      "'",
      '=',
      '+',
      '-',
      '@',
      '\t',
      ' ',
      '\u2028',
      '‮',
      '👩‍👩‍👧',
      'é',
      'a',
    )
    const body = fc
      .tuple(fc.array(piece, { maxLength: 8 }), fc.string({ unit: 'grapheme', maxLength: 20 }), fc.array(piece, { maxLength: 4 }))
      .map(([before, words, after]) => `${before.join('')}${words}x${after.join('')}`)
    const marker = fc
      .record({ atMs: fc.nat({ max: 2_147_483_647 }), length: fc.option(fc.nat({ max: 2_147_483_647 })), body })
      .map(({ atMs, length, body }) => ({ atMs, endMs: length === null ? null : Math.min(atMs + length, 2_147_483_647), body }))
    await fc.assert(
      fc.asyncProperty(fc.array(marker, { minLength: 1, maxLength: 12 }), async (given) => {
        const [from, to] = [await take(), await take()]
        const made: Comment[] = []
        for (const each of given) made.push(await owner.must('POST', `/api/cuts/${cutId}/comments`, { ...each, fileId: from.id }))
        const csv = await text('?format=csv', from.id)
        const { status, body } = await put(csv, to.id)
        expect({ status, body }).toMatchObject({ status: 200 })
        expect(marks(body.data)).toEqual(marks(made.toSorted((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0) || (a.id < b.id ? -1 : 1))))
        expect((await text('?format=csv', to.id)).replaceAll('Mo commenter', 'Olga Owner')).toBe(csv)
      }),
      { numRuns: 15 },
    )
  })

  it('W1 are all refused where one row is, which the problem names', async () => {
    const { owner, projectId, put, count } = await given()
    const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${projectId}/events?limit=1`)
    const bad: [csv: string, said: RegExp[]][] = [
      ['', [/^row 1: the column atMs is missing$/]],
      ['atMs,body\n', [/^row 1: the column endMs is missing$/]],
      [`${HEAD},colour\n`, [/^row 1: there is no column "colour"$/]],
      [`${HEAD},atMs\n`, [/^row 1: a column is there twice$/]],
      ['#,Name,Start,End,Length\r\nM1,x,0:00:01.000,,\r\n', [/^row 1: there is no column "#"$/]],
      [`${HEAD}\n1,,fine\n2,3\n4,,fine,more\n`, [/^row 3: has 2 cells, and there are 3 columns$/, /^row 4: has 4 cells/]],
      [
        `${HEAD}\n1,,fine\n\n-1,,x\n1.5,,x\n1e3,,x\n"1,000",,x\n,,x\n2147483648,,x\n`,
        [4, 5, 6, 7, 8, 9].map((n) => RegExp(`^row ${n}: atMs`)),
      ],
      [`${HEAD}\n9,8,x\n9,x,x\n`, [/^row 2: endMs needs atMs and must not come before it$/, /^row 3: endMs/]],
      [`${HEAD}\n1,,\n1,,"  \u200b"\n1,,${'x'.repeat(10_001)}\n`, [/^row 2: body/, /^row 3: body/, /^row 4: body/]],
      [`${HEAD}\n1,,fine\n2,,"not closed\n3,,fine\n`, [/^row 3: a quote/]],
      [`${HEAD}\n${'1,,x\n'.repeat(MANY_COMMENTS + 1)}`, [/^row 1002: there are more than 1000 markers$/]],
    ]
    for (const [csv, said] of bad) {
      const { status, body } = await put(csv)
      expect({ csv: csv.slice(0, 80), status, code: body.code }).toEqual({
        csv: csv.slice(0, 80),
        status: 422,
        code: 'validation',
      })
      expect(body.errors?.map(({ detail }) => detail)).toEqual(said.map((each) => expect.stringMatching(each)))
      expect(new Set(body.errors?.map(({ pointer }) => pointer))).toEqual(new Set(['/csv']))
    }
    for (const csv of [undefined, null, 7, ['x'], 'x'.repeat(256 * 1024 + 1), `${HEAD}\n1,,a\u0000b`, `${HEAD}\n1,,\ud800`])
      expect((await put(csv)).status).toBe(422)
    const many = await put(`${HEAD}\n${'x,,x\n'.repeat(500)}`)
    expect(many.body.errors).toHaveLength(20)
    expect(await count()).toBe(0)
    expect((await readLog(owner, projectId, head)).length).toBe(0)
  })

  it('B1 are up to 1,000 and 256 KiB at once', async () => {
    const { put, get } = await given()
    const rows = Array.from({ length: MANY_COMMENTS }, (_, n) => `${n},,${'y'.repeat(250)}\r\n`).join('')
    const { status, body } = await put(`${HEAD}\r\n${rows}`)
    expect(status).toBe(200)
    expect(body.data.map(({ atMs }) => atMs)).toEqual(Array.from({ length: MANY_COMMENTS }, (_, n) => n))
    expect(((await (await get()).json()) as Markers).markers).toHaveLength(MANY_COMMENTS)
  })

  it('A3 are written by commenters, on recordings, within what is heard of them', async () => {
    const { owner, viewer, cutId, put, count } = await given()
    const csv = `${HEAD}\n2000,,end\n`
    expect(await put(csv, undefined, viewer)).toMatchObject({ status: 403 })
    const stranger = (await createTeam(app())).owner
    expect(await put(csv, undefined, stranger)).toMatchObject({ status: 404 })
    const text = await uploadFile(app(), owner, cutId, textOf(100))
    expect(await put(csv, text.id)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await count()).toBe(0)
    const { id } = await completeTake(app(), owner, cutId, 9, { durationMs: 2000 })
    expect((await put(csv, id)).status).toBe(200)
    const beyond = await put(`${HEAD}\n0,,fine\n1999,2001,x\n2001,,x\n`, id)
    expect(beyond.body.errors?.map(({ detail }) => detail)).toEqual([
      'row 3: is beyond the end of the recording, 2000',
      'row 4: is beyond the end of the recording, 2000',
    ])
    expect(await count()).toBe(1)
  })

  it('W4 are written once for one Idempotency-Key', async () => {
    const { commenter, file, count } = await given()
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const send = (csv: string) => commenter.call('POST', `/api/files/${file.id}/markers`, { csv }, headers)
    const first = await send(`${HEAD}\n1,,a\n2,,b\n`)
    const again = await send(`${HEAD}\n1,,a\n2,,b\n`)
    expect([again.status, again.body]).toEqual([200, first.body])
    expect((await send(`${HEAD}\n1,,a\n`)).status).toBe(422)
    expect(await count()).toBe(2)
  })
})
