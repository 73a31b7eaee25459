import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { direct } from '../support/hostile.ts'
import { createCut, createTeam } from '../support/people.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { until } from '../support/until.ts'

/** Lines of the log from warnings on. */
const complaints = (output: string): string[] => output.split('\n').filter((line) => /"level":[456]0/.test(line))

describe('a deletion that commits first', () => {
  const servers = useServers()

  it('W1 gives 404, 409 or 422 to every write that waited for it, and no warning or error in the log', {
    timeout: 120_000,
  }, async () => {
    const databaseUrl = await databaseForTest()
    const server = await servers.start({ databaseUrl, env: { LOG_LEVEL: 'info', DATABASE_POOL: '30' } })
    const [db, watcher] = [
      new pg.Client({ connectionString: direct(databaseUrl) }),
      new pg.Client({ connectionString: direct(databaseUrl) }),
    ]
    for (const client of [db, watcher]) {
      await client.connect()
      onTestFinished(() => client.end())
    }
    const { project, owner, editor } = await createTeam(server, 'editor')
    const things = async () => {
      const { vibe, cut } = await createCut(owner, project.id)
      const make = async (path: string, body: object) => (await owner.must<{ id: string }>('POST', path, body)).id
      const task = await make(`/api/projects/${project.id}/tasks`, { title: 'Mix' })
      const onCut = await make(`/api/cuts/${cut.id}/comments`, { body: 'hm' })
      // The right to comment on each is known then: the fast path is tried, too.
      await make(`/api/tasks/${task}/comments`, { body: 'hm' })
      return { vibe: vibe.id, cut: cut.id, task, comment: onCut, other: (await createCut(owner, project.id)).cut.id }
    }
    type Things = Awaited<ReturnType<typeof things>>
    type Request = [method: string, path: string, body?: unknown]
    const races: [table: string, id: (at: Things) => string, requests: (at: Things) => Request[]][] = [
      [
        'Vibe',
        (at) => at.vibe,
        (at) => [
          ['POST', `/api/vibes/${at.vibe}/cuts`, { name: 'A' }],
          ['PATCH', `/api/vibes/${at.vibe}`, { name: 'A' }],
          ['POST', `/api/vibes/${at.vibe}/move`, { after: null }],
          ['DELETE', `/api/vibes/${at.vibe}`],
          ['POST', `/api/cuts/${at.other}/move`, { vibeId: at.vibe, after: null }],
          ['PATCH', `/api/cuts/${at.cut}`, { name: 'A' }],
          ['PUT', `/api/cuts/${at.cut}/lyrics`, { lyrics: [{ text: 'la' }] }],
          ['POST', `/api/cuts/${at.cut}/comments`, { body: 'A' }],
        ],
      ],
      [
        'Cut',
        (at) => at.cut,
        (at) => [
          ['PATCH', `/api/cuts/${at.cut}`, { name: 'A' }],
          ['POST', `/api/cuts/${at.cut}/move`, { vibeId: at.vibe, after: null }],
          ['DELETE', `/api/cuts/${at.cut}`],
          ['PUT', `/api/cuts/${at.cut}/lyrics`, { lyrics: [{ text: 'la' }] }],
          ['POST', `/api/cuts/${at.cut}/comments`, { body: 'A' }],
          ['POST', `/api/comments/${at.comment}/replies`, { body: 'A' }],
          ['PATCH', `/api/comments/${at.comment}`, { body: 'A' }],
          ['POST', `/api/comments/${at.comment}/resolve`],
          ['DELETE', `/api/comments/${at.comment}`],
        ],
      ],
      [
        'Task',
        (at) => at.task,
        (at) => [
          ['PATCH', `/api/tasks/${at.task}`, { title: 'A' }],
          ['POST', `/api/tasks/${at.task}/move`, { status: 'done', after: null }],
          ['DELETE', `/api/tasks/${at.task}`],
          ['POST', `/api/tasks/${at.task}/comments`, { body: 'A' }],
        ],
      ],
    ]
    for (const [table, id, requests] of races) {
      const at = await things()
      await db.query('BEGIN')
      await db.query(`DELETE FROM "${table}" WHERE id = $1`, [id(at)])
      const asked = requests(at)
      let answered = 0
      const answers = asked.flatMap(([method, path, body]) =>
        [owner, editor].map((person) => person.call(method, path, body).finally(() => answered++)),
      )
      await until('each request to wait, or to have its answer', async () => {
        const { rows } = await watcher.query<{ waiting: number }>(
          `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        )
        return (rows[0]?.waiting ?? 0) + answered === answers.length
      })
      expect(answered).toBeLessThan(answers.length)
      await db.query('COMMIT')
      const statuses = await Promise.all(answers)
      for (const [n, { status, body }] of statuses.entries()) {
        const what = asked[Math.floor(n / 2)]?.slice(0, 2).join(' ')
        expect([what, body, [403, 404, 409, 422].includes(status)]).toEqual([what, body, true])
      }
    }
    expect(complaints(server.output())).toEqual([])
  })
})
