// One hot room, eight writers, and a Node process that pauses 5 ms between the last statement and COMMIT (a busy event
// loop, a collection of garbage, a slow network). Ours gives `seq` inside COMMIT; the variant takes the room's counter in
// its last statement, as most do, and so holds the counter through the pause.
import { uuidv7 } from 'uuidv7'
import { projectRoom } from '../../src/contract/index.ts'
import { openDatabase } from '../../src/db/client.ts'
import { createUser } from '../../src/features/auth/writes.ts'
import { createComment } from '../../src/features/comments/writes.ts'
import { createCut } from '../../src/features/cuts/writes.ts'
import { createProject } from '../../src/features/projects/writes.ts'
import { createVibe } from '../../src/features/vibes/writes.ts'
import { createCommit, type Write } from '../../src/rooms/commit.ts'
import { median, round, spread } from '../support/numbers.ts'
import type { Scenario } from '../support/scenario.ts'

const WRITERS = 8
const PAUSE_MS = 5
const pause = () => new Promise<void>((done) => setTimeout(done, PAUSE_MS))

/** The rows that both write about. */
async function seed(url: string) {
  const database = openDatabase(url, { connections: WRITERS + 2, onError: () => {} })
  const commit = createCommit({ prisma: database.prisma, poke: () => {} })
  const ids = await commit(null, async (door) => {
    const user = await createUser(door, { email: 'hot@example.com', name: 'Hot', passwordHash: '' })
    const author = { id: user.id, name: user.name, avatarUrl: user.avatarUrl }
    const project = await createProject(door, user.id, { name: 'Hot', description: null })
    const vibe = await createVibe(door, project.id, author, { name: 'Hot', theme: null, notes: null })
    const cut = await createCut(door, project.id, vibe.id, author, { name: 'Hot', bpm: null, timeSignature: null })
    return { author, projectId: project.id, cutId: cut.id }
  })
  return { database, ...ids }
}
type Seeded = Awaited<ReturnType<typeof seed>>

const comment = (door: Write, { projectId, author, cutId }: Seeded) =>
  createComment(door, projectId, author, { body: 'a note on the second chorus', cutId, atMs: 1000, endMs: null })

function ours(seeded: Seeded): () => Promise<unknown> {
  const commit = createCommit({ prisma: seeded.database.prisma, poke: () => {}, beforeCommit: pause })
  return () => commit(seeded.author, (door) => comment(door, seeded))
}

/** Same rows, same statements, but the counter is taken by a statement of the transaction. */
function counterLast(seeded: Seeded): () => Promise<unknown> {
  const room = projectRoom(seeded.projectId)
  return () =>
    seeded.database.prisma.$transaction(async (tx) => {
      let payload: unknown
      const emit: Write['emit'] = (_room, _name, value) => {
        payload = value
        return value
      }
      await comment({ tx, query: (statement) => tx.$queryRaw(statement), emit, keep: () => {} }, seeded)
      await tx.$executeRaw`WITH position AS (UPDATE "Room" SET head = head + 1 WHERE id = ${room} RETURNING head)
        INSERT INTO "Event" (id, room, seq, name, payload, "actorId", "actorName", at)
        SELECT ${uuidv7()}::uuid, ${room}, head, 'comment:created', ${JSON.stringify(payload)}::json, ${seeded.author.id}::uuid, 'Hot', clock_timestamp()
        FROM position`
      await pause()
    })
}

/** Commits per second of WRITERS loops in `ms`. */
async function rate(write: () => Promise<unknown>, ms: number): Promise<number> {
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
      await b.database.pool.query('DROP TRIGGER event_stamp ON "Event"')
      const [rounds, ms] = quick ? [3, 2_000] : [5, 4_000]
      const rates = { ours: [] as number[], counterLast: [] as number[] }
      for (let n = -1; n < rounds; n++) {
        // Round -1 warms up; then A B A B …
        const first = await rate(ours(a), n < 0 ? 1_000 : ms)
        const second = await rate(counterLast(b), n < 0 ? 1_000 : ms)
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
        ratio: null,
        peers: { counterLast: round(median(rates.counterLast)) },
        asked: [{ what: 'commits/s ÷ counter last', asked: '≥ 5', measured: ratio, ok: ratio >= 5 }],
        figures: rates,
      }
    } finally {
      await Promise.all([a.database.close(), b.database.close()])
    }
  },
}
