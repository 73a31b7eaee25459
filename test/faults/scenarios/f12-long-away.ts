import pg from 'pg'
import { retain } from '../../../src/jobs/retention.ts'
import { direct } from '../../support/hostile.ts'
import { percentile } from '../../support/statistics.ts'
import { type Crowd, startFollowers } from '../support/crowd.ts'
import { conclude, keepLoad, sleep, statusOf } from '../support/drive.ts'
import type { Plan } from '../support/follower.ts'
import { keepLog } from '../support/kept-log.ts'
import type { Scenario } from '../support/scenario.ts'
import { ask } from '../support/standby.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate } from '../support/world.ts'
import { openHttp, startWriter } from '../support/writer.ts'

const DAY = 86_400
const CHUNK = 5_000

export const scenario: Scenario = {
  id: 'F12',
  title: 'away for a month while 100,000 events are written; back while retention cuts the log',
  async run(stage) {
    const { databaseUrl } = stage
    const nodes = await stage.nodes(2)
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map((node) => node.url)
    const world = await populate(first, { people: 4, projects: 2, members: 4 })
    const http = openHttp()
    stage.undo(http.close)
    const [place] = world.projects
    if (!place) throw new Error('no project')
    const page = async (after: number) => {
      const token = place.members[0]?.token ?? ''
      const answer = await http.send(first.url, 'GET', `/api/projects/${place.id}/events?after=${after}&limit=500`, { token })
      return {
        status: answer.status,
        ...(JSON.parse(answer.body) as { epoch: string; head: number; data?: { meta: { seq: number } }[] }),
      }
    }
    const { epoch } = await page(0)
    const typed = await startTypedClients(stage, world, urls, 2)

    // By another program: no notification, and only events that every client can apply.
    const each = (stage.short ? 6_000 : 100_000) / world.projects.length
    for (const [n, { id }] of world.projects.entries()) {
      for (let done = 0; done < each; done += CHUNK) {
        stage.progress((n + done / each) / 6, 'writing')
        await ask(
          databaseUrl,
          `SELECT append('project:${id}', 'task:deleted', json_build_object('taskId', gen_random_uuid()))
           FROM generate_series(1, ${Math.min(CHUNK, each - done)})`,
        )
      }
    }
    // The clock of a month later, for three of five.
    const old = Math.floor(each * 0.6)
    await ask(databaseUrl, `UPDATE "Event" SET at = at - interval '31 days' WHERE room LIKE 'project:%' AND seq <= ${old}`)

    // As it is before it is cut: some read it a moment later.
    const kept = keepLog(stage, world)

    // All clients come back, from everywhere in the log, while it is trimmed and written.
    const size = stage.short ? 16 : 24
    const plans: Plan[] = Array.from({ length: size }, (_, n) => {
      const { id, members } = world.projects[n % world.projects.length] ?? place
      // A third far below where the floor will be, a third about there, a third above.
      const near = [stage.random.int(0, old / 2), stage.random.int(old - 600, old + 600), stage.random.int(old + 600, each)]
      return {
        token: stage.random.pick(members).token,
        projectId: id,
        urls,
        first: n % urls.length,
        after: near[Math.floor(n / world.projects.length) % near.length] ?? 0,
        epoch,
      }
    })
    const writer = startWriter({ world, urls, perSecond: stage.short ? 30 : 50, seed: stage.random.int(0, 2 ** 31) })
    const pool = new pg.Pool({ connectionString: direct(databaseUrl), max: 2 })
    stage.undo(() => pool.end())
    const stop = new AbortController()
    stage.undo(async () => stop.abort())

    // One reads page by page over REST, too.
    let reading = true
    const holes: string[] = []
    let gone = 0
    const pages = (async () => {
      for (let at = 0; reading; ) {
        const { status, data = [] } = await page(at)
        if (status === 410) gone++
        if (status === 410) at = stage.random.int(0, each)
        if (status === 200 && data.length > 0 && data[0]?.meta.seq !== at + 1) holes.push(`after ${at} came ${data[0]?.meta.seq}`)
        at = data.at(-1)?.meta.seq ?? at
        await sleep(data.length === 0 ? 50 : 0)
      }
    })()
    stage.undo(() => {
      reading = false
    })
    const coming: Promise<Crowd> = startFollowers(stage, plans, { perSecond: 8 })
    await keepLoad(stage, 500, [0.4, 0.4], () => 'coming back')
    stage.mark('retention begins')
    const from = stage.now()
    const swept = await retain({ pool, retentionSeconds: 30 * DAY, sessionSeconds: 30 * DAY, consumers: [] }, stop.signal)
    stage.mark('retention ends')
    const took = stage.now() - from
    const crowd = await coming
    await keepLoad(stage, stage.seconds(20, 2) * 1000, [0.5, 1], statusOf(writer, crowd))
    reading = false
    await pages
    const { seen, log } = await conclude(stage, { world, nodes, crowd, writer, typed, readLog: kept.read, withinMs: 60_000 })
    // Events of last month are late by a month: nothing to draw.
    for (const list of Object.values(stage.samples)) list.length = 0

    const expected = old * world.projects.length
    stage.holds('what was old is gone, and nothing else', swept.events === expected, `${swept.events} of ${expected}`)
    const [cut] = await ask<{ rooms: string }>(
      databaseUrl,
      `SELECT count(*) AS rooms FROM "Room" WHERE floor = ${old} AND head > floor`,
    )
    stage.holds('the floors say so', Number(cut?.rooms) === world.projects.length)
    stage.zero('holes in pages over REST', holes.length, holes)
    stage.holds(
      'both were met: reset and resume',
      seen.ledger.resets > 0 && seen.ledger.resets < size,
      `${seen.ledger.resets} of ${size} reset`,
    )
    stage.show('pages refused with 410', String(gone))
    stage.show(
      'trimmed',
      `${swept.events} events in ${(took / 1000).toFixed(1)} s, ${[...log.heads.values()].join(' + ')} written in all`,
    )
    const times = writer.latencies()
    stage.show('writes during it, p50 / p99', `${percentile(times, 0.5).toFixed(1)} / ${percentile(times, 0.99).toFixed(1)} ms`)
  },
}
