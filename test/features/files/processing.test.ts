import type { File, Peaks } from '@cutroom/contract'
import sharp from 'sharp'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Storage } from '../../../src/ports/storage/storage.ts'
import { retryFailed } from '../../../src/rooms/log/consumers/inspect.ts'
import { startApp, useApp } from '../../support/app.ts'
import { consumed, QUICK } from '../../support/consumers.ts'
import { bytesOf, cutIn, processed, uploadFile, wavOf } from '../../support/files.ts'
import { gate } from '../../support/log.ts'
import { createTeam, type Person } from '../../support/people.ts'
import { until } from '../../support/until.ts'

const app = useApp()

async function given() {
  const team = await createTeam(app(), 'viewer')
  return { ...team, cutId: await cutIn(team.owner, team.project) }
}
const get = (person: Person, path: string, headers: Record<string, string> = {}) =>
  fetch(app().url + path, { headers: { authorization: `Bearer ${person.token}`, ...headers } })

describe('processing', () => {
  it('D4 finds the length and the waveform of a recording, once, and says so', async () => {
    const { owner, viewer, project, cutId } = await given()
    const uploaded = await uploadFile(app(), owner, cutId, wavOf(2), { filename: 'a.wav' })
    const file = await processed(viewer, uploaded.id)
    expect(file).toMatchObject({
      status: 'ready',
      failure: null,
      version: 2,
      audio: { durationMs: 2000, channels: 2, sampleRate: 8000, tags: { title: null } },
    })
    const { data } = await viewer.must<{ data: { name: string; payload: File; meta: { actor: unknown } }[] }>(
      'GET',
      `/api/projects/${project.id}/events`,
    )
    const said = data.filter(({ name }) => name === 'file:processed')
    expect(said).toMatchObject([{ payload: file, meta: { actor: null } }])

    const answer = await get(viewer, `/api/files/${file.id}/peaks?points=100`)
    const peaks = (await answer.json()) as Peaks
    expect(peaks).toMatchObject({ fileId: file.id, points: 100, durationMs: 2000 })
    expect(peaks.min).toHaveLength(100)
    expect(Math.max(...peaks.max)).toBeGreaterThan(70)
    expect(Math.min(...peaks.min)).toBeLessThan(-70)
    const again = await get(viewer, `/api/files/${file.id}/peaks?points=100`, {
      'if-none-match': answer.headers.get('etag') ?? '',
    })
    expect(again.status).toBe(304)
    expect((await get(viewer, `/api/files/${file.id}/peaks?points=99`)).status).toBe(422)

    const svg = await get(viewer, `/api/files/${file.id}/waveform.svg`)
    expect(svg.headers.get('content-type')).toBe('image/svg+xml')
    expect(svg.headers.get('content-security-policy')).toContain('sandbox')
    expect(await svg.text()).toMatch(/^<svg /)
    expect((await get(viewer, `/api/files/${file.id}/thumbnail`)).status).toBe(404)
  })

  it('D4 makes a small version of a picture', async () => {
    const { owner, viewer, cutId } = await given()
    const png = await sharp({ create: { width: 1200, height: 800, channels: 3, background: '#c0ffee' } })
      .png()
      .toBuffer()
    const file = await processed(viewer, (await uploadFile(app(), owner, cutId, png, { filename: 'cover.png' })).id)
    expect(file).toMatchObject({ kind: 'image', take: null, status: 'ready', image: { width: 1200, height: 800 } })
    const thumbnail = await get(viewer, `/api/files/${file.id}/thumbnail`)
    expect(thumbnail.headers.get('content-type')).toBe('image/webp')
    expect(await sharp(await bytesOf(thumbnail)).metadata()).toMatchObject({ format: 'webp', width: 640 })
  })

  it('M3 says why a file could not be read, keeps it, and goes on with the next', async () => {
    const { owner, cutId } = await given()
    const broken = wavOf(1)
    broken.writeUInt16LE(65_535, 22)
    const failed = await uploadFile(app(), owner, cutId, broken)
    const good = await uploadFile(app(), owner, cutId, wavOf(0.2))
    expect(await processed(owner, failed.id)).toMatchObject({
      status: 'failed',
      failure: expect.any(String),
      audio: null,
      take: 1,
    })
    expect(await processed(owner, good.id)).toMatchObject({ status: 'ready', take: 2 })
    expect((await get(owner, `/api/files/${failed.id}/content`)).status).toBe(200)
  })

  it('M3 a file that no attempt could read has failed, and is read when an operator has it tried again', async () => {
    let isAway = true
    const adaptStorage = (storage: Storage): Storage => ({
      ...storage,
      pathOf(key) {
        if (isAway) throw new Error('the store is away')
        return storage.pathOf(key)
      },
    })
    for (const retriesMs of [[], [10]]) {
      isAway = true
      const own = await startApp({ seams: { adaptStorage, jobs: { timings: { ...QUICK, retriesMs } } } })
      onTestFinished(own.close)
      const { owner, project } = await createTeam(own)
      const file = await uploadFile(own, owner, await cutIn(owner, project), wavOf(0.1))
      const failed = await processed(owner, file.id)
      expect(failed).toMatchObject({ status: 'failed', failure: 'timed-out', version: 2 })
      const letters = await own.db.query('SELECT attempts FROM "DeadLetter"')
      expect(letters.rows).toEqual([{ attempts: retriesMs.length + 1 }])
      const { data } = await owner.must<{ data: { name: string; payload: File }[] }>('GET', `/api/projects/${project.id}/events`)
      expect(data.at(-1)).toMatchObject({ name: 'file:failed', payload: failed })

      isAway = false
      expect(await own.app.rooms.commit(null, (write) => retryFailed(write, 'media', 'all'))).toBe(1)
      await until('it to be read', async () => (await owner.must<File>('GET', `/api/files/${file.id}`)).status === 'ready')
      expect(await owner.must('GET', `/api/files/${file.id}`)).toMatchObject({ failure: null, audio: { durationMs: 100 } })
    }
  })

  it('D4 says nothing of a recording whose project was deleted while it was read', async () => {
    const [asked, answered] = [gate(), gate()]
    // Of another machine's store it takes a copy.
    const adaptStorage = (storage: Storage): Storage => ({
      ...storage,
      pathOf: () => null,
      async open(...args) {
        asked.open()
        await answered.opened
        return storage.open(...args)
      },
    })
    const own = await startApp({ seams: { adaptStorage, jobs: { timings: QUICK } } })
    onTestFinished(own.close)
    const { owner, project } = await createTeam(own)
    await uploadFile(own, owner, await cutIn(owner, project), wavOf(0.1))
    await asked.opened
    // The rows of a large project are there for a while.
    await own.db.query(`CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      NEW.at := now() + interval '1 hour'; RETURN NEW; END $$`)
    await own.db.query(
      `CREATE TRIGGER later BEFORE INSERT ON "Due" FOR EACH ROW WHEN (NEW.consumer = 'purge') EXECUTE FUNCTION later()`,
    )
    await owner.must('DELETE', `/api/projects/${project.id}`)
    answered.open()
    await consumed(own.db, 'media')
    const { rows } = await own.db.query('SELECT name FROM "Event" WHERE room = $1 ORDER BY seq', [`project:${project.id}`])
    expect(rows.map(({ name }) => name)).toEqual(['vibe:created', 'cut:created', 'file:uploaded', 'project:deleted'])
  })

  it('M1 the object of a deleted file is removed, and its row', async () => {
    const { owner, cutId } = await given()
    const file = await uploadFile(app(), owner, cutId, wavOf(0.1))
    const { rows } = await app().db.query('SELECT "objectKey" FROM "File" WHERE id = $1', [file.id])
    await owner.must('DELETE', `/api/files/${file.id}`)
    await until('the object is gone', async () => {
      const found = await app().db.query('SELECT 1 FROM "StoredObject" WHERE key = $1', [rows[0].objectKey])
      return found.rows.length === 0
    })
  })
})
