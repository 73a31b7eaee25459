import { projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MAX_BEHIND } from '../../src/rooms/log/consumers/statements.ts'
import { recorder, startWith } from '../support/consumers.ts'
import { gate } from '../support/log.ts'
import { createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'
import { append } from './frames.ts'

describe('the sweep of consumers', () => {
  it('E4 a consumer that is behind in thousands of rooms keeps it from finding no room of another one', async () => {
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
})
