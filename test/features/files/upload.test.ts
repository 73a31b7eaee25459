import { randomUUID } from 'node:crypto'
import type { File } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { startApp, useApp } from '../../support/app.ts'
import { bytesOf, cutIn, download, sendFile, sha256, textOf, uploadFile, wavOf, zipOf } from '../../support/files.ts'
import { createTeam, type Person, request } from '../../support/people.ts'

const app = useApp()

async function given() {
  const team = await createTeam(app(), 'editor', 'commenter')
  return { ...team, cutId: await cutIn(team.owner, team.project) }
}

describe('an upload in one form', () => {
  it('M1 stores the bytes as they were sent, with a row, an event and a number', async () => {
    const { project, editor, cutId } = await given()
    const wav = wavOf(0.5)
    const answer = await sendFile(app(), editor, cutId, wav, { filename: 'Morning.wav' })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({
      projectId: project.id,
      cutId,
      kind: 'audio',
      take: 1,
      name: 'Morning.wav',
      type: 'audio/wav',
      size: wav.length,
      sha256: sha256(wav),
      status: 'processing',
      author: { id: editor.id },
    })
    expect(answer.headers.get('location')).toBe(`/api/files/${answer.body.id}`)
    const { data } = await editor.must<{ data: { name: string; payload: File }[] }>('GET', `/api/projects/${project.id}/events`)
    expect(data.find(({ name }) => name === 'file:uploaded')?.payload).toEqual(answer.body)
    const back = await download(app(), editor, answer.body.id)
    expect((await bytesOf(back)).equals(wav)).toBe(true)
    expect(back.headers.get('etag')).toBe(`"${sha256(wav)}"`)
  })

  it('M1 numbers takes without a gap or a repeat when many come at once, and does not give the number of a deleted one again', async () => {
    const { owner, editor, cutId } = await given()
    const takes = await Promise.all(Array.from({ length: 8 }, () => uploadFile(app(), editor, cutId, wavOf(0.05))))
    expect(takes.map(({ take }) => take).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const last = takes.find(({ take }) => take === 8) as File
    await owner.must('DELETE', `/api/files/${last.id}`)
    expect((await uploadFile(app(), editor, cutId, wavOf(0.05))).take).toBe(9)
    expect((await uploadFile(app(), editor, cutId, textOf(100))).take).toBeNull()
  })

  it('M1 gives the first answer again for the same Idempotency-Key, and refuses another file under it', async () => {
    const { project, editor, cutId } = await given()
    const headers = { 'idempotency-key': randomUUID() }
    const bytes = textOf(1000)
    const first = await sendFile(app(), editor, cutId, bytes, { filename: 'a.txt', headers })
    const again = await sendFile(app(), editor, cutId, bytes, { filename: 'a.txt', headers })
    expect([again.status, again.body]).toEqual([201, first.body])
    expect((await sendFile(app(), editor, cutId, textOf(1000), { filename: 'a.txt', headers })).status).toBe(422)
    expect((await sendFile(app(), editor, cutId, bytes, { filename: 'b.txt', headers })).status).toBe(422)
    const { data } = await editor.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/files`)
    expect(data).toHaveLength(1)
    // What was stored for the others is gone again.
    const { rows } = await app().db.query('SELECT "fileId" FROM "StoredObject" WHERE size = 1000')
    expect(rows).toEqual([{ fileId: first.body.id }])
  })

  it.each([
    ['no token', null, 401],
    ['a commenter', 'commenter', 403],
    ['a stranger', 'stranger', 404],
  ] as const)('M1 refuses %s before a byte is stored', async (_, who, status) => {
    const { owner, commenter, cutId } = await given()
    const stranger = await createTeam(app())
    const person: Pick<Person, 'token'> = who === null ? { token: 'none' } : who === 'commenter' ? commenter : stranger.owner
    expect((await sendFile(app(), person, cutId, wavOf(0.1))).status).toBe(status)
    const { data } = await owner.must<{ data: unknown[] }>('GET', `/api/cuts/${cutId}/comments`)
    expect(data).toEqual([])
    expect((await app().db.query('SELECT 1 FROM "File" WHERE "cutId" = $1', [cutId])).rows).toEqual([])
  })

  it('M3 heeds the content alone: names and types that lie change nothing', async () => {
    const { editor, cutId } = await given()
    const zip = await uploadFile(app(), editor, cutId, zipOf(500), { filename: 'song.mp3' })
    expect(zip).toMatchObject({ kind: 'stems', type: 'application/zip', status: 'ready', name: 'song.mp3' })
    const html = Buffer.from('<!doctype html><script>alert(1)</script>')
    expect((await sendFile(app(), editor, cutId, html, { filename: 'cover.png' })).status).toBe(415)
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    expect((await sendFile(app(), editor, cutId, svg, { filename: 'cover.svg', kind: 'image' })).status).toBe(415)
    const wrong = await sendFile(app(), editor, cutId, wavOf(0.1), { kind: 'image' })
    expect([wrong.status, wrong.body]).toMatchObject([415, { code: 'unsupported-media-type' }])
    expect((await sendFile(app(), editor, cutId, Buffer.alloc(0))).status).toBe(415)
  })

  it('M3 refuses forms that are none, fields that are unknown, twice there or behind the file', async () => {
    const { editor, cutId } = await given()
    const path = `/api/cuts/${cutId}/files`
    expect((await editor.call('POST', path, { name: 'x' })).status).toBe(415)
    expect((await editor.call('POST', path)).status).toBe(415)
    const send = async (fill: (form: FormData) => void) => {
      const form = new FormData()
      fill(form)
      const answer = await fetch(app().url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${editor.token}` },
        body: form,
      })
      return [answer.status, await answer.json()]
    }
    const blob = new Blob([new Uint8Array(textOf(50))])
    const refused = (pointer: string) => [422, { code: 'validation', errors: [{ pointer }] }]
    expect(await send((form) => form.set('name', 'x'))).toMatchObject(refused('/file'))
    expect(await send((form) => form.set('other', blob, 'a.txt'))).toMatchObject(refused('/other'))
    expect(
      await send((form) => {
        form.set('file', blob, 'a.txt')
        form.set('name', 'late')
      }),
    ).toMatchObject(refused('/name'))
    expect(
      await send((form) => {
        form.append('name', 'a')
        form.append('name', 'b')
        form.set('file', blob, 'a.txt')
      }),
    ).toMatchObject(refused('/name'))
    const unknown = await send((form) => {
      form.set('rights', 'all')
      form.set('file', blob, 'a.txt')
    })
    expect(unknown).toMatchObject([422, { code: 'validation' }])
    const unsettable = [
      'id',
      'projectId',
      'cutId',
      'take',
      'type',
      'size',
      'sha256',
      'status',
      'author',
      'authorId',
      'objectKey',
      'version',
    ]
    for (const name of unsettable) {
      const answer = await send((form) => {
        form.set(name, '1')
        form.set('file', blob, 'a.txt')
      })
      expect(answer, name).toMatchObject([422, { code: 'validation' }])
    }
    const kind = await send((form) => {
      form.set('kind', 'program')
      form.set('file', blob, 'a.txt')
    })
    expect(kind).toMatchObject(refused('/kind'))
  })
})

