import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useCommand } from '../support/command.ts'
import { ownDatabase, recorder, startWith } from '../support/consumers.ts'
import { createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'

describe('cutroom consumers', () => {
  const { run } = useCommand()

  it('E1 lists positions, retries, dead letters and jobs, has them tried again and skips them, beside a running server', async () => {
    const databaseUrl = await ownDatabase()
    const env = { DATABASE_URL: databaseUrl }
    let isCured = false
    const mail = recorder('letters', ['task:created'], {
      answer({ event }) {
        if (event.payload.title !== 'fine' && !isCured) throw new Error(`no mail for ${event.payload.title}`)
        return undefined
      },
    })
    const app = await startWith({ consumers: [mail.consumer], timings: { retriesMs: [] } }, { databaseUrl })
    const { project, owner } = await createTeam(app)
    const room = projectRoom(project.id)
    for (const title of ['fine', 'one', 'two', 'three']) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title })
    const rows = async (...args: string[]) => {
      const { code, out, notes } = await run(['consumers', 'list', ...args, '--json'], env)
      expect({ code, notes }).toEqual({ code: 0, notes: '' })
      return out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    }
    await until('three dead letters', async () => (await app.db.query('SELECT 1 FROM "DeadLetter"')).rows.length === 3)
    const behind = `SELECT 1 FROM "Consumer" k CROSS JOIN "Room" r LEFT JOIN "Cursor" c ON c.consumer = k.name AND c.room = r.id
      WHERE coalesce(c.seq, 0) < r.head`
    await until('the cursors', async () => (await app.db.query(behind)).rows.length === 0)
    const all = await rows()
    expect(all[0]).toEqual({ consumer: 'letters', lost: 0, rooms: 0, events: 0, seconds: 0, retries: 0, deadLetters: 3 })
    // The index of search is built once, at the start.
    expect(all.slice(1).filter(({ job }) => job !== 'search-build')).toMatchObject([
      { consumer: 'media', lost: 0, rooms: 0, events: 0, retries: 0, deadLetters: 0 },
      { consumer: 'missed', lost: 0, rooms: 0, events: 0, retries: 0, deadLetters: 0 },
      { consumer: 'notifications', lost: 0, rooms: 0, events: 0, retries: 0, deadLetters: 0 },
      { consumer: 'search', lost: 0, rooms: 0, events: 0, retries: 0, deadLetters: 0 },
      { consumer: 'webhooks-wake', lost: 0, rooms: 0, events: 0, retries: 0, deadLetters: 0 },
      { job: 'digest', failed: 0, error: null },
      { job: 'invitations', due: 1, failed: 0, error: null },
      { job: 'objects', due: 1, failed: 0, error: null },
      { job: 'purge', due: 1, failed: 0, error: null },
      { job: 'retention', due: 1, failed: 0, error: null },
      { job: 'webhooks', due: 1, failed: 0, error: null },
    ])
    const dead = (seq: number, title: string) => ({ state: 'dead', room, seq, attempts: 1, error: `Error: no mail for ${title}` })
    expect(await rows('letters')).toMatchObject([dead(2, 'one'), dead(3, 'two'), dead(4, 'three')])
    const plain = await run(['consumers'], env)
    expect(plain.out).toMatch(
      /^CONSUMER +ROOMS +EVENTS +SECONDS +RETRIES +DEAD +LOST\nletters +0 +0 +0 +0 +3 +0\nmedia .*\nmissed .*\nnotifications .*\nsearch .*\nwebhooks-wake .*\nJOB/,
    )
    expect((await run(['consumers', 'list', 'letters'], env)).out).toContain('no mail for two')

    isCured = true
    expect(await run(['consumers', 'retry', 'letters', room, '2'], env)).toMatchObject({ code: 0, out: '1 to be tried again.\n' })
    await until('it to be done', async () => (await app.db.query('SELECT 1 FROM "DeadLetter"')).rows.length === 2)
    expect(await run(['consumers', 'skip', 'letters', room, '3'], env)).toMatchObject({ code: 0, out: 'Skipped.\n' })
    expect(await run(['consumers', 'retry', 'letters'], env)).toMatchObject({ code: 0, out: '1 to be tried again.\n' })
    await until('nothing to be left', async () => mail.handled.length === 6)
    await until('no retry', async () => (await app.db.query('SELECT 1 FROM "Retry"')).rows.length === 0)
    expect(mail.handled.slice(4).map(({ seq }) => seq)).toEqual([2, 4])

    const nothing = { code: 1, out: '', notes: 'Nothing of that has failed: cutroom consumers list letters shows what has\n' }
    expect(await run(['consumers', 'retry', 'letters'], env)).toEqual(nothing)
    expect(await run(['consumers', 'skip', 'letters', room, '3'], env)).toEqual(nothing)
    expect((await run(['consumers', 'skip', 'letters', room, 'third'], env)).notes).toContain('SEQ is the number of an event')
    expect((await run(['consumers', 'list', 'other'], env)).notes).toContain('There is no consumer other')
  }, 120_000)

  it('says so where there are none', async () => {
    expect(await run(['consumers'], { DATABASE_URL: await ownDatabase() })).toEqual({
      code: 0,
      notes: 'There are no consumers yet.\n',
      out: '',
    })
  })
})
