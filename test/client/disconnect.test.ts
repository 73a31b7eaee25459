import { expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createTeam, login } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf, expectCurrent, live, writeTask } from './clients.ts'

const app = useApp()

it('R1 after disconnect() a room keeps what it shows, and connect() resumes it with what was missed', async () => {
  const { project, owner } = await createTeam(app())
  const { client, errors } = clientOf({ url: app().url }, await login(app(), owner))
  const room = client.room(project.id)
  await live(room)
  await writeTask(owner, project.id, 'before')
  await until('the task is there', () => room.state?.tasks.size === 1)
  client.disconnect()
  expect([client.status, room.status, room.problem, room.state?.tasks.size]).toEqual(['offline', 'offline', undefined, 1])
  await writeTask(owner, project.id, 'meanwhile')
  let resets = 0
  room.on('reset', () => {
    resets += 1
  })
  await client.connect()
  await until('the task that was missed is there', () => room.state?.tasks.size === 2)
  await expectCurrent(room, owner)
  expect([resets, errors]).toEqual([0, []])
})

it('R1 a room that is asked for after disconnect() is offline until connect()', async () => {
  const { project, owner } = await createTeam(app())
  const { client, links, errors } = clientOf({ url: app().url }, await login(app(), owner))
  await client.connect()
  client.disconnect()
  const room = client.room(project.id)
  expect([client.status, room.status, room.problem]).toEqual(['offline', 'offline', undefined])
  await client.connect()
  await live(room)
  expect(links).toEqual(['connecting', 'online', 'offline', 'connecting', 'online'])
  await expectCurrent(room, owner)
  expect(errors).toEqual([])
})
