import { projectRoom } from '@cutroom/contract'
import { expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { createFeeds, type Feeds } from '../../src/rooms/delivery/feeds.ts'
import { openLog } from '../../src/rooms/log/log.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

it('D2 a room with constant events delays neither its joins nor other rooms whose notification was lost', async () => {
  const { url, drop } = await createDatabase()
  const database = openDatabase(url, { connections: 2, onError: () => {} })
  const log = await openLog(database.readers)
  const [hot, quiet] = [projectRoom('hot'), projectRoom('quiet')]
  const delivered: string[] = []
  const errors: unknown[] = []
  const feeds: Feeds = createFeeds({
    log: {
      ...log,
      readNext(room, after) {
        // Another event is committed during each read of the room.
        if (room === hot) feeds.poke([hot])
        return log.readNext(room, after)
      },
    },
    encode: () => Buffer.alloc(0),
    encodeActivity: () => Buffer.alloc(0),
    deliver: (room, { meta }) => void delivered.push(`${room} ${meta.seq}`),
    onLost: () => void errors.push('lost'),
    onError: (error) => void errors.push(error),
    sweepMs: () => 20,
    unreadMs: 1_000,
  })
  onTestFinished(async () => {
    await feeds.close()
    await database.close()
    await drop()
  })
  const append = (room: string) => database.pool.query('SELECT append($1, $2, $3::json)', [room, 'task:deleted', '{}'])
  await database.pool.query('INSERT INTO "Room" (id) VALUES ($1), ($2)', [hot, quiet])
  const [feed] = await Promise.all([feeds.acquire(hot), feeds.acquire(quiet)])
  feeds.poke([hot])
  await append(hot)
  await feed.waitFor(1)
  expect(delivered).toEqual([`${hot} 1`])
  await append(quiet)
  await until('the sweep found it', () => delivered.includes(`${quiet} 1`))
  await append(hot)
  await feed.waitFor(2)
  expect(feed.delivered()).toBe(2)
  expect(errors).toEqual([])
})
