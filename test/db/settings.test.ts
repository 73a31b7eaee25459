import type { Task } from '@cutroom/contract'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { migrate } from '../../src/db/migrate.ts'
import { startApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { direct, HOSTILE, hostility } from '../support/hostile.ts'
import { createProject, createTeam, login, register } from '../support/people.ts'
import { openPool } from '../support/pool.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

interface Own {
  url: string
  name: string
  /** SQL as a superuser, in this database. */
  run: (sql: string) => Promise<Record<string, unknown>[]>
}

/** A migrated database of one test. */
async function ownDatabase(): Promise<Own> {
  const { url, drop } = await createDatabase()
  onTestFinished(drop)
  const admin = openPool(url)
  return { url, name: new URL(url).pathname.slice(1), run: async (sql) => (await admin.query(sql)).rows }
}

/** A role that is no superuser, and the URL by which it connects. */
async function plainRole({ url, name, run }: Own, options = ''): Promise<{ role: string; url: string }> {
  const role = `plain_${name}`
  await run(`CREATE ROLE ${role} LOGIN PASSWORD 'plain' NOSUPERUSER ${options}`)
  onTestFinished(async () => {
    const admin = new pg.Client({ connectionString: direct(url) })
    await admin.connect()
    await admin.query(`DROP OWNED BY ${role} CASCADE`)
    await admin.query(`DROP ROLE ${role}`)
    await admin.end()
  })
  const made = new URL(url)
  Object.assign(made, { username: role, password: 'plain' })
  return { role, url: made.href }
}

const refusal = (url: string, connections?: number): Promise<string> =>
  migrate(url, connections === undefined ? {} : { connections }).then(
    () => 'it starts',
    (error: Error) => error.message,
  )

describe('U4 whatever a database has set', () => {
  for (const zone of ['America/Los_Angeles', 'Asia/Kolkata', 'Pacific/Kiritimati'])
    it(`U4 in the time zone ${zone} times are the same in rows, events, lists and sessions`, async () => {
      const own = await ownDatabase()
      await own.run(hostility(own.name))
      await own.run(`ALTER DATABASE "${own.name}" SET TimeZone = '${zone}'`)
      const app = await startApp({ databaseUrl: own.url })
      onTestFinished(app.close)
      const { owner, project } = await createTeam(app, 'editor')
      const again = await login(app, owner)
      const listener = await connect(app, again)
      await listener.join(project.id)
      const dueAt = '2026-07-01T18:00:00.000Z'
      const task = await again.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix', dueAt })
      await until('the event', () => listener.events().some(({ name }) => name === 'task:created'))
      const list = await again.must<{ data: Task[] }>('GET', `/api/projects/${project.id}/tasks`)
      const found = [task, await again.must<Task>('GET', `/api/tasks/${task.id}`), list.data[0]]
      const [event] = listener.events().filter(({ name }) => name === 'task:created')
      for (const one of [...found, event?.payload]) expect(one).toMatchObject({ dueAt, createdAt: task.createdAt })
      expect(Math.abs(Date.now() - Date.parse(task.createdAt))).toBeLessThan(60_000)
      expect(Math.abs(Date.now() - Date.parse(event?.meta.at ?? ''))).toBeLessThan(60_000)
    })

  it('U4 every connection has the same settings as in a database that sets none', async () => {
    // Not in the hostile run, where tests connect as roles that may not set them back.
    const privileged = ['session_replication_role', 'deadlock_timeout', 'zero_damaged_pages']
    const settingsOf = async (url: string) => {
      const database = openDatabase(url, { connections: 1, onError: () => {} })
      const names = [
        ...Object.keys(HOSTILE).filter((name) => name !== 'jit_above_cost'),
        'jit',
        'transaction_isolation',
        ...privileged,
      ]
      const text = `SELECT name, current_setting(name, true) AS value FROM unnest($1::text[]) AS name ORDER BY 1`
      try {
        const found = [await database.pool.query(text, [names]), await database.readers.query(text, [names])]
        const transaction = await database.begin()
        found.push({ rows: await transaction.query({ text, values: [names] }) } as unknown as (typeof found)[0])
        await transaction.commit()
        return found.map(({ rows }) => rows)
      } finally {
        await database.close()
      }
    }
    const hostile = await ownDatabase()
    await hostile.run(hostility(hostile.name))
    for (const [n, value] of ['replica', '1h', 'on'].entries())
      await hostile.run(`ALTER DATABASE "${hostile.name}" SET ${privileged[n]} = '${value}'`)
    const plain = await ownDatabase()
    for (const name of Object.keys(HOSTILE)) await plain.run(`ALTER DATABASE "${plain.name}" RESET ${name}`)
    const [asked, read, written] = await settingsOf(hostile.url)
    expect([asked, read, written]).toEqual(await settingsOf(plain.url))
    expect(written).toEqual(asked)
    expect(asked).toContainEqual({ name: 'TimeZone', value: 'UTC' })
    expect(asked).toContainEqual({ name: 'transaction_isolation', value: 'read committed' })
  })

  it('U4 a commit waits for the disk, and for a standby where synchronous_commit asks for it', async () => {
    const own = await ownDatabase()
    for (const [set, has] of Object.entries({ off: 'on', local: 'on', remote_write: 'on', remote_apply: 'remote_apply' })) {
      await own.run(`ALTER DATABASE "${own.name}" SET synchronous_commit = '${set}'`)
      const database = openDatabase(own.url, { connections: 1, onError: () => {} })
      const { rows } = await database.pool.query('SHOW synchronous_commit')
      await database.close()
      expect(rows, set).toEqual([{ synchronous_commit: has }])
    }
  })

  it('U4 a setting that breaks promises and may not be changed stops the start with one line', async () => {
    const own = await ownDatabase()
    const { role, url } = await plainRole(own)
    await own.run(`ALTER ROLE ${role} SET session_replication_role = 'replica'`)
    const line = await refusal(url)
    expect(line).toMatch(/^DATABASE_URL: .*session_replication_role.*replica/)
    expect(line).not.toContain('\n')
    await own.run(`GRANT SET ON PARAMETER session_replication_role TO ${role}`)
    await own.run(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`)
    expect(await refusal(url)).toBe('it starts')
    await own.run(`REVOKE ALL ON PARAMETER session_replication_role FROM ${role}`)
  })
})

describe('a schema of another name', () => {
  it('U4 ?schema= holds everything, is made where it is missing, and public stays empty', async () => {
    const own = await ownDatabase()
    await own.run('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
    for (const schema of ['cutroom', 'Band room-1']) {
      const named = new URL(own.url)
      named.searchParams.set('schema', schema)
      expect((await migrate(named.href)).length).toBeGreaterThan(1)
      expect(await migrate(named.href)).toEqual([])
      const app = await startApp({ databaseUrl: named.href })
      try {
        const owner = await register(app)
        const project = await createProject(owner)
        const listener = await connect(app, owner)
        await listener.join(project.id)
        await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
        await until('the event', () => listener.events().some(({ name }) => name === 'task:created'))
        const snapshot = await owner.must<{ tasks: unknown[] }>('GET', `/api/projects/${project.id}/snapshot`)
        expect(snapshot.tasks).toHaveLength(1)
        const at = `"${schema}"`
        await own.run(
          `SET search_path = ${at}; SELECT append('project:${project.id}', 'task:deleted', '{"taskId":"${project.id}"}')`,
        )
        await until('the event by SQL', () => listener.events().some(({ name }) => name === 'task:deleted'))
      } finally {
        await app.close()
      }
    }
    expect(await own.run(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`)).toEqual([])
  })
})

