import type { File } from '@cutroom/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../../support/app.ts'
import { beginUpload, bytesOf, cutIn, download, processed, sendFile, tus, uploadFile, wavOf, zipOf } from '../../support/files.ts'
import { createTeam } from '../../support/people.ts'
import { startS3, type TestS3 } from '../../support/s3.ts'
import { until } from '../../support/until.ts'

describe('files in an S3-compatible store', () => {
  let s3: TestS3
  let app: TestApp
  let isAway = false
  beforeAll(async () => {
    s3 = await startS3()
    app = await startApp({
      env: {
        S3_ENDPOINT: s3.config.endpoint,
        S3_BUCKET: s3.config.bucket,
        S3_PREFIX: s3.config.prefix,
        S3_ACCESS_KEY_ID: s3.config.accessKeyId,
        S3_SECRET_ACCESS_KEY: s3.config.secretAccessKey,
      },
    })
  })
  afterAll(async () => {
    await app?.close()
    if (!isAway) await s3?.close()
  })

  it('M1 come in one form and in parts, are processed, read by range, and removed', async () => {
    const { owner, project } = await createTeam(app)
    const cutId = await cutIn(owner, project)
    const wav = wavOf(0.5)
    const take = await processed(owner, (await uploadFile(app, owner, cutId, wav)).id)
    expect(take).toMatchObject({ status: 'ready', audio: { durationMs: 500 } })
    expect((await bytesOf(await download(app, owner, take.id))).equals(wav)).toBe(true)
    expect((await bytesOf(await download(app, owner, take.id, { range: 'bytes=50-149' }))).equals(wav.subarray(50, 150))).toBe(
      true,
    )

    const zip = zipOf(1_000_000)
    const path = await beginUpload(app, owner, zip.length, { cutId, filename: 'a.zip' })
    await tus(app, owner, 'PATCH', path, { 'upload-offset': '0' }, zip.subarray(0, 300_000))
    const last = await tus(app, owner, 'PATCH', path, { 'upload-offset': '300000' }, zip.subarray(300_000))
    const stems = await owner.must<File>('GET', `/api/files/${last.headers.get('cutroom-file')}`)
    expect((await bytesOf(await download(app, owner, stems.id))).equals(zip)).toBe(true)

    await owner.must('DELETE', `/api/files/${stems.id}`)
    await until('the object is gone', async () => (await app.db.query('SELECT 1 FROM "StoredObject"')).rows.length === 1)
  })

  it('M1 a store that is away answers 503, and leaves no row', async () => {
    const { owner, project } = await createTeam(app)
    const cutId = await cutIn(owner, project)
    await s3.close()
    isAway = true
    expect((await sendFile(app, owner, cutId, zipOf(1000))).status).toBe(503)
    expect((await app.db.query('SELECT 1 FROM "File" WHERE "cutId" = $1', [cutId])).rows).toEqual([])
    expect((await owner.call('GET', `/api/cuts/${cutId}`)).status).toBe(200)
  })
})
