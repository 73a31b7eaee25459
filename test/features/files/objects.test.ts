import { describe, expect, it, onTestFinished } from 'vitest'
import { problem } from '../../../src/errors.ts'
import type { Storage } from '../../../src/ports/storage/storage.ts'
import { startApp } from '../../support/app.ts'
import { cutIn, sendFile, textOf, uploadFile } from '../../support/files.ts'
import { createTeam } from '../../support/people.ts'
import { until } from '../../support/until.ts'

async function given(adaptStorage: (storage: Storage) => Storage, env: Record<string, string> = {}) {
  const app = await startApp({ env, seams: { adaptStorage } })
  onTestFinished(() => app.close())
  const { owner, project } = await createTeam(app)
  return { app, owner, project, cutId: await cutIn(owner, project) }
}

const away = () => problem('unavailable', 'The store of files cannot be reached', { retryAfter: 5 })

describe('objects that no file has', () => {
  it('M1 O2 one that cannot be removed does not keep the others', async () => {
    const stuck = new Set<string>()
    const { app, owner, project, cutId } = await given((storage) => ({
      ...storage,
      async remove(key) {
        if (stuck.has(key)) throw away()
        await storage.remove(key)
      },
    }))
    for (let n = 0; n < 3; n++) await uploadFile(app, owner, cutId, textOf(100))
    const { rows } = await app.db.query<{ objectKey: string }>(
      'SELECT "objectKey" FROM "File" WHERE "projectId" = $1 ORDER BY "createdAt"',
      [project.id],
    )
    const keys = rows.map(({ objectKey }) => objectKey)
    stuck.add(keys[0] ?? '')
    await owner.must('DELETE', `/api/cuts/${cutId}`)
    await app.db.query(`UPDATE "StoredObject" SET "createdAt" = "createdAt" - interval '2 hours'`)
    await app.db.query(`UPDATE "Due" SET at = now() WHERE consumer = 'objects' AND key = ''`)
    const left = async () => (await app.db.query<{ key: string }>('SELECT key FROM "StoredObject"')).rows.map(({ key }) => key)
    await until('the others are gone', async () => (await left()).length === 1)
    expect(await left()).toEqual([keys[0]])
    // Its turn comes again, behind the others.
    stuck.clear()
    await app.db.query(`UPDATE "StoredObject" SET "createdAt" = "createdAt" - interval '2 hours'`)
    await app.db.query(`UPDATE "Due" SET at = now() WHERE consumer = 'objects' AND key = ''`)
    await until('it is gone, too', async () => (await left()).length === 0)
  })

  it('O2 B1 a store that is away keeps no request without files from the database', async () => {
    let isAway: 'put' | 'remove' | null = null
    let comeBack = () => {}
    const gone = new Promise<never>((_, reject) => {
      comeBack = () => reject(away())
    })
    gone.catch(() => {})
    const { app, owner, project, cutId } = await given(
      (storage) => ({
        ...storage,
        put: (key, file) => (isAway === 'put' ? Promise.reject(away()) : storage.put(key, file)),
        // It does not answer.
        remove: (key) => (isAway ? gone : storage.remove(key)),
      }),
      { DATABASE_POOL: '3', QUOTA_PROJECT: '1MB' },
    )
    onTestFinished(comeBack)
    const send = (size: number) => Array.from({ length: 6 }, () => sendFile(app, owner, cutId, textOf(size)))
    const serves = async () => {
      for (let n = 0; n < 20; n++) expect((await owner.call('GET', `/api/projects/${project.id}`)).status).toBe(200)
    }
    const count = async () => (await app.db.query('SELECT FROM "StoredObject"')).rowCount

    // Nothing is stored, and nothing to be removed.
    isAway = 'put'
    expect((await Promise.all(send(100))).map(({ status }) => status)).toEqual(Array(6).fill(503))
    expect(await count()).toBe(6)
    await serves()

    // Over the quota: what was stored is to be removed.
    isAway = 'remove'
    const refused = Promise.all(send(1_100_000))
    await until('all are stored', async () => (await count()) === 12)
    await serves()
    comeBack()
    expect((await refused).map(({ status }) => status)).toEqual(Array(6).fill(413))
  })
})
