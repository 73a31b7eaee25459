import { randomUUID } from 'node:crypto'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp } from '../../support/app.ts'
import { beginUpload, cutIn, textOf, tus } from '../../support/files.ts'
import { createTeam } from '../../support/people.ts'
import { until } from '../../support/until.ts'

const folderOf = ({ config }: TestApp) => join(config.dataDir, 'uploads')

/** As if nothing had been written to them for two hours. */
async function age(app: TestApp): Promise<void> {
  const past = new Date(Date.now() - 2 * 3_600_000)
  for (const name of await readdir(folderOf(app))) await utimes(join(folderOf(app), name), past, past)
}

it('M1 B1 each node removes what is left of uploads on its own disk while it runs, whichever node leads', async () => {
  const first = await startApp({ seams: { sweepUploadsMs: 200 } })
  onTestFinished(() => first.close())
  const second = await startApp({ databaseUrl: first.databaseUrl, seams: { sweepUploadsMs: 200 } })
  onTestFinished(() => second.close())
  const { owner, project } = await createTeam(first)
  const cutId = await cutIn(owner, project)
  for (const app of [first, second]) {
    // Begun, and given up; begun, and going on; what a crash has left.
    const [expired, current] = [
      await beginUpload(app, owner, 1000, { cutId, filename: 'a.txt' }),
      await beginUpload(app, owner, 1000, { cutId, filename: 'b.txt' }),
    ]
    for (const path of [expired, current]) await tus(app, owner, 'PATCH', path, { 'upload-offset': '0' }, textOf(500))
    await first.db.query(`UPDATE "Upload" SET "expiresAt" = now() - interval '1 second' WHERE id = $1`, [
      expired.split('/').at(-1),
    ])
    await writeFile(join(folderOf(app), `${randomUUID()}.part`), 'bytes')
    expect(await readdir(folderOf(app))).toHaveLength(3)
    await age(app)
    const left = [`${current.split('/').at(-1)}.partial`]
    await until('the rest is gone', async () => (await readdir(folderOf(app))).length <= 1)
    expect(await readdir(folderOf(app))).toEqual(left)
  }
})
