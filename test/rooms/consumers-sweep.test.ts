import { projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MAX_BEHIND } from '../../src/rooms/log/consumers/statements.ts'
import { recorder, startWith } from '../support/consumers.ts'
import { gate } from '../support/log.ts'
import { createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'
import { append } from './frames.ts'

describe('the look at all rooms', () => {
  it('E4 a consumer that is behind in thousands of rooms keeps the sweep from no room of another one', async () => {
    const { opened, open } = gate()
    onTestFinished(open)
    const slow = recorder('slow', ['task:deleted'], { answer: () => opened.then(() => undefined) })
    const fast = recorder('fast', ['task:deleted'])
    const app = await startWith({ consumers: [slow.consumer, fast.consumer] })
    const { project } = await createTeam(app)
    await append(app, project.id, 1)
    await until('both to have the first event', () => slow.handled.length === 1 && fast.handled.length === 1)
    // The slow one takes no further room; the fast one has nothing to read in these.
    await app.db.query(
      `WITH made AS (INSERT INTO "Room" (id, head) SELECT 'project:' || gen_random_uuid(), 1 FROM generate_series(1, $1::int) RETURNING id)
       INSERT INTO "Cursor" (consumer, room, seq) SELECT 'fast', id, 1 FROM made`,
      [MAX_BEHIND + 100],
    )
    await app.db.query('ANALYZE "Room", "Cursor"')
    const later = projectRoom(crypto.randomUUID())
    await app.db.query(`INSERT INTO "Room" (id, head) VALUES ($1, 0)`, [later])
    await app.db.query(`SELECT append($1, 'task:deleted', json_build_object('taskId', gen_random_uuid()))`, [later])
    await until('the event in a room after them', () => fast.in(later).length === 1)
    expect(slow.handled).toHaveLength(1)
  })

  it('E5 a consumer that is behind in thousands of rooms leaves the lag of another one as it is', async () => {
    const app = await startWith({})
    // No code reads for these two.
    await app.db.query(`INSERT INTO "Consumer" (name) VALUES ('slow'), ('fast')`)
    await app.db.query(
      `WITH made AS (INSERT INTO "Room" (id, head) SELECT 'project:' || gen_random_uuid(), 1 FROM generate_series(1, $1::int) RETURNING id)
       INSERT INTO "Cursor" (consumer, room, seq) SELECT name, id, 1 FROM made CROSS JOIN "Consumer" WHERE name <> 'slow'`,
      [MAX_BEHIND + 100],
    )
    await app.db.query('ANALYZE "Room", "Cursor"')
    const later = projectRoom(crypto.randomUUID())
    await app.db.query(`INSERT INTO "Room" (id, head) VALUES ($1, 0)`, [later])
    await app.db.query(`SELECT append($1, 'task:deleted', json_build_object('taskId', gen_random_uuid()))`, [later])
    await app.db.query(`UPDATE "Event" SET at = now() - interval '1 hour' WHERE room = $1`, [later])
    const fast = (await app.app.consumers.lag()).find(({ consumer }) => consumer === 'fast')
    expect(fast).toMatchObject({ rooms: 1, events: 1 })
    expect(fast?.seconds).toBeGreaterThan(3_500)
  })
})
