import pg from 'pg'
import { uuidv7 } from 'uuidv7'
import type { Person, Place, World } from './subject.ts'

/** Runs statements on a database of Cutroom's schema, without its triggers and foreign keys. */
async function withClient(databaseUrl: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query('SET session_replication_role = replica')
    await work(client)
  } finally {
    await client.end()
  }
}

/** Ids that grow with their number, as those that Cutroom gives do. */
const GROWING = `(lpad(to_hex(1700000000000 + n), 12, '0') || '7000' || '8' || substr(md5(random()::text), 1, 15))::uuid`

/** Comments on the cut of each place, by its first member. Nothing of them is in the log. */
export function fillComments(databaseUrl: string, { people, places }: World, each: number): Promise<void> {
  return withClient(databaseUrl, async (client) => {
    await client.query(
      `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body, "atMs", "createdAt", "updatedAt")
       SELECT ${GROWING}, p.id, p.cut, p.author, '0000000000 is where the second chorus should come in, a little louder than before', 42000, now(), now()
       FROM generate_series(1, $4::int) n CROSS JOIN unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS p (id, cut, author)`,
      [
        places.map(({ id }) => id),
        places.map(({ cutId }) => cutId),
        places.map(({ members }) => people[members[0] ?? -1]?.id),
        each,
      ],
    )
    await client.query('VACUUM ANALYZE "Comment"')
  })
}

/** A log as long as if each place had had its share, with the heads of it. Events of some 300 bytes. */
export function fillLog(databaseUrl: string, places: readonly Place[], events: number): Promise<void> {
  return withClient(databaseUrl, async (client) => {
    const each = Math.ceil(events / places.length)
    const payload = JSON.stringify({ taskId: uuidv7(), note: 'x'.repeat(250) })
    const rooms = places.map(({ id }) => `project:${id}`)
    // One after the other, as they would have come.
    await client.query(
      `INSERT INTO "Event" (id, room, seq, name, payload, at)
       SELECT ${GROWING}, room, n, 'task:deleted', $2::json, now() FROM generate_series(1, $3::int) n CROSS JOIN unnest($1::text[]) room`,
      [rooms, payload, each],
    )
    await client.query('UPDATE "Room" SET head = $2 WHERE id = ANY($1)', [rooms, each])
    await client.query('VACUUM ANALYZE')
    await client.query('CHECKPOINT')
  })
}

/** A project with this many entities: a tenth tasks, some vibes, cuts with their lyrics, and the rest comments. */
export function fillProject(databaseUrl: string, person: Person, place: Place, entities: number): Promise<void> {
  return withClient(databaseUrl, async (client) => {
    const [tasks, vibes, cuts] = [entities / 10, entities / 100, entities / 20]
    const insert = (text: string, count: number) => client.query(text, [place.id, person.id, count])
    await insert(
      `INSERT INTO "Task" (id, "projectId", "authorId", title, description, status, rank, labels)
       SELECT gen_random_uuid(), $1, $2, 'Mix the bridge again ' || n, 'A little less of the left guitar', 'todo', 'a' || lpad(n::text, 8, '0'), '{mix,guitar}'
       FROM generate_series(1, $3::int) n`,
      tasks,
    )
    await insert(
      `INSERT INTO "Vibe" (id, "projectId", "authorId", name, rank)
       SELECT gen_random_uuid(), $1, $2, 'Chorus ideas ' || n, 'b' || lpad(n::text, 8, '0') FROM generate_series(1, $3::int) n`,
      vibes,
    )
    await insert(
      `INSERT INTO "Cut" (id, "projectId", "authorId", "vibeId", name, rank)
       SELECT gen_random_uuid(), $1, $2, v.id, 'Take ' || n, 'b' || lpad(n::text, 8, '0')
       FROM generate_series(1, $3::int) n JOIN (SELECT id, row_number() OVER () - 1 AS k, count(*) OVER () AS all FROM "Vibe" WHERE "projectId" = $1) v ON v.k = n % v.all`,
      cuts,
    )
    await client.query(
      `INSERT INTO "Lyrics" ("cutId", "projectId") SELECT id, "projectId" FROM "Cut" WHERE "projectId" = $1 ON CONFLICT DO NOTHING`,
      [place.id],
    )
    await insert(
      `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body, "atMs", "createdAt", "updatedAt")
       SELECT ${GROWING}, $1, c.id, $2, 'The second chorus should come in a little louder than before', 42000, now(), now()
       FROM generate_series(1, $3::int) n JOIN (SELECT id, row_number() OVER () - 1 AS k, count(*) OVER () AS all FROM "Cut" WHERE "projectId" = $1) c ON c.k = n % c.all`,
      entities - tasks - vibes - 2 * cuts,
    )
    await client.query('VACUUM ANALYZE')
  })
}
