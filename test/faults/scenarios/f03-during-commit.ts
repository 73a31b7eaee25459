import pg from 'pg'
import { direct } from '../../support/hostile.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude } from '../support/drive.ts'
import type { Scenario } from '../support/scenario.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { askOf, judgeKinds, killAround, startKills, writesOf } from '../support/victims.ts'
import { sendUntilAnswered } from '../support/writer.ts'

/** How often each key is in the rows, in the log, and among the saved answers. */
async function countKeys(
  databaseUrl: string,
): Promise<Map<string, { rows: number; events: number; kept: number; committedAt: number }>> {
  const client = new pg.Client({ connectionString: direct(databaseUrl) })
  await client.connect()
  try {
    const { rows } = await client.query<{ key: string; rows: number; events: number; kept: number; at: Date }>(`
      SELECT k.key, (SELECT count(*)::int FROM "Comment" c WHERE c.body = k.key) AS rows,
        (SELECT count(*)::int FROM "Event" e WHERE e."mutationId" = k.key) AS events, count(*)::int AS kept,
        (SELECT min(at) FROM "Event" e WHERE e."mutationId" = k.key) AS at
      FROM "IdempotencyKey" k GROUP BY k.key`)
    return new Map(rows.map(({ key, at, ...counts }) => [key, { ...counts, committedAt: at?.getTime() ?? 0 }]))
  } finally {
    await client.end()
  }
}

export const scenario: Scenario = {
  id: 'F3',
  title: 'kill -9 during COMMIT, and the same key again on another node, 200 times',
  async run(stage) {
    const kills = await startKills(stage)
    const { world, survivor, victims, http } = kills
    const crowd = await startCrowd(stage, { world, urls: [survivor.url], size: 12 })
    const typed = await startTypedClients(stage, world, [survivor.url], world.projects.length)
    const count = stage.short ? 6 : 200
    const retriedAt = new Map<string, number>()
    const strikes = await killAround(stage, kills, {
      kills: count,
      moments: ['sent', 'unsent'],
      async after({ write, place }) {
        const person = place.members[0]
        retriedAt.set(write.key, Date.now())
        if (person) await sendUntilAnswered(http, write, { urls: [survivor.url], person, asks: askOf(place, write), retryMs: 20 })
      },
    })

    const nodes = [survivor, ...victims.map(({ node }) => node)]
    const writer = { writes: writesOf(strikes), stop: async () => http.close() }
    await conclude(stage, { world, nodes, crowd, typed, writer })
    const found = await countKeys(stage.databaseUrl)
    const wrong = strikes.flatMap(({ write, moment }) => {
      const { rows, events, kept } = found.get(write.key) ?? { rows: 0, events: 0, kept: 0 }
      return rows === 1 && events === 1 && kept === 1
        ? []
        : [`${write.key} (${moment}): ${rows} rows, ${events} events, ${kept} kept`]
    })
    const unanswered = strikes.filter(({ write }) => {
      const at = found.get(write.key)?.committedAt ?? Number.POSITIVE_INFINITY
      return at < (retriedAt.get(write.key) ?? 0)
    })
    stage.zero('writes that are not one row, one event, one kept answer', wrong.length, wrong)
    stage.zero('writes that were not answered in the end', strikes.filter(({ write }) => write.outcome !== 'acked').length)
    judgeKinds(stage, victims, strikes)
    stage.show('kills with COMMIT on its way, and before it', `${Math.ceil(count / 2)}, ${Math.floor(count / 2)}`)
    stage.show('committed, without an answer', String(unanswered.length))
  },
}
