import { projectRoom, type RoomId } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { recorder, startWith } from '../support/consumers.ts'
import { gate } from '../support/log.ts'
import { createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'
import { append } from './frames.ts'

/** As on a server that was promoted without the last event of a room: its files are other ones. */
async function loseLast({ db }: TestApp, room: RoomId): Promise<void> {
  await db.query('DELETE FROM "Event" WHERE room = $1 AND seq = (SELECT head FROM "Room" WHERE id = $1)', [room])
  await db.query('UPDATE "Room" SET head = head - 1 WHERE id = $1', [room])
  await db.query('VACUUM FULL "Room"')
}
const cursorOf = async ({ db }: TestApp, consumer: string, room: RoomId) =>
  Number((await db.query('SELECT seq FROM "Cursor" WHERE consumer = $1 AND room = $2', [consumer, room])).rows[0]?.seq ?? 0)

describe('consumers after a failover', () => {
  it.each([
    ['nothing', undefined],
    ['a write', async () => {}],
  ])(
    'E1 the event in the place of one that was lost is read, where the handler of the lost one returned %s',
    async (_, write) => {
      const held = gate()
      const { consumer, handled } = recorder('reader', ['task:deleted'], {
        async answer({ event }) {
          if (event.meta.seq === 2) await held.opened
          return write
        },
      })
      const app = await startWith({ consumers: [consumer] })
      const { project } = await createTeam(app)
      const room = projectRoom(project.id)
      await append(app, project.id, 1)
      await until('the first event, and its position', async () => (await cursorOf(app, 'reader', room)) === 1)
      await append(app, project.id, 1)
      await until('the second one to run', () => handled.length === 2)
      await loseLast(app, room)
      await app.db.query(`SELECT pg_terminate_backend(pid) FROM pg_locks
      WHERE locktype = 'advisory' AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
      await until('the end of the term', () => !app.app.consumers.isLeader())
      held.open()
      await until('the next term', () => app.app.consumers.isLeader())
      await append(app, project.id, 2)
      await until('the events after it', async () => (await cursorOf(app, 'reader', room)) === 3)
      expect(handled.map(({ seq }) => seq)).toEqual([1, 2, 2, 3])
    },
  )

  it('E3 one that the connection with the lock outlives: the leader begins again with what the database has', async () => {
    const { consumer, handled } = recorder('reader', ['task:deleted'])
    const app = await startWith({ consumers: [consumer], timings: { saveMs: 3_600_000 } })
    const { project } = await createTeam(app)
    const room = projectRoom(project.id)
    await append(app, project.id, 3)
    await until('all events', () => handled.length === 3)
    await loseLast(app, room)
    await append(app, project.id, 2)
    const { rows } = await app.db.query<{ id: string }>(`SELECT payload->>'taskId' AS id FROM "Event" WHERE room = $1`, [room])
    expect(rows).toHaveLength(4)
    const isHandled = ({ id }: { id: string }) => handled.some(({ payload }) => payload.taskId === id)
    await until('all of this history', () => rows.every(isHandled))
  })
})
