import { randomUUID } from 'node:crypto'
import { readdir, rename } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { File } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../../support/app.ts'
import { beginUpload, bytesOf, cutIn, download, metadataOf, sha256, textOf, tus, wavOf, zipOf } from '../../support/files.ts'
import { createTeam, type Person } from '../../support/people.ts'
import { until } from '../../support/until.ts'

const app = useApp({ env: { CORS_ORIGINS: 'https://app.example.com' } })

async function given() {
  const team = await createTeam(app(), 'editor', 'commenter')
  return { ...team, cutId: await cutIn(team.owner, team.project) }
}

const patch = (person: Pick<Person, 'token'>, path: string, offset: number, bytes: Uint8Array) =>
  tus(app(), person, 'PATCH', path, { 'upload-offset': `${offset}` }, bytes)
const offsetOf = async (person: Person, path: string) =>
  Number((await tus(app(), person, 'HEAD', path)).headers.get('upload-offset'))
const leftovers = async () => (await readdir(join(app().config.dataDir, 'uploads'))).length

/** Sends the head of a PATCH and a part of its body, and cuts the connection. */
async function cutOff(person: Person, path: string, offset: number, length: number, part: Buffer): Promise<void> {
  const before = await offsetOf(person, path)
  const socket = connect(Number(new URL(app().url).port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write(
    `PATCH ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${person.token}\r\ntus-resumable: 1.0.0\r\n` +
      `upload-offset: ${offset}\r\ncontent-type: application/offset+octet-stream\r\ncontent-length: ${length}\r\n\r\n`,
  )
  socket.write(part)
  const { folder } = { folder: join(app().config.dataDir, 'uploads') }
  await until('a part has come', async () => {
    const { stat } = await import('node:fs/promises')
    return (await stat(join(folder, `${path.split('/').at(-1)}.partial`))).size > before
  })
  socket.destroy()
}

describe('an upload in parts', () => {
  it('M1 goes on where it was cut, and becomes one file with the bytes that were sent', async () => {
    const { editor, cutId, project } = await given()
    const bytes = zipOf(3_000_000)
    const path = await beginUpload(app(), editor, bytes.length, { cutId, filename: 'stems.zip' })
    expect(path).toMatch(/^\/api\/uploads\/[0-9a-f-]{36}$/)
    for (let n = 0; n < 3; n++) {
      const at = await offsetOf(editor, path)
      await cutOff(editor, path, at, bytes.length - at, bytes.subarray(at, at + 400_000))
    }
    const at = await offsetOf(editor, path)
    expect(at).toBeGreaterThan(0)
    const last = await patch(editor, path, at, bytes.subarray(at))
    expect([last.status, last.headers.get('upload-offset')]).toEqual([204, `${bytes.length}`])
    const fileId = last.headers.get('cutroom-file') ?? ''
    const file = await editor.must<File>('GET', `/api/files/${fileId}`)
    expect(file).toMatchObject({
      kind: 'stems',
      size: bytes.length,
      sha256: sha256(bytes),
      name: 'stems.zip',
      author: { id: editor.id },
    })
    expect((await bytesOf(await download(app(), editor, fileId))).equals(bytes)).toBe(true)
    expect(Number(last.headers.get('cutroom-seq'))).toBeGreaterThan(0)
    // Whose answer was lost asks again: it is one file.
    const again = await tus(app(), editor, 'HEAD', path)
    expect([again.status, again.headers.get('cutroom-file')]).toEqual([200, fileId])
    expect((await patch(editor, path, bytes.length, Buffer.alloc(0))).headers.get('cutroom-file')).toBe(fileId)
    const { data } = await editor.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/files`)
    expect(data).toHaveLength(1)
    expect(await leftovers()).toBe(0)
  })

  it('M1 takes the first bytes with the creation', async () => {
    const { editor, cutId } = await given()
    const bytes = textOf(5000)
    const answer = await tus(
      app(),
      editor,
      'POST',
      '/api/uploads',
      { 'upload-length': '5000', 'upload-metadata': metadataOf({ cutId, filename: 'notes.txt', name: 'Notes' }) },
      bytes,
    )
    expect([answer.status, answer.headers.get('upload-offset')]).toEqual([201, '5000'])
    const file = await editor.must<File>('GET', `/api/files/${answer.headers.get('cutroom-file')}`)
    expect(file).toMatchObject({ name: 'Notes', kind: 'document', sha256: sha256(bytes) })
  })

  it('M3 refuses what it may not take before the first byte: who, where, how much, and without a word about the cut', async () => {
    const { owner, commenter, cutId, project } = await given()
    const stranger = await createTeam(app())
    const begin = async (person: Pick<Person, 'token'>, length: string, metadata: string, more: Record<string, string> = {}) =>
      (await tus(app(), person, 'POST', '/api/uploads', { 'upload-length': length, 'upload-metadata': metadata, ...more })).status
    const metadata = metadataOf({ cutId, filename: 'a.wav' })
    expect(await begin({ token: 'none' }, '10', metadata)).toBe(401)
    expect(await begin(commenter, '10', metadata)).toBe(403)
    expect(await begin(stranger.owner, '10', metadata)).toBe(404)
    expect(await begin(owner, '600000000', metadata)).toBe(413)
    expect(await begin(owner, '6000000', metadataOf({ cutId, filename: 'a.png', kind: 'image' }))).toBe(413)
    expect(await begin(owner, '0', metadata)).toBe(422)
    for (const length of ['-1', '1e3', '', '0x10', '99999999999999999999'])
      expect(await begin(owner, length, metadata), length).toBe(400)
    expect(await begin(owner, '10', '')).toBe(400)
    expect(await begin(owner, '10', 'cutId !!!')).toBe(400)
    expect(await begin(owner, '10', metadataOf({ filename: 'a.wav' }))).toBe(422)
    expect(await begin(owner, '10', metadataOf({ cutId, filename: 'a.wav', rights: 'all' }))).toBe(422)
    expect(await begin(owner, '10', metadata, { 'tus-resumable': '0.2.2' })).toBeGreaterThanOrEqual(400)
    expect((await app().db.query('SELECT 1 FROM "Upload" WHERE "projectId" = $1', [project.id])).rows).toEqual([])
  })

  it('M3 is its person’s alone: to others it is not there', async () => {
    const { owner, editor, cutId } = await given()
    const path = await beginUpload(app(), editor, 100, { cutId, filename: 'a.txt' })
    for (const method of ['HEAD', 'DELETE']) expect((await tus(app(), owner, method, path)).status, method).toBe(404)
    expect((await patch(owner, path, 0, textOf(100))).status).toBe(404)
    for (const odd of [randomUUID(), '..%2f..%2fetc', '%00', 'a'.repeat(500)])
      expect((await tus(app(), editor, 'HEAD', `/api/uploads/${odd}`)).status, odd).toBe(404)
    expect(await offsetOf(editor, path)).toBe(0)
    expect((await tus(app(), editor, 'DELETE', path)).status).toBe(204)
    expect((await tus(app(), editor, 'HEAD', path)).status).toBe(404)
    expect(await leftovers()).toBe(0)
  })

  it('M3 refuses bytes at another offset, or more than it said, and keeps what it has', async () => {
    const { editor, cutId } = await given()
    const bytes = textOf(1000)
    const path = await beginUpload(app(), editor, 1000, { cutId, filename: 'a.txt' })
    expect((await patch(editor, path, 0, bytes.subarray(0, 400))).status).toBe(204)
    for (const offset of [0, 399, 401]) expect((await patch(editor, path, offset, bytes.subarray(offset, 1000))).status).toBe(409)
    expect((await patch(editor, path, 400, Buffer.concat([bytes.subarray(400), Buffer.from('more')]))).status).toBe(413)
    expect(await offsetOf(editor, path)).toBe(400)
    expect((await patch(editor, path, 400, bytes.subarray(400))).status).toBe(204)
  })

  it('M3 two writers at once leave the bytes of one file', async () => {
    const { editor, cutId } = await given()
    const bytes = zipOf(2_000_000)
    const path = await beginUpload(app(), editor, bytes.length, { cutId, filename: 'a.zip' })
    const statuses = (
      await Promise.all([patch(editor, path, 0, bytes), patch(editor, path, 0, bytes)].map((each) => each.catch(() => null)))
    ).map((answer) => answer?.status ?? 0)
    expect(
      statuses.every((status) => [0, 204, 400, 409, 423].includes(status)),
      `${statuses}`,
    ).toBe(true)
    for (let at = await offsetOf(editor, path); at < bytes.length; at = await offsetOf(editor, path))
      await patch(editor, path, at, bytes.subarray(at))
    const fileId = (await tus(app(), editor, 'HEAD', path)).headers.get('cutroom-file') ?? ''
    expect((await bytesOf(await download(app(), editor, fileId))).equals(bytes)).toBe(true)
  })

  it('M2 ends when its person may not add to the cut any more, also with the last byte', async () => {
    const { owner, editor, cutId, project } = await given()
    const bytes = textOf(1000)
    const path = await beginUpload(app(), editor, 1000, { cutId, filename: 'a.txt' })
    await patch(editor, path, 0, bytes.subarray(0, 500))
    await owner.must('PATCH', `/api/projects/${project.id}/members/${editor.id}`, { role: 'viewer' })
    expect((await patch(editor, path, 500, bytes.subarray(500))).status).toBe(403)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    expect((await tus(app(), editor, 'HEAD', path)).status).toBe(404)
    const { data } = await owner.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/files`)
    expect(data).toEqual([])
  })

  it('M3 of a content that is not taken nothing stays', async () => {
    const { editor, cutId } = await given()
    const before = await leftovers()
    const html = Buffer.from('<html><script>alert(1)</script></html>')
    const path = await beginUpload(app(), editor, html.length, { cutId, filename: 'a.wav', kind: 'audio' })
    const answer = await patch(editor, path, 0, html)
    expect([answer.status, await answer.json()]).toMatchObject([415, { code: 'unsupported-media-type' }])
    expect((await tus(app(), editor, 'HEAD', path)).status).toBe(404)
    expect(await leftovers()).toBe(before)
  })

  it('M1 one that expired, or whose cut is gone, is not there', async () => {
    const { owner, editor, cutId } = await given()
    const path = await beginUpload(app(), editor, 100, { cutId, filename: 'a.txt' })
    await app().db.query(`UPDATE "Upload" SET "expiresAt" = now() - interval '1 second' WHERE id = $1`, [path.split('/').at(-1)])
    expect((await tus(app(), editor, 'HEAD', path)).status).toBe(404)
    const other = await beginUpload(app(), editor, 100, { cutId, filename: 'a.txt' })
    await owner.must('DELETE', `/api/cuts/${cutId}`)
    expect((await patch(editor, other, 0, textOf(100))).status).toBe(404)
  })

  it('M1 bytes that are all there become a file when it is asked for again, where that failed at first', async () => {
    const { editor, cutId } = await given()
    const wav = wavOf(0.1)
    const path = await beginUpload(app(), editor, wav.length, { cutId, filename: 'a.wav' })
    // As after a crash between the last byte and the commit.
    await app().db.query("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$")
    await app().db.query('CREATE TRIGGER fail BEFORE INSERT ON "File" FOR EACH ROW EXECUTE FUNCTION fail()')
    expect((await patch(editor, path, 0, wav)).status).toBe(500)
    await app().db.query('DROP TRIGGER fail ON "File"')
    const answer = await tus(app(), editor, 'HEAD', path)
    const fileId = answer.headers.get('cutroom-file') ?? ''
    expect((await bytesOf(await download(app(), editor, fileId))).equals(wav)).toBe(true)
    expect((await app().db.query('SELECT 1 FROM "StoredObject" WHERE "fileId" IS NULL')).rows).toEqual([])
  })
})

describe('the creation of an upload in parts with an Idempotency-Key', () => {
  const create = (
    on: Pick<TestApp, 'url'>,
    person: Pick<Person, 'token'>,
    length: number,
    values: Record<string, string>,
    key?: string,
    body?: Buffer,
  ) =>
    tus(
      on,
      person,
      'POST',
      '/api/uploads',
      {
        'upload-length': `${length}`,
        'upload-metadata': metadataOf(values),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body,
    )
  const rowsOf = async (on: TestApp, { id }: { id: string }) =>
    (await on.db.query('SELECT id FROM "Upload" WHERE "projectId" = $1', [id])).rows
  const codeOf = async (answer: Response) => ((await answer.json()) as { code: string }).code

  it('M1 sent again it is the same upload, and says how far that has come; without a key it is another', async () => {
    const { editor, cutId, project } = await given()
    const bytes = textOf(1000)
    const values = { cutId, filename: 'a.txt' }
    const first = await create(app(), editor, 1000, values, 'one')
    const path = first.headers.get('location') ?? ''
    expect(first.status).toBe(201)
    expect((await patch(editor, path, 0, bytes.subarray(0, 400))).status).toBe(204)
    const shown = ({ status, headers }: Response) => [
      status,
      ...['location', 'upload-offset', 'cutroom-file'].map((name) => headers.get(name)),
    ]
    expect(shown(await create(app(), editor, 1000, values, 'one'))).toEqual([201, path, '400', null])
    // what comes with it is where it stands already, or sent again from there
    expect(shown(await create(app(), editor, 1000, values, 'one', textOf(300)))).toEqual([201, path, '400', null])
    const fileId = (await patch(editor, path, 400, bytes.subarray(400))).headers.get('cutroom-file')
    expect(shown(await create(app(), editor, 1000, values, 'one'))).toEqual([201, path, '1000', fileId])
    expect((await bytesOf(await download(app(), editor, fileId ?? ''))).equals(bytes)).toBe(true)
    expect(await rowsOf(app(), project)).toHaveLength(1)
    await create(app(), editor, 1000, values)
    await create(app(), editor, 1000, values)
    expect(await rowsOf(app(), project)).toHaveLength(3)
  })

  it('M3 the key is its person’s, and of one upload: of another it is a mistake', async () => {
    const { editor, owner, cutId, project } = await given()
    const values = { cutId, filename: 'a.txt' }
    const path = (await create(app(), editor, 1000, values, 'key')).headers.get('location')
    const other = await create(app(), owner, 1000, values, 'key')
    expect([other.status, other.headers.get('location') === path]).toEqual([201, false])
    for (const [length, changed] of [
      [999, values],
      [1000, { ...values, filename: 'b.txt' }],
      [1000, { ...values, kind: 'document' }],
      [1000, { ...values, cutId: await cutIn(owner, project) }],
    ] as const) {
      const answer = await create(app(), editor, length, changed, 'key')
      expect([answer.status, await codeOf(answer)]).toEqual([422, 'idempotency-mismatch'])
    }
    for (const key of ['', 'a b', 'x'.repeat(256)]) expect((await create(app(), editor, 1000, values, key)).status).toBe(400)
    expect(await rowsOf(app(), project)).toHaveLength(2)
  })

  it('M1 a key whose upload has expired makes a new one, with nothing of the old', async () => {
    const { editor, cutId, project } = await given()
    const values = { cutId, filename: 'a.txt' }
    const path = (await create(app(), editor, 1000, values, 'old')).headers.get('location') ?? ''
    await patch(editor, path, 0, textOf(400))
    await app().db.query(`UPDATE "Upload" SET "expiresAt" = now() WHERE "projectId" = $1`, [project.id])
    const again = await create(app(), editor, 2000, values, 'old')
    expect(again.status).toBe(201)
    expect(await offsetOf(editor, again.headers.get('location') ?? '')).toBe(0)
    expect(await rowsOf(app(), project)).toHaveLength(1)
  })

  it('M1 sent twice at once it makes one upload, which counts once; the other is told to come again', async () => {
    const tight = await startApp({ env: { QUOTA_PROJECT: '1KB' } })
    onTestFinished(() => tight.close())
    const { owner, project } = await createTeam(tight)
    const values = { cutId: await cutIn(owner, project), filename: 'a.txt' }
    const holder = await tight.db.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`quota project ${project.id}`])
    const both = [1, 2].map(() => create(tight, owner, 600, values, 'key'))
    await until('both wait', async () => {
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`
      return (await tight.db.query(waiting)).rowCount === 2
    })
    await holder.query('COMMIT')
    holder.release()
    const [made, refused] = (await Promise.all(both)).sort((a, b) => a.status - b.status)
    expect([made?.status, refused?.status, refused && (await codeOf(refused))]).toEqual([201, 409, 'idempotency-running'])
    expect(refused?.headers.get('retry-after')).toBe('1')
    const again = await create(tight, owner, 600, values, 'key')
    expect([again.status, again.headers.get('location')]).toEqual([201, made?.headers.get('location')])
    expect(await rowsOf(tight, project)).toHaveLength(1)
  })

  it('M1 one that the disk does not take leaves no row', async () => {
    const { editor, cutId, project } = await given()
    const folder = join(app().config.dataDir, 'uploads')
    await rename(folder, `${folder}-away`)
    const answers = [
      await create(app(), editor, 1000, { cutId, filename: 'a.txt' }),
      await create(app(), editor, 1000, { cutId, filename: 'a.txt' }, 'key'),
    ]
    await rename(`${folder}-away`, folder)
    expect(answers.map(({ status }) => status)).toEqual([503, 503])
    expect(await rowsOf(app(), project)).toEqual([])
    expect((await create(app(), editor, 1000, { cutId, filename: 'a.txt' }, 'key')).status).toBe(201)
  })
})

describe('headers of uploads in parts', () => {
  it('M3 answers have the headers of this server, and CORS is its own', async () => {
    const { editor, cutId } = await given()
    const options = await fetch(`${app().url}/api/uploads`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'upload-offset',
      },
    })
    expect(options.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    expect(options.headers.get('access-control-allow-headers')).toContain('upload-offset')
    expect(options.headers.get('tus-version')).toBe('1.0.0')
    expect(options.headers.get('tus-max-size')).toBe('500000000')
    const path = await beginUpload(app(), editor, 100, { cutId, filename: 'a.txt' })
    for (const [origin, allowed] of [
      ['https://app.example.com', 'https://app.example.com'],
      ['https://evil.example.com', null],
    ] as const) {
      const answer = await tus(app(), editor, 'HEAD', path, { origin })
      expect(answer.headers.get('access-control-allow-origin')).toBe(allowed)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'self'")
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
    const exposed = (await tus(app(), editor, 'HEAD', path, { origin: 'https://app.example.com' })).headers.get(
      'access-control-expose-headers',
    )
    for (const name of ['upload-offset', 'cutroom-file', 'location']) expect(exposed).toContain(name)
    const refused = await tus(app(), editor, 'GET', path)
    expect([refused.status, refused.headers.get('content-type')]).toEqual([
      404,
      expect.stringContaining('application/problem+json'),
    ])
  })
})
