import { rm } from 'node:fs/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { startPostgres } from '../faults/support/postgres.ts'
import { copyFiles } from '../faults/support/standby.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { createTeam, login } from '../support/people.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

if (!hasRedis()) refuseWithoutRedis('two clusters over one Redis')

const names = (listener: Listener) =>
  listener.frames.flatMap(({ name, payload }) =>
    name === 'presence:changed'
      ? (payload as { present: { user: { name: string } }[] }).present.map(({ user }) => user.name)
      : [],
  )
const typing = (listener: Listener) =>
  listener.frames.flatMap(({ name, payload }) => (name === 'typing' ? [payload.userId as string] : []))

/** Nodes over the same rows in two clusters: the owner at the first, the editor and the commenter at a node each of the second. */
async function meet(apps: [TestApp, TestApp, TestApp], team: Awaited<ReturnType<typeof createTeam<'editor' | 'commenter'>>>) {
  const [first, second, third] = apps
  const { project, owner, editor, commenter } = team
  const here = await connect(first, await login(first, owner))
  const there = await connect(second, await login(second, editor))
  await here.join(project.id)
  await there.join(project.id)
  const beside = await connect(third, await login(third, commenter))
  await beside.join(project.id)
  // A message may be lost while a node is still about to subscribe: each is sent until the later one has come, by the same way.
  let turn = 0
  await until('the node of the same cluster is heard', async () => {
    for (const [listener, at] of [
      [here, 'here'],
      [beside, 'beside'],
    ] as const) {
      await listener.ask('presence:set', { projectId: project.id, state: { at, turn } })
      listener.socket.emit('typing', { projectId: project.id, targetId: project.id, isTyping: turn % 2 === 0 })
    }
    turn++
    return names(there).includes(commenter.name) && typing(there).includes(commenter.id)
  })
  const ack = await beside.join(project.id)
  const present = ack.presence.map(({ user }) => user.id)
  return { strangers: [names(there).includes(owner.name), typing(there).includes(owner.id), present.includes(owner.id)] }
}

describe.runIf(hasRedis())('two clusters over one Redis', { timeout: 90_000 }, () => {
  it('P1 D3 copies of one backup with different REDIS_PREFIX receive nothing of each other; nodes of one receive everything', async () => {
    const redis = await startRedis()
    onTestFinished(redis.close)
    const original = await startPostgres({ settings: { fsync: 'off' } })
    onTestFinished(original.close)
    const databaseUrl = await original.database()
    const seeding = await startApp({ databaseUrl })
    const team = await createTeam(seeding, 'editor', 'commenter')
    await seeding.close()
    await original.stop()
    const path = `${original.path}.clone`
    onTestFinished(() => rm(path, { recursive: true, force: true }))
    await copyFiles(original.path, path)
    await original.start()
    const clone = await startPostgres({ settings: { fsync: 'off' }, cluster: { path, password: original.password } })
    onTestFinished(clone.close)
    const clonedUrl = clone.urlOf(new URL(databaseUrl).pathname.slice(1))

    const start = async (url: string, prefix: string) => {
      const app = await startApp({ databaseUrl: url, env: { REDIS_URL: redis.url, ...(prefix && { REDIS_PREFIX: prefix }) } })
      onTestFinished(app.close)
      return app
    }
    const apart = [await start(databaseUrl, 'production'), await start(clonedUrl, 'staging'), await start(clonedUrl, 'staging')]
    const heard = await meet(apart as [TestApp, TestApp, TestApp], team)
    expect(heard.strangers).toEqual([false, false, false])
  })

  it('P1 D3 two schemas of one database receive nothing of each other', async () => {
    const redis = await startRedis()
    onTestFinished(redis.close)
    const { url, drop } = await createDatabase()
    onTestFinished(drop)
    const other = new URL(url)
    other.searchParams.set('schema', 'copy')
    await migrate(other.href)
    const env = { REDIS_URL: redis.url }
    const first = await startApp({ databaseUrl: url, env })
    onTestFinished(first.close)
    const second = await startApp({ databaseUrl: other.href, env })
    onTestFinished(second.close)
    const third = await startApp({ databaseUrl: other.href, env })
    onTestFinished(third.close)
    const team = await createTeam(first, 'editor', 'commenter')
    const copies = `SELECT string_agg(format('INSERT INTO copy.%1$I SELECT r.* FROM public.%1$I t, json_populate_record(NULL::copy.%1$I, row_to_json(t)) r', name), ';' ORDER BY n) AS sql
      FROM unnest(ARRAY['User', 'Project', 'Member', 'Room']) WITH ORDINALITY AS t (name, n)`
    const { rows } = await first.db.query<{ sql: string }>(copies)
    await first.db.query(rows[0]?.sql ?? '')
    const heard = await meet([first, second, third], team)
    expect(heard.strangers).toEqual([false, false, false])
  })
})
