// One hot room, eight writers, and a Node process that pauses 5 ms between the last statement and COMMIT (a busy event
// loop, a collection of garbage, a slow network). Ours gives `seq` inside COMMIT; the variant takes the room's counter in
// its last statement, as most do, and so holds the counter through the pause. The same program writes to both: only the
// trigger differs.
import { projectRoom } from '@cutroom/contract'
import { type Database, openDatabase } from '../../src/db/client.ts'
import { createComment } from '../../src/features/comments/writes.ts'
import { createCommit } from '../../src/rooms/log/commit.ts'
import { seedRows } from '../support/cutroom-rows.ts'
import { median, round, spread } from '../support/numbers.ts'
import type { Scenario } from '../support/scenario.ts'

const WRITERS = 8
const PAUSE_MS = 5
const pause = () => new Promise<void>((done) => setTimeout(done, PAUSE_MS))

interface Seeded {
  database: Database
  projectId: string
  write(): Promise<unknown>
}

async function seed(url: string): Promise<Seeded> {
  const { people, places } = await seedRows(url, { people: 1, projects: 1, members: 1 })
  const [person, place] = [people[0], places[0]]
  if (!person || !place) throw new Error('nothing was seeded')
  const author = { id: person.id, name: 'Person 0', avatarUrl: null }
  const database = openDatabase(url, { connections: WRITERS + 2, onError: () => {} })
  const commit = createCommit({ begin: database.begin, poke: () => {}, beforeCommit: pause })
  const on = { cutId: place.cutId }
  const said = { body: 'a note on the second chorus', atMs: 1000, endMs: null }
  return {
    database,
    projectId: place.id,
    write: () => commit(author, (write) => createComment(write, place.id, author, on, said)),
  }
}

/** Commits per second of WRITERS loops in `ms`. */
async function rate({ write }: Seeded, ms: number): Promise<number> {
  const end = performance.now() + ms
  let done = 0
  const start = performance.now()
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (performance.now() < end) {
        await write()
        done++
      }
    }),
  )
  return (done / (performance.now() - start)) * 1000
}

/** `seq` must be dense for the figures to mean anything. */
async function assertDense({ database, projectId }: Seeded): Promise<void> {
  const { rows } = await database.pool.query<{ count: string; head: string }>(
    'SELECT (SELECT count(*) FROM "Event" WHERE room = r.id AND seq IS NOT NULL), head FROM "Room" r WHERE id = $1',
    [projectRoom(projectId)],
  )
  if (rows[0]?.count !== rows[0]?.head) throw new Error(`the log has ${rows[0]?.count} events and a head of ${rows[0]?.head}`)
}

export const scenario: Scenario = {
  id: 'S2b',
  title: 'One hot room, 8 writers, 5 ms pause before COMMIT (commits per second)',
  async run({ quick, progress, postgres }) {
    const server = await postgres()
    const a = await seed(await server.migrated())
    const b = await seed(await server.migrated())
    try {
      await b.database.pool.query(`DROP TRIGGER event_stamp ON "Event";
        CREATE TRIGGER event_stamp AFTER INSERT ON "Event" FOR EACH ROW EXECUTE FUNCTION event_stamp()`)
      const [rounds, ms] = quick ? [3, 2_000] : [5, 4_000]
      const rates = { ours: [] as number[], counterLast: [] as number[] }
      for (let n = -1; n < rounds; n++) {
        // Round -1 warms up; then A B A B …
        const first = await rate(a, n < 0 ? 1_000 : ms)
        const second = await rate(b, n < 0 ? 1_000 : ms)
        if (n >= 0) {
          rates.ours.push(first)
          rates.counterLast.push(second)
        }
        progress((n + 2) / (rounds + 1))
      }
      await assertDense(a)
      await assertDense(b)
      const ratio = round(median(rates.ours) / median(rates.counterLast))
      return {
        rows: [
          { subject: 'seq stamped inside COMMIT (ours)', 'commits/s': spread(rates.ours) },
          { subject: 'counter taken by the last statement', 'commits/s': spread(rates.counterLast) },
        ],
        ours: round(median(rates.ours)),
        limit: null,
        ratio,
        peers: { counterLast: round(median(rates.counterLast)) },
        asked: [{ what: 'commits/s ÷ counter last', asked: '≥ 5', measured: ratio, ok: ratio >= 5 }],
        figures: rates,
      }
    } finally {
      await Promise.all([a.database.close(), b.database.close()])
    }
  },
}
