import { rm } from 'node:fs/promises'
import { projectRoom } from '@cutroom/contract'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { openLog } from '../../src/rooms/log/log.ts'
import { type Postgres, startPostgres } from '../faults/support/postgres.ts'
import { copyFiles } from '../faults/support/standby.ts'
import { startApp } from '../support/app.ts'
import { createDatabase, withDatabase } from '../support/database.ts'
import { direct } from '../support/hostile.ts'
import { readLog, upTo } from '../support/log.ts'
import { createTeam, type Person, request } from '../support/people.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const write = (person: Person, projectId: string, title: string) =>
  person.must('POST', `/api/projects/${projectId}/tasks`, { title })

/** Two servers on one database, with a project that has three events, and a socket in its room on each. */
async function scene(databaseUrl: string) {
  // A restore breaks connections under requests; the test has no use for what is logged of it.
  const one = await startApp({ databaseUrl })
  onTestFinished(one.close)
  one.db.on('error', () => {})
  const two = await startApp({ databaseUrl })
  onTestFinished(two.close)
  two.db.on('error', () => {})
  const { project, owner } = await createTeam(one)
  for (const n of upTo(3)) await write(owner, project.id, `in the backup ${n}`)
  const sockets = [await connect(one, owner), await connect(two, owner)]
  const [joined] = await Promise.all(sockets.map((socket) => socket.join(project.id)))
  const room = projectRoom(project.id)
  const have = (seq: number) => until(`#${seq}`, () => sockets.every((socket) => socket.events(room).at(-1)?.meta.seq === seq))
  return { one, two, project, owner, sockets, room, have, epoch: joined?.epoch ?? '' }
}
type Scene = Awaited<ReturnType<typeof scene>>

/** After a restore: the old connections are closed, the old position is answered reset although the log reaches beyond it again. */
async function expectReset({ one, two, project, owner, sockets, room, epoch }: Scene, at: number): Promise<void> {
  const events = `/api/projects/${project.id}/events`
  for (const { url } of [one, two])
    await until('it serves the new history', async () => {
      const { status, body } = await request<{ epoch: string }>(url, 'GET', events, { token: owner.token })
      return status === 200 && body.epoch !== epoch
    })
  await until('all sockets are closed', () => sockets.every(({ socket }) => !socket.connected))
  const kept = sockets.map((socket) => socket.events(room).length)
  while ((await readLog(owner, project.id)).length <= at) await write(owner, project.id, 'in the new history')
  for (const app of [one, two]) {
    const again = await connect(app, owner)
    const ack = await again.join(project.id, { after: at, epoch })
    expect(ack).toMatchObject({ ok: true, mode: 'reset' })
    expect(ack.epoch).not.toBe(epoch)
    const head = ack.head
    await write(owner, project.id, 'and live')
    await until('the next', () => again.events(room).at(-1)?.meta.seq === head + 1)
    expect(again.events(room).every(({ meta }) => meta.epoch === ack.epoch)).toBe(true)
  }
  // Nothing of the new history came under the old name.
  expect(sockets.map((socket: Listener) => socket.events(room).length)).toEqual(kept)
  expect(sockets.every((socket) => socket.events(room).every(({ meta }) => meta.epoch === epoch))).toBe(true)
}

