import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startApp } from '../../support/app.ts'
import { beginUpload, cutIn, sendFile, textOf, tus, uploadFile, zipOf } from '../../support/files.ts'
import { createTeam } from '../../support/people.ts'

/** A disk of 2 MB, where this may be made. */
function smallDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'cutroom-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', folder], { stdio: 'ignore' })
    return folder
  } catch {
    rmSync(folder, { recursive: true, force: true })
    return null
  }
}

const disk = smallDisk()
afterAll(() => {
  if (disk === null) return
  execFileSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})

describe('a disk that is full', () => {
  it.skipIf(disk === null)('M1 answers 507, leaves no row and no byte, and the server goes on', async () => {
    const app = await startApp({ env: { DATA_DIR: disk ?? '' } })
    try {
      const { owner, project } = await createTeam(app)
      const cutId = await cutIn(owner, project)
      const staged = () => readdirSync(join(disk ?? '', 'uploads'))
      const answer = await sendFile(app, owner, cutId, zipOf(4_000_000))
      expect([answer.status, answer.body]).toMatchObject([507, { code: 'storage-full' }])
      expect(staged()).toEqual([])

      // In parts: what came stays, so that it can go on when there is space.
      const path = await beginUpload(app, owner, 4_000_000, { cutId, filename: 'a.zip' })
      const part = await tus(app, owner, 'PATCH', path, { 'upload-offset': '0' }, zipOf(4_000_000))
      expect([part.status, await part.json()]).toMatchObject([507, { code: 'storage-full' }])
      expect(Number((await tus(app, owner, 'HEAD', path)).headers.get('upload-offset'))).toBeGreaterThan(0)
      expect((await sendFile(app, owner, cutId, textOf(400_000))).status).toBe(507)
      expect((await tus(app, owner, 'DELETE', path)).status).toBe(204)

      expect((await app.db.query('SELECT 1 FROM "File"')).rows).toEqual([])
      expect((await app.db.query('SELECT 1 FROM "StoredObject"')).rows).toEqual([])
      expect(await uploadFile(app, owner, cutId, textOf(400_000))).toMatchObject({ size: 400_000 })
      expect(staged()).toEqual([])
    } finally {
      await app.close()
    }
  })
})
