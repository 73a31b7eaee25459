import { createHmac, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { direct } from '../../support/hostile.ts'
import { percentile } from '../../support/statistics.ts'
import { judgeBaseline } from '../support/oracle.ts'
import { type RawPlan, startRawCrowd } from '../support/raw-crowd.ts'
import type { Scenario } from '../support/scenario.ts'

const PROJECTS = 20
const BEHIND = 100
const SECRET = 'a secret of the storm, thirty-two or more'

/** An access token without a login: two thousand passwords would take longer than everything else. */
function tokenOf(userId: string, sessionId: string): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: 'cutroom', aud: 'cutroom', sub: userId, sid: sessionId, jti: randomUUID(), iat: now, exp: now + 3_600 }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

/** As many people as clients, spread over the projects, each of which has a log of a few hundred events. */
async function settle(db: pg.Client, people: number): Promise<RawPlan[]> {
  const { rows: sessions } = await db.query<{ id: string; userId: string }>(
    `WITH people AS (INSERT INTO "User" (id, email, name, "passwordHash")
       SELECT gen_random_uuid(), n || '@example.com', 'Person ' || n, '' FROM generate_series(1, $1::int) n RETURNING id),
     rooms AS (INSERT INTO "Room" (id) SELECT 'user:' || id FROM people)
     INSERT INTO "Session" (id, "userId", "tokenHash", "expiresAt")
       SELECT gen_random_uuid(), id, id::text, now() + interval '1 day' FROM people RETURNING id, "userId"`,
    [people],
  )
  const { rows: projects } = await db.query<{ id: string }>(
    `WITH projects AS (INSERT INTO "Project" (id, name, "authorId")
       SELECT gen_random_uuid(), 'Album ' || n, $2 FROM generate_series(1, $1::int) n RETURNING id),
     rooms AS (INSERT INTO "Room" (id) SELECT 'project:' || id FROM projects) SELECT id FROM projects`,
    [PROJECTS, sessions[0]?.userId],
  )
  const plans = sessions.map(({ id, userId }, index) => {
    const projectId = projects[index % PROJECTS]?.id ?? ''
    return { userId, projectId, token: tokenOf(userId, id), after: BEHIND }
  })
  await db.query(`INSERT INTO "Member" ("projectId", "userId", role) SELECT *, 'editor' FROM unnest($1::uuid[], $2::uuid[])`, [
    plans.map(({ projectId }) => projectId),
    plans.map(({ userId }) => userId),
  ])
  await append(
    db,
    projects.map(({ id }) => id),
    2 * BEHIND,
  )
  await db.query('ANALYZE')
  return plans
}

/** Events of some 300 bytes. */
async function append(db: pg.Client, projects: string[], count: number): Promise<void> {
  const payload = JSON.stringify({ taskId: randomUUID(), note: 'x'.repeat(250) })
  for (const id of projects)
    await db.query(`SELECT append($1, 'task:deleted', $2::json) FROM generate_series(1, $3::int)`, [
      `project:${id}`,
      payload,
      count,
    ])
}

/** How often the servers asked what, since the last reset. */
async function asked(db: pg.Client): Promise<{ members: number; log: number; all: number }> {
  const { rows } = await db.query<{ query: string; calls: string }>(
    `SELECT query, calls FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%'`,
  )
  const count = (like: (query: string) => boolean) =>
    rows.filter(({ query }) => like(query)).reduce((sum, { calls }) => sum + Number(calls), 0)
  return {
    members: count((query) => query.includes('m.role, r.head')),
    log: count((query) => /FROM "Event" e\s+WHERE/.test(query)),
    all: count(() => true),
  }
}

/** Seconds of CPU that a process took so far. */
async function cpuOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  return (user + system) / 100
}

export const scenario: Scenario = {
  id: 'F11',
  title: `a reconnect storm: clients at once, each ${BEHIND} events behind in one of ${PROJECTS} projects`,
  async run(stage) {
    const size = stage.short ? 300 : 2_000
    const postgres = await stage.ownPostgres({ settings: { shared_preload_libraries: 'pg_stat_statements' } })
    const databaseUrl = await postgres.database()
    const db = new pg.Client({ connectionString: direct(databaseUrl) })
    await db.connect()
    stage.undo(() => db.end())
    await db.query('CREATE EXTENSION pg_stat_statements')
    const plans = await settle(db, size)
    const nodes = await stage.nodes(1, { databaseUrl, env: { JWT_SECRET: SECRET } })
    const [node] = nodes
    if (!node) throw new Error('no node')

    // The first wave finds a server whose code never ran; the second is the one that counts.
    let projects: string[] = []
    for (const wave of ['first', 'second']) {
      stage.progress(wave === 'first' ? 0.1 : 0.5, `${wave} wave`)
      await db.query('SELECT pg_stat_statements_reset()')
      // The histogram of the event loop's delay begins anew with each reading.
      await node.metric('cutroom_nodejs_eventloop_lag_p99_seconds')
      const before = await cpuOf(node.pid())
      stage.mark(`${wave} wave`)
      const crowd = startRawCrowd(stage, node.url, plans)
      await crowd.allLive(60_000)
      const lag = 1_000 * (await node.metric('cutroom_nodejs_eventloop_lag_p99_seconds'))
      const counts = await asked(db)
      const server = (await cpuOf(node.pid())) - before
      const clientsCpu = crowd.status().cpuSeconds

      // And they are live: what is written now reaches all of them.
      projects = [...new Set(plans.map(({ projectId }) => projectId))]
      await append(db, projects, 1)
      const head = 2 * BEHIND + (wave === 'first' ? 1 : 2)
      await crowd.settled(head, 20_000)
      const { clients } = await crowd.finish()
      const times = clients.map(({ liveMs }) => liveMs ?? Number.POSITIVE_INFINITY)
      const wrong = clients.flatMap((client) => client.wrong)
      stage.zero(`${wave} wave: gaps and repeats`, wrong.length, wrong)
      stage.zero(`${wave} wave: clients short of the head`, clients.filter(({ last }) => last !== head).length)
      if (wave === 'second') {
        stage.atMost(`all ${size} live after`, percentile(times, 1) / 1_000, 10, 's')
        stage.atMost('event loop delay, p99', lag, 100, 'ms')
        stage.atMost('membership reads per client', counts.members / size, 1, '')
        stage.atMost('log reads per project', counts.log / PROJECTS, 1, '')
      } else stage.show(`${wave} wave: all live after`, `${(percentile(times, 1) / 1_000).toFixed(1)} s`)
      stage.show(`${wave} wave: half live after`, `${(percentile(times, 0.5) / 1_000).toFixed(1)} s`)
      stage.show(`${wave} wave: statements per client`, (counts.all / size).toFixed(2))
      stage.show(`${wave} wave: CPU of the server, of the clients`, `${server.toFixed(1)} s, ${clientsCpu.toFixed(1)} s`)
      const again = clients.reduce((sum, { reconnects, refusals }) => sum + reconnects + refusals, 0)
      stage.show(`${wave} wave: connections that had to try again`, String(again))
      for (const plan of plans) plan.after = BEHIND + (wave === 'first' ? 1 : 0)
      await judgeBaseline(stage, nodes)
    }
  },
}
