import { events, projectRoom } from '@cutroom/contract'
import { expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createTeam } from '../support/people.ts'

const app = useApp()

it('W7 append() refuses a name that cannot be sent', async () => {
  const { project } = await createTeam(app())
  const append = (name: string) => app().db.query(`SELECT append($1, $2, '{}')`, [projectRoom(project.id), name])
  for (const name of ['disconnect', 'connect_error', 'newListener', '', 'task', 'task:created\n', 'Task:created'])
    await expect(append(name)).rejects.toMatchObject({ code: '23514', constraint: 'Event_name' })
  for (const name of Object.keys(events)) await append(name)
  const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [projectRoom(project.id)])
  expect(Number(rows[0]?.head)).toBe(Object.keys(events).length)
})

it('B4 W2 a transaction with thousands of events in two rooms updates each room twice, and keeps their order', async () => {
  const one = await createTeam(app())
  const two = await createTeam(app())
  const rooms = [projectRoom(one.project.id), projectRoom(two.project.id)]
  const client = await app().db.connect()
  try {
    await client.query('BEGIN')
    await client.query(
      `SELECT append(($1::text[])[1 + n % 2], 'comment:deleted', json_build_object('n', n)) FROM generate_series(1, 4000) AS n`,
      [rooms],
    )
    // Counts of earlier transactions on this connection may still be among them.
    const updates = async () =>
      (await client.query(`SELECT n_tup_upd::int AS n FROM pg_stat_xact_user_tables WHERE relname = 'Room'`)).rows[0]?.n
    const before = await updates()
    await client.query('SET CONSTRAINTS ALL IMMEDIATE')
    expect((await updates()) - before).toBe(4)
    await client.query('COMMIT')
  } finally {
    client.release()
  }
  for (const room of rooms) {
    const { rows } = await app().db.query(
      `SELECT count(*)::int AS count, max(seq)::int AS max, bool_and(in_order) AS "inOrder" FROM (
         SELECT seq, (payload->>'n')::int > lag((payload->>'n')::int, 1, 0) OVER (ORDER BY seq) AS in_order
         FROM "Event" WHERE room = $1 AND name = 'comment:deleted') AS e`,
      [room],
    )
    expect(rows[0]).toMatchObject({ count: 2000, inOrder: true })
  }
})
