import { execFile } from 'node:child_process'
import { appendFile, chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { direct } from '../../support/hostile.ts'
import { until } from '../../support/until.ts'
import type { Postgres } from './postgres.ts'
import type { Stage } from './stage.ts'

/** Runs SQL on a connection of its own. */
export async function ask<R extends pg.QueryResultRow>(url: string, sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: direct(url) })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<R>(sql)).rows
  } finally {
    await client.end()
  }
}

/** A copy of a cluster's files as they are; of a running one, files that are removed during the copy are missing in it. */
export async function copyFiles(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to], { env: { ...process.env, LC_ALL: 'C' } }).catch(
    (error: { stderr?: string }) => {
      for (const line of (error.stderr ?? '').trim().split('\n')) if (!line.endsWith('No such file or directory')) throw error
    },
  )
}

/** A file in a cluster, as its server would have written it. */
async function leave(cluster: string, name: string, content: string): Promise<void> {
  const { uid, gid } = await stat(cluster)
  await writeFile(join(cluster, name), content, { mode: 0o600 })
  await chown(join(cluster, name), uid, gid)
}

/** A hot standby that streams from `primary`: what pg_basebackup would make, by the calls beneath it. */
export async function startStandby(stage: Stage, primary: Postgres): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'cutroom-standby-'))
  stage.undo(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const path = join(folder, 'postgres')

  // Of one session: a backup ends with the connection that began it.
  const client = new pg.Client({ connectionString: primary.urlOf('postgres') })
  await client.connect()
  try {
    await client.query(`SELECT pg_backup_start('standby', true)`)
    await copyFiles(primary.path, path)
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)')
    await rm(join(path, 'postmaster.pid'))
    await leave(path, 'backup_label', rows[0]?.labelfile ?? '')
  } finally {
    await client.end()
  }
  const primaryAt = `host=127.0.0.1 port=${primary.port} user=cutroom password=${primary.password}`
  await appendFile(join(path, 'postgresql.auto.conf'), `primary_conninfo = '${primaryAt}'\n`)
  await leave(path, 'standby.signal', '')

  const standby = await stage.ownPostgres({ cluster: { path, password: primary.password } })
  await until('the standby streams', async () => {
    const receivers = await ask(standby.urlOf('postgres'), `SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'`)
    return receivers.length === 1
  })
  return standby
}

/** Resolves when the standby has replayed all that the primary has written. */
export async function replayed(primary: Postgres, standby: Postgres): Promise<void> {
  const [at] = await ask<{ lsn: string }>(primary.urlOf('postgres'), 'SELECT pg_current_wal_flush_lsn() AS lsn')
  await until('the standby has everything', async () => {
    const [row] = await ask<{ there: boolean }>(
      standby.urlOf('postgres'),
      `SELECT pg_last_wal_replay_lsn() >= '${at?.lsn}' AS there`,
    )
    return row?.there ?? false
  })
}

/** The standby receives nothing from its primary any more. */
export async function detach(standby: Postgres): Promise<void> {
  await ask(standby.urlOf('postgres'), `ALTER SYSTEM SET primary_conninfo = ''`)
  await ask(standby.urlOf('postgres'), 'SELECT pg_reload_conf()')
  await until('the standby is on its own', async () => {
    const receivers = await ask(standby.urlOf('postgres'), 'SELECT FROM pg_stat_wal_receiver')
    return receivers.length === 0
  })
}
