import pg from 'pg'
import { direct } from '../../support/hostile.ts'
import { highest } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, keepLoad, sleep, statusOf } from '../support/drive.ts'
import type { Postgres } from '../support/postgres.ts'
import type { Scenario } from '../support/scenario.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate, type World } from '../support/world.ts'
import { openHttp, startWriter } from '../support/writer.ts'

/** The ways it goes down; each time it is started again at once. */
const FAULTS: [string, (postgres: Postgres, databaseUrl: string) => Promise<void>][] = [
  ['immediate shutdown', (postgres) => postgres.crash()],
  [
    'kill -9 of the postmaster',
    async (postgres) => {
      const pid = postgres.pid()
      process.kill(pid, 'SIGKILL')
      await until('the postmaster is gone', () => postgres.pid() !== pid || !isAlive(pid))
    },
  ],
  [
    'kill -9 of one backend',
    async (_, databaseUrl) => {
      const admin = new pg.Client({ connectionString: direct(databaseUrl) })
      admin.on('error', () => {})
      await admin.connect()
      const { rows } = await admin.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'cutroom' AND datname = current_database() LIMIT 1`,
      )
      // Postgres ends all its backends then and recovers by itself.
      for (const { pid } of rows) process.kill(pid, 'SIGKILL')
      await admin.end().catch(() => {})
    },
  ],
]

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Orphaned backends of a killed postmaster hold its memory for a moment, and Postgres refuses to start beside them. */
async function startAgain(postgres: Postgres, databaseUrl: string): Promise<void> {
  const works = (trying: Promise<void>) =>
    trying.then(
      () => true,
      () => false,
    )
  await until('Postgres starts', () => works(postgres.start()), 30_000)
  await until('Postgres recovers', () => works(run(databaseUrl, 'SELECT 1')), 30_000)
}

const silent = () => {}

async function run(databaseUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: direct(databaseUrl) })
  client.on('error', silent)
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

/** Asks every node for a project all the time. What it answers besides 200: must be 503. */
function probe(world: World, urls: string[]) {
  const [place] = world.projects
  const http = openHttp()
  const strange: string[] = []
  let refused = 0
  let going = true
  const running = urls.map(async (url) => {
    while (going) {
      const token = place?.members[0]?.token ?? ''
      const answer = await http.send(url, 'GET', `/api/projects/${place?.id}`, { token, timeoutMs: 15_000 }).catch(String)
      if (typeof answer === 'string') strange.push(answer)
      else if (answer.status === 503 && answer.retryAfter > 0) refused++
      else if (answer.status !== 200) strange.push(`${answer.status} ${answer.body}`)
      await sleep(50)
    }
  })
  return {
    strange,
    refused: () => refused,
    async stop() {
      going = false
      await Promise.all(running)
      http.close()
    },
  }
}

export const scenario: Scenario = {
  id: 'F6',
  title: 'Postgres restarted hard under 200 writes/s, three nodes, 200 clients',
  async run(stage) {
    const postgres = await stage.ownPostgres()
    const databaseUrl = await postgres.database()
    const nodes = await stage.nodes(3, { databaseUrl })
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map((node) => node.url)
    const world = await populate(first, { people: 20, projects: 20, members: 5 })
    const crowd = await startCrowd(stage, { world, urls, size: stage.short ? 60 : 200 })
    const typed = await startTypedClients(stage, world, urls, 4)
    // As a server that has run for a while: what the making of a database left behind is on the disk.
    await run(databaseUrl, 'CHECKPOINT')
    const writer = startWriter({ world, urls, perSecond: 200, seed: stage.random.int(0, 2 ** 31) })
    const asking = probe(world, urls)
    stage.undo(asking.stop)
    const beside = statusOf(writer, crowd)

    const lasts = stage.seconds(60, 2) * 1000
    // Long: each of them three times.
    const rounds = stage.short ? 1 : 3
    const crashes: { at: number; kind: string; recovered: number }[] = []
    for (let round = 0; round < rounds; round++) {
      for (const [n, [kind, hurt]] of stage.random.shuffle(FAULTS).entries()) {
        if (stage.short && n > 0) break
        const share = (round * FAULTS.length + n) / (rounds * FAULTS.length)
        await keepLoad(stage, stage.short ? lasts : lasts / (rounds * FAULTS.length), [share, share], beside)
        stage.mark(kind)
        const at = Date.now()
        await hurt(postgres, databaseUrl)
        await startAgain(postgres, databaseUrl)
        crashes.push({ at, kind, recovered: Date.now() - at })
      }
    }
    await keepLoad(stage, stage.short ? 2_000 : 5_000, [1, 1], beside)
    await asking.stop()
    const { seen } = await conclude(stage, { world, nodes, crowd, writer, typed, databaseUrl })

    const ended = nodes.filter((node) => !node.alive())
    stage.zero(
      'nodes that ended',
      ended.length,
      ended.map((node) => node.output().slice(-2_000)),
    )
    const dropped = Object.entries(seen.ledger.disconnects)
    stage.zero(
      'sockets dropped',
      dropped.reduce((sum, [, count]) => sum + count, 0),
      dropped.map(String),
    )
    stage.zero('resets', seen.ledger.resets)
    stage.zero('answers other than 200 and 503 with Retry-After', asking.strange.length, asking.strange)
    stage.holds('it was felt', asking.refused() > 0 && writer.writes.some((write) => write.tries > 1))
    // From the crash to the beginning of the last try that succeeded, of the writes that had failed before.
    const dark = crashes.map(({ at, kind, recovered }, n) => {
      const until = crashes[n + 1]?.at ?? Number.POSITIVE_INFINITY
      const hit = writer.writes.filter((write) => write.tries > 1 && write.triedAt >= at && write.triedAt < until)
      return { kind, recovered, ms: Math.max(0, highest(hit.map((write) => write.triedAt - at)) || 0) }
    })
    stage.atMost('503 after a hard restart, longest', highest(dark.map(({ ms }) => ms)), 5_000, 'ms')
    for (const [kind] of FAULTS) {
      const some = dark.filter((one) => one.kind === kind).map(({ ms, recovered }) => `${ms} (${recovered}) ms`)
      if (some.length > 0) stage.show(`  ${kind}: 503 for (Postgres itself away for)`, some.join(', '))
    }
    stage.show('writes sent more than once', String(writer.writes.filter((write) => write.tries > 1).length))
  },
}
