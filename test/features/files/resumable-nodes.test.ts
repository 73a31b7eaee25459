import { expect, it, onTestFinished } from 'vitest'
import type { Database, QueryResultRow } from '../../../src/db/client.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import { beginUpload, cutIn, textOf, tus } from '../../support/files.ts'
import { gate } from '../../support/log.ts'
import { createTeam } from '../../support/people.ts'

/** A node whose looks at an upload can be held up, on the disk and the database of another. */
async function startSlowNode({ config, databaseUrl }: TestApp) {
  let left = 0
  const [found, released] = [gate(), gate()]
  const adaptDatabase = (database: Database): Database => ({
    ...database,
    async query<T extends QueryResultRow>(statement: Parameters<Database['query']>[0]): Promise<T[]> {
      const rows = await database.query<T>(statement)
      if (!statement.text.includes('FROM "Upload"') || --left !== 0) return rows
      found.open()
      await released.opened
      return rows
    },
  })
  const node = await startApp({ databaseUrl, env: { DATA_DIR: config.dataDir }, seams: { adaptDatabase } })
  onTestFinished(() => node.close())
  return {
    node,
    found: found.opened,
    release: released.open,
    /** The n-th look from now on. */
    hold: (n: number) => {
      left = n
    },
  }
}

// The answer to the last part is lost, and the request is sent again to another node just when the first one has made the file.
it.each([1, 2])('M1 a node finds the file that another made of an upload between two of its looks (%i)', async (n) => {
  const app = await startApp()
  onTestFinished(() => app.close())
  const slow = await startSlowNode(app)
  const { owner, project } = await createTeam(app)
  const cutId = await cutIn(owner, project)
  const bytes = textOf(1000)
  const path = await beginUpload(app, owner, bytes.length, { cutId, filename: 'a.txt' })
  // All bytes are there, and no file: as after a crash.
  await app.db.query("CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$")
  await app.db.query('CREATE TRIGGER fail BEFORE INSERT ON "File" FOR EACH ROW EXECUTE FUNCTION fail()')
  expect((await tus(app, owner, 'PATCH', path, { 'upload-offset': '0' }, bytes)).status).toBe(500)
  await app.db.query('DROP TRIGGER fail ON "File"')

  slow.hold(n)
  const asked = tus(slow.node, owner, 'HEAD', path)
  await slow.found
  const made = await tus(app, owner, 'HEAD', path)
  expect(made.status).toBe(200)
  slow.release()
  const answer = await asked
  expect([answer.status, answer.headers.get('upload-offset'), answer.headers.get('cutroom-file')]).toEqual([
    200,
    `${bytes.length}`,
    made.headers.get('cutroom-file'),
  ])
  expect((await owner.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/files`)).data).toHaveLength(1)
})
