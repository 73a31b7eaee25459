import { MAX_SHARES, type NewShare, type Problem, type Share, type SharedFile, type Snapshot } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../../support/app.ts'
import { bytesOf, completeTake, cutIn, processed, sha256, textOf, uploadFile, wavOf } from '../../support/files.ts'
import { createTeam } from '../../support/people.ts'
import { cookieOf, openWith, recorded, share, verdict, visit } from '../../support/shares.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

const app = useApp()
const shown = async (token: string) => (await (await visit(app(), token)).json()) as SharedFile

describe('a link', () => {
  it('M2 shows a file to people without an account: what it is, its bytes, parts of them, and nothing else', async () => {
    const { owner, file, bytes } = await recorded(app())
    await processed(owner, file.id)
    const { token, url } = await share(owner, { fileId: file.id })
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(url).toBe(`/shared/${token}`)
    expect(await shown(token)).toEqual({
      name: 'Morning.wav',
      kind: 'audio',
      take: 1,
      type: 'audio/wav',
      size: bytes.length,
      durationMs: 1000,
      allows: 'listen',
      sharedBy: 'Olga Owner',
      expiresAt: null,
    })
    const whole = await visit(app(), token, '/content')
    expect(whole.headers.get('etag')).toBe(`"${sha256(bytes)}"`)
    expect(whole.headers.get('content-disposition')).toMatch(/^inline; /)
    expect(await bytesOf(whole)).toEqual(bytes)
    const part = await visit(app(), token, '/content', { headers: { range: 'bytes=100-199' } })
    expect(part.status).toBe(206)
    expect(await bytesOf(part)).toEqual(bytes.subarray(100, 200))
    const head = await visit(app(), token, '/content', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, `${bytes.length}`])
    const peaks = (await (await visit(app(), token, '/peaks')).json()) as object
    expect(Object.keys(peaks).sort()).toEqual(['durationMs', 'max', 'min', 'points'])
    expect(peaks).toMatchObject({ points: 800, durationMs: 1000 })
    const svg = await visit(app(), token, '/waveform.svg')
    expect(svg.headers.get('content-type')).toBe('image/svg+xml')
    expect(await svg.text()).toMatch(/^<svg /)
  })

  it('M2 of a cut follows its current take, and shows nothing where there is none', async () => {
    const { owner, cutId, file, bytes } = await recorded(app())
    const { token } = await share(owner, { cutId })
    expect(await shown(token)).toMatchObject({ name: 'Take 1', take: 1 })
    const second = wavOf(2)
    const { id } = await uploadFile(app(), owner, cutId, second, { filename: 'b.wav' })
    await uploadFile(app(), owner, cutId, textOf(100), { filename: 'notes.txt' })
    expect(await shown(token)).toMatchObject({ take: 2 })
    expect(await bytesOf(await visit(app(), token, '/content'))).toEqual(second)
    await owner.must('DELETE', `/api/files/${id}`)
    expect(await bytesOf(await visit(app(), token, '/content'))).toEqual(bytes)
    await owner.must('DELETE', `/api/files/${file.id}`)
    expect(await verdict(await visit(app(), token))).toBe('404 not-found')
    const third = await uploadFile(app(), owner, cutId, wavOf(1), { filename: 'c.wav' })
    expect(await shown(token)).toMatchObject({ take: third.take })
  })

  it('A3 that lets one listen gives no file to save; one that lets one download gives both', async () => {
    const { owner, cutId, file } = await recorded(app())
    const listen = await share(owner, { fileId: file.id })
    expect(await verdict(await visit(app(), listen.token, '/content?download=true'))).toBe('403 forbidden')
    const both = await share(owner, { fileId: file.id }, { allows: 'download' })
    const saved = await visit(app(), both.token, '/content?download=true')
    expect(saved.headers.get('content-disposition')).toMatch(/^attachment; filename="Morning.wav"/)
    expect((await visit(app(), both.token, '/content')).headers.get('content-disposition')).toMatch(/^inline; /)

    const notes = await uploadFile(app(), owner, cutId, textOf(100), { filename: 'notes.txt' })
    const refused = await owner.call<Problem>('POST', `/api/files/${notes.id}/shares`, { allows: 'listen' })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/allows' }] } })
    const { token } = await share(owner, { fileId: notes.id }, { allows: 'download' })
    expect((await visit(app(), token, '/content')).headers.get('content-disposition')).toMatch(/^attachment; /)
    expect(await verdict(await visit(app(), token, '/peaks'))).toBe('404 not-found')
  })

  it('A3 with a password is opened by it, for its visitor and for this link alone', async () => {
    const { owner, project } = await createTeam(app())
    const file = await completeTake(app(), owner, await cutIn(owner, project), 1)
    const { token, hasPassword } = await share(owner, { fileId: file.id }, { password: 'strings attached' })
    const other = await share(owner, { fileId: file.id }, { password: 'strings attached' })
    expect(hasPassword).toBe(true)
    const paths = ['', '/content', '/peaks', '/waveform.svg'] as const
    for (const path of paths) expect(await verdict(await visit(app(), token, path))).toBe('403 password-required')
    expect(await verdict(await openWith(app(), token, 'strings'))).toBe('403 wrong-password')

    const opened = await openWith(app(), token, 'strings attached')
    expect(opened.status).toBe(200)
    const [set = ''] = opened.headers.getSetCookie()
    expect(set).toContain(`Path=/api/shared/${token};`)
    expect(set).toMatch(/^cutroom_shared=[^;]+; Max-Age=21600; .*HttpOnly; SameSite=Strict$/)
    const headers = { cookie: cookieOf(opened) }
    for (const path of paths) expect(await verdict(await visit(app(), token, path, { headers }))).toBe('200')
    expect(await verdict(await visit(app(), other.token, '', { headers }))).toBe('403 password-required')
    for (const cookie of [`${headers.cookie}x`, headers.cookie.replace(/=\d/, '=9'), 'cutroom_shared=', 'cutroom_shared=1.2'])
      expect(await verdict(await visit(app(), token, '', { headers: { cookie } }))).toBe('403 password-required')
  })

  it('M2 that has expired says so, and cannot be made with an end in the past', async () => {
    const { owner, file } = await recorded(app())
    const { id, token } = await share(owner, { fileId: file.id }, { expiresAt: new Date(Date.now() + 3_600_000).toISOString() })
    expect((await visit(app(), token)).status).toBe(200)
    await app().db.query(`UPDATE "Share" SET "expiresAt" = now() - interval '1 second' WHERE id = $1`, [id])
    for (const path of ['', '/content', '/peaks', '/waveform.svg'] as const)
      expect(await verdict(await visit(app(), token, path))).toBe('410 gone')
    expect(await verdict(await openWith(app(), token, 'x'))).toBe('410 gone')
    const past = { expiresAt: new Date(Date.now() - 1000).toISOString() }
    expect((await owner.call('POST', `/api/files/${file.id}/shares`, past)).status).toBe(422)
  })

  it('M2 stays when the person who made it leaves, and ends when an editor revokes it', async () => {
    const { owner, editor, commenter, project, file } = await recorded(app())
    const { id, token } = await share(editor, { fileId: file.id })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    expect(await shown(token)).toMatchObject({ sharedBy: 'Mo editor' })
    expect((await commenter.call('DELETE', `/api/shares/${id}`)).status).toBe(403)
    await owner.must('PATCH', `/api/projects/${project.id}/members/${commenter.id}`, { role: 'editor' })
    await commenter.must('DELETE', `/api/shares/${id}`)
    expect(await verdict(await visit(app(), token))).toBe('404 not-found')
    expect(await verdict(await visit(app(), token, '/content', { headers: { range: 'bytes=0-9' } }))).toBe('404 not-found')
  })

  it('W4 is made once under an Idempotency-Key, and its token is given again', async () => {
    const { owner, project, file } = await recorded(app())
    const create = () =>
      owner.call<NewShare>(
        'POST',
        `/api/files/${file.id}/shares`,
        { password: 'strings attached' },
        { 'idempotency-key': 'once' },
      )
    const [first, again] = [await create(), await create()]
    expect(first.status).toBe(201)
    expect(again.body).toEqual(first.body)
    expect(first.headers.get('location')).toBe(`/api/shares/${first.body.id}`)
    expect(first.headers.get('cache-control')).toBe('no-store')
    const { data } = await owner.must<{ data: Share[] }>('GET', `/api/projects/${project.id}/shares`)
    expect(data.map(({ id }) => id)).toEqual([first.body.id])
    expect(await verdict(await openWith(app(), again.body.token, 'strings attached'))).toBe('200')
    for (const table of ['Share', 'IdempotencyKey', 'Event']) {
      const { rows } = await app().db.query(`SELECT * FROM "${table}"`)
      expect(JSON.stringify(rows), table).not.toContain(first.body.token)
    }
  })

  it('B1 is one of a hundred of its file at most', async () => {
    const { owner, project, file } = await recorded(app())
    await app().db.query(
      `INSERT INTO "Share" (id, "projectId", "fileId", allows, "tokenHash", "authorId")
       SELECT gen_random_uuid(), $1, $2, 'listen', gen_random_uuid(), $3 FROM generate_series(2, $4::int) n`,
      [project.id, file.id, owner.id, MAX_SHARES],
    )
    await share(owner, { fileId: file.id })
    const refused = await owner.call<Problem>('POST', `/api/files/${file.id}/shares`, {})
    expect(refused).toMatchObject({ status: 409, body: { code: 'too-many' } })
    expect((await owner.call('POST', `/api/cuts/${file.cutId}/shares`, {})).status).toBe(201)
  })

  it('D4 R4 is in events and snapshots as in its answer, without its token', async () => {
    const { owner, viewer, project, file, cutId } = await recorded(app())
    const listener = await connect(app(), viewer)
    await listener.join(project.id)
    const { token, url, ...made } = await share(owner, { cutId }, { password: 'strings attached' })
    const kept = await share(owner, { fileId: file.id })
    await until('both links', () => listener.events().filter(({ name }) => name === 'share:created').length === 2)
    expect(listener.events().find(({ name }) => name === 'share:created')?.payload).toEqual(made)
    expect(await viewer.must('GET', `/api/shares/${made.id}`)).toEqual(made)
    const snapshot = await viewer.must<Snapshot>('GET', `/api/projects/${project.id}/snapshot`)
    expect(snapshot.shares.map(({ id }) => id)).toEqual([made.id, kept.id])
    expect(snapshot.shares[0]).toEqual(made)
    await owner.must('DELETE', `/api/shares/${made.id}`)
    await until('the end of one', () => listener.events().some(({ name }) => name === 'share:revoked'))
    const told = JSON.stringify([listener.frames, snapshot])
    for (const secret of [token, kept.token, url, '$argon2', 'tokenHash', 'passwordHash']) expect(told).not.toContain(secret)
  })

  it('M2 ends with its file, its cut and its project', async () => {
    const { owner, project, cutId, file } = await recorded(app())
    const ofFile = await share(owner, { fileId: file.id })
    const ofCut = await share(owner, { cutId })
    const vibe = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/vibes`, { name: 'Elsewhere' })
    await owner.must('POST', `/api/cuts/${cutId}/move`, { vibeId: vibe.id, after: null })
    for (const { token } of [ofFile, ofCut]) expect(await verdict(await visit(app(), token))).toBe('200')
    await owner.must('DELETE', `/api/files/${file.id}`)
    expect(await verdict(await visit(app(), ofFile.token))).toBe('404 not-found')

    const later = await uploadFile(app(), owner, cutId, wavOf(1))
    const ofLater = await share(owner, { fileId: later.id })
    await owner.must('DELETE', `/api/cuts/${cutId}`)
    for (const { token } of [ofLater, ofCut]) expect(await verdict(await visit(app(), token))).toBe('404 not-found')

    const last = await uploadFile(app(), owner, await cutIn(owner, project), wavOf(1))
    const ofLast = await share(owner, { fileId: last.id })
    await owner.must('DELETE', `/api/projects/${project.id}`)
    expect(await verdict(await visit(app(), ofLast.token))).toBe('404 not-found')
    expect(await verdict(await visit(app(), ofLast.token, '/content'))).toBe('404 not-found')
  })
})