describe('limits', () => {
  it('M1 a file over the limit of its kind, or over a quota, is refused and leaves nothing', async () => {
    const small = await startApp({
      env: {
        UPLOAD_AUDIO_MAX: '10KB',
        UPLOAD_DOCUMENT_MAX: '20KB',
        UPLOAD_IMAGE_MAX: '5KB',
        UPLOAD_STEMS_MAX: '30KB',
        QUOTA_PROJECT: '50KB',
      },
    })
    try {
      const { project, owner } = await createTeam(small)
      const cutId = await cutIn(owner, project)
      const status = async (...args: [Buffer, { kind?: string }?]) => {
        const answer = await sendFile(small, owner, cutId, ...args)
        return `${answer.status} ${(answer.body as unknown as { code?: string }).code ?? ''}`
      }
      expect(await status(wavOf(1))).toBe('413 too-large')
      expect(await status(textOf(20_001), { kind: 'document' })).toBe('413 too-large')
      expect(await status(textOf(25_000))).toBe('413 too-large')
      expect(await status(zipOf(2_000_000))).toBe('413 too-large')
      expect(await status(textOf(20_000))).toBe('201 ')
      expect(await status(textOf(20_000))).toBe('201 ')
      expect(await status(textOf(20_000))).toBe('413 quota-exceeded')
      expect(await owner.must('GET', `/api/projects/${project.id}/usage`)).toEqual({ bytes: 40_000, files: 2, limit: 50_000 })
      expect(await owner.must('GET', '/api/me/usage')).toMatchObject({ bytes: 40_000, files: 2 })
      expect((await small.db.query('SELECT 1 FROM "StoredObject" WHERE "fileId" IS NULL')).rows).toEqual([])
      // Those that came at once do not fit together.
      const both = await Promise.all([status(textOf(8_000)), status(textOf(8_000))])
      expect(both.sort()).toEqual(['201 ', '413 quota-exceeded'])
    } finally {
      await small.close()
    }
  })
})

describe('a file', () => {
  it('is renamed, listed and deleted', async () => {
    const { project, owner, editor, cutId } = await given()
    const file = await uploadFile(app(), editor, cutId, textOf(300), { name: 'Notes' })
    expect(file.name).toBe('Notes')
    const renamed = await owner.must<File>('PATCH', `/api/files/${file.id}`, { name: '../../Better\u202etxt.exe' })
    expect(renamed).toMatchObject({ name: 'Better txt.exe', version: 2 })
    const other = await uploadFile(app(), editor, cutId, wavOf(0.05))
    const list = async (query: string) =>
      (await owner.must<{ data: File[] }>('GET', `/api/projects/${project.id}/files?${query}`)).data.map(({ id }) => id)
    expect(await list('')).toEqual([file.id, other.id])
    expect(await list('kind=audio')).toEqual([other.id])
    expect(await list(`cutId=${cutId}&kind=document`)).toEqual([file.id])
    const another = await createTeam(app())
    const foreign = await cutIn(another.owner, another.project)
    await uploadFile(app(), another.owner, foreign, textOf(20))
    expect(await list(`cutId=${foreign}`)).toEqual([])
    expect((await owner.call('DELETE', `/api/files/${file.id}`)).status).toBe(204)
    expect((await download(app(), owner, file.id)).status).toBe(404)
    expect((await request(app().url, 'GET', `/api/files/${other.id}`, { token: another.owner.token })).status).toBe(404)
  })
})