describe('an unfit database stops the start with one line that names the cure', () => {
  const lines: [what: string, prepare: (own: Own) => Promise<string>, says: RegExp, connections?: number][] = [
    [
      'more connections than the role may have',
      async (own) => {
        const { role, url } = await plainRole(own, 'CONNECTION LIMIT 12')
        await own.run(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`)
        return url
      },
      /^DATABASE_POOL: 10 .* 12: lower it/,
      10,
    ],
    ['more connections than the server has', async ({ url }) => url, /^DATABASE_POOL: 500 .* max_connections/, 500],
    [
      'no right to make tables',
      async (own) => {
        await own.run('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
        return (await plainRole(own)).url
      },
      /^DATABASE_URL: .* may not make tables .*GRANT USAGE, CREATE ON SCHEMA "public" TO "plain_/,
    ],
    [
      'a schema that is missing and may not be made',
      async (own) => `${(await plainRole(own)).url}?schema=band`,
      /^DATABASE_URL: the schema "band" does not exist.*CREATE SCHEMA "band" AUTHORIZATION "plain_/,
    ],
    [
      'tables of another program',
      async (own) => {
        await own.run('DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE invoices (id int)')
        return own.url
      },
      /^DATABASE_URL: the schema "public" holds .*"invoices".*\?schema=/,
    ],
    [
      'migrations of another program',
      async (own) => {
        await own.run(`UPDATE _prisma_migrations SET migration_name = 'other_' || migration_name`)
        return own.url
      },
      /^DATABASE_URL: the schema "public" holds .*"other_.*\?schema=/,
    ],
    ['tables that the role may not write', async (own) => (await plainRole(own)).url, /^DATABASE_URL: .*may not read/],
    [
      'policies that hide rows',
      async (own) => {
        const { role, url } = await plainRole(own)
        await own.run(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; ALTER TABLE "Task" ENABLE ROW LEVEL SECURITY`)
        return url
      },
      /^DATABASE_URL: row level security may hide rows of "public"\."Task"/,
    ],
    [
      'another encoding',
      async (own) => {
        const name = `${own.name}_latin`
        await own.run(`CREATE DATABASE "${name}" ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0`)
        onTestFinished(async () => {
          const admin = new pg.Client({ connectionString: direct(own.url) })
          await admin.connect()
          await admin.query(`DROP DATABASE "${name}" WITH (FORCE)`)
          await admin.end()
        })
        return own.url.replace(own.name, name)
      },
      /^DATABASE_URL leads to a database in LATIN1: .*ENCODING 'UTF8'/,
    ],
  ]
  for (const [what, prepare, says, connections] of lines)
    it(`O3 ${what}`, async () => {
      const line = await refusal(await prepare(await ownDatabase()), connections)
      expect(line).toMatch(says)
      expect(line).not.toContain('\n')
      expect(line).not.toContain('plain:')
    })
})
