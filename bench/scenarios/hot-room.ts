// One hot room, eight writers, and a Node process that pauses 5 ms between the rows and COMMIT (a busy event loop, a collection of
// garbage, a slow network). Ours takes the room's counter in the statement that travels with COMMIT; the variant takes it with the
// rows, as most do, and so holds it through the pause. The same program writes to both.
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

/** @param early takes the counter with the rows */
async function seed(url: string, early: boolean): Promise<Seeded> {
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
    write: () =>
      commit(author, async (write) => {
        const comment = await createComment(write, place.id, author, on, said)
        if (early)
          await write.query({ text: 'SELECT head FROM "Room" WHERE id = $1 FOR UPDATE', values: [projectRoom(place.id)] })
        return comment
      }),
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
    const a = await seed(await server.migrated(), false)
    const b = await seed(await server.migrated(), true)
    try {
      const [rounds, ms] = quick ? [3, 2_000] : [5, 4_000]
      const rates = { ours: [] as number[], counterEarly: [] as number[] }
      for (let n = -1; n < rounds; n++) {
        // Round -1 warms up; then A B A B …
        const first = await rate(a, n < 0 ? 1_000 : ms)
        const second = await rate(b, n < 0 ? 1_000 : ms)
        if (n >= 0) {
          rates.ours.push(first)
          rates.counterEarly.push(second)
        }
        progress((n + 2) / (rounds + 1))
      }
      await assertDense(a)
      await assertDense(b)
      const ratio = round(median(rates.ours) / median(rates.counterEarly))
      return {
        rows: [
          { subject: 'counter taken with COMMIT (ours)', 'commits/s': spread(rates.ours) },
          { subject: 'counter taken with the rows', 'commits/s': spread(rates.counterEarly) },
        ],
        ours: round(median(rates.ours)),
        limit: null,
        ratio,
        peers: { counterEarly: round(median(rates.counterEarly)) },
        asked: [{ what: 'commits/s ÷ counter early', asked: '≥ 5', measured: ratio, ok: ratio >= 5 }],
        figures: rates,
      }
    } finally {
      await Promise.all([a.database.close(), b.database.close()])
    }
  },
}
