import { expect, it } from 'vitest'
import { events, projectRoom } from '../../src/contract/index.ts'
import { useApp } from '../setup/app.ts'
import { createTeam } from '../setup/people.ts'

const app = useApp()

it('W7 the door for other programs takes no name that cannot be sent', async () => {
  const { project } = await createTeam(app())
  const append = (name: string) => app().db.query(`SELECT append($1, $2, '{}')`, [projectRoom(project.id), name])
  for (const name of ['disconnect', 'connect_error', 'newListener', '', 'task', 'task:created\n', 'Task:created'])
    await expect(append(name)).rejects.toMatchObject({ code: '23514', constraint: 'Event_name' })
  for (const name of Object.keys(events)) await append(name)
  const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [projectRoom(project.id)])
  expect(Number(rows[0]?.head)).toBe(Object.keys(events).length)
})