describe('a database that went back', () => {
  async function ownPostgres(): Promise<Postgres> {
    // As it ships, but for the disk: a restore is not faster or slower for what is asked here.
    const postgres = await startPostgres({ settings: { fsync: 'off' } })
    onTestFinished(postgres.close)
    return postgres
  }

  it('R2 F7 files of a backup put back, and VACUUM FULL "Room" as in docs/operations.md: every client is answered reset', async () => {
    const postgres = await ownPostgres()
    const databaseUrl = await postgres.database()
    const at = await scene(databaseUrl)
    const { project, owner, have } = at

    await postgres.stop()
    const backup = `${postgres.path}.backup`
    onTestFinished(() => rm(backup, { recursive: true, force: true }))
    await copyFiles(postgres.path, backup)
    await postgres.start()
    await until(
      'writes again',
      async () => (await owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'lost 4' })).status === 201,
    )
    for (const n of [5, 6]) await write(owner, project.id, `lost ${n}`)
    await have(6)

    await postgres.stop()
    await rm(postgres.path, { recursive: true })
    await copyFiles(backup, postgres.path)
    await postgres.start()
    const admin = new pg.Client({ connectionString: direct(databaseUrl) })
    await admin.connect()
    await admin.query('VACUUM FULL "Room"')
    await admin.end()
    await expectReset(at, 6)
  })

  it('R2 a dump restored into the same database under running servers: every client is answered reset', async () => {
    const { url, drop } = await createDatabase()
    onTestFinished(drop)
    const admin = new pg.Client({ connectionString: direct(url) })
    await admin.connect()
    onTestFinished(() => admin.end())
    const at = await scene(url)
    const { project, owner, have } = at

    // What pg_dump --data-only and pg_restore do: the rows out, the tables emptied, the rows in, without triggers.
    const { rows } = await admin.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'`,
    )
    const tables = rows.map(({ name }) => name)
    for (const name of tables) await admin.query(`CREATE TEMP TABLE "dump ${name.replaceAll('"', '')}" AS TABLE ${name}`)
    for (const n of [4, 5]) await write(owner, project.id, `lost ${n}`)
    await have(5)
    await admin.query('BEGIN')
    await admin.query(`TRUNCATE ${tables.join(', ')}`)
    await admin.query('SET LOCAL session_replication_role = replica')
    for (const name of tables) await admin.query(`INSERT INTO ${name} TABLE "dump ${name.replaceAll('"', '')}"`)
    await admin.query('COMMIT')
    await expectReset(at, 5)
  })

  it('R2 a database replaced behind open pools: none of its events goes out under the old epoch', async () => {
    const { url } = await createDatabase()
    const name = new URL(url).pathname.slice(1)
    const admin = new pg.Client({ connectionString: direct(withDatabase(url, 'postgres')) })
    await admin.connect()
    onTestFinished(async () => {
      for (const one of [name, `${name}_old`, `${name}_copy`]) await admin.query(`DROP DATABASE IF EXISTS "${one}" WITH (FORCE)`)
      await admin.end()
    })
    const room = 'project:exchanged'
    const run = async (sql: string) => {
      const client = new pg.Client({ connectionString: direct(url) })
      await client.connect()
      await client.query(sql).finally(() => client.end())
    }
    const write = (n: number) => `SELECT append('${room}', 'task:deleted', '{"taskId":"${n}"}')`
    await run(`INSERT INTO "Room" (id) VALUES ('${room}')`)
    await run(write(1))
    await admin.query(`CREATE DATABASE "${name}_copy" TEMPLATE "${name}"`)
    await run(write(2))

    const database = openDatabase(url, { connections: 2, onError: () => {} })
    onTestFinished(() => database.close())
    const log = await openLog(database.readers)
    const before = log.epoch()
    let told = 0
    log.onEpoch(() => {
      told++
    })
    expect((await log.read(room, 0, 100, 10)).map(({ meta }) => [meta.seq, meta.epoch])).toEqual([
      [1, before],
      [2, before],
    ])

    // Renamed under the pools: their connections break, and the next ones lead to the copy.
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE '${name}%'`
    await admin.query(end)
    await until(
      'the old one is free',
      async () => (await admin.query(`SELECT 1 FROM pg_stat_activity WHERE datname LIKE '${name}%'`)).rowCount === 0,
    )
    await admin.query(`ALTER DATABASE "${name}" RENAME TO "${name}_old"`)
    await admin.query(`ALTER DATABASE "${name}_copy" RENAME TO "${name}"`)
    await run(write(22))

    // The first look is what finds out: nothing of it is used.
    await expect(log.read(room, 1, 100, 10)).rejects.toMatchObject({ code: 'unavailable' })
    expect(told).toBe(1)
    expect(log.epoch()).not.toBe(before)
    const after = await log.read(room, 1, 100, 10)
    expect(after.map(({ payload, meta }) => [payload, meta.epoch])).toEqual([[{ taskId: '22' }, log.epoch()]])
    expect(told).toBe(1)
  })

  it('R2 the epoch needs no superuser, stays the same, and differs between databases', async () => {
    const { url, drop } = await createDatabase()
    onTestFinished(drop)
    const admin = new pg.Client({ connectionString: direct(url) })
    await admin.connect()
    const role = `cutroom_reader_${process.pid}`
    onTestFinished(async () => {
      await admin.query(`DROP OWNED BY ${role}`)
      await admin.query(`DROP ROLE ${role}`)
      await admin.end()
    })
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader' NOSUPERUSER`)
    await admin.query(`GRANT SELECT ON "Room", "Event" TO ${role}`)
    const plain = new URL(url)
    Object.assign(plain, { username: role, password: 'reader' })
    const epochOf = async (at: string) => {
      const pool = new pg.Pool({ connectionString: direct(at) })
      try {
        return (await openLog(pool)).epoch()
      } finally {
        await pool.end()
      }
    }
    const name = await epochOf(url)
    expect(name).toMatch(/^[0-9a-f]{12}$/)
    expect(await epochOf(plain.href)).toBe(name)
    const other = await createDatabase()
    onTestFinished(other.drop)
    expect(await epochOf(other.url)).not.toBe(name)
    await admin.query('VACUUM FULL "Room"')
    const next = await epochOf(url)
    expect(next).not.toBe(name)
    await admin.query('VACUUM "Room"')
    await admin.query('REINDEX TABLE "Room"')
    expect(await epochOf(url)).toBe(next)
  })
})
