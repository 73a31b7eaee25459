import { MAX_WEBHOOKS, type Problem, type Webhook } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { sweepDeliveries } from '../../src/features/webhooks/sweep.ts'
import { startApp } from '../support/app.ts'
import { ownDatabase } from '../support/consumers.ts'
import { addMember, createTeam, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { addWebhook, deliveriesOf, makeTasks, startProject, startReceiver } from '../support/webhooks.ts'

const code = ({ status, body }: { status: number; body: unknown }) => `${status} ${(body as Problem | undefined)?.code}`

describe('attacks by and on webhooks', () => {
  it('H3 the webhook of an owner who is removed or gets another role is sent nothing more, until another owner takes it', async () => {
    const { app, owner, project } = await startProject()
    const receiver = await startReceiver()
    for (const end of ['removed', 'demoted'] as const) {
      const second = await register(app, `Sly ${end}`)
      await addMember(owner, project, second, 'owner')
      const webhook = await addWebhook(second, project, receiver.url, ['task.created'])
      await makeTasks(owner, project, 1)
      await until('the first event', () => receiver.received.length === 1)
      const member = `/api/projects/${project}/members/${second.id}`
      if (end === 'removed') await owner.must('DELETE', member)
      else await owner.must('PATCH', member, { role: 'editor' })
      await makeTasks(owner, project, 2)
      expect(await owner.must('GET', `/api/webhooks/${webhook.id}`)).toMatchObject({
        state: 'orphaned',
        author: { id: second.id },
      })
      const refusal = end === 'removed' ? '404 not-found' : '403 forbidden'
      for (const [method, path, body] of [
        ['GET', '', undefined],
        ['PATCH', '', { state: 'active' }],
        ['DELETE', '', undefined],
        ['GET', '/deliveries', undefined],
        ['POST', '/test', undefined],
        ['POST', '/replay', { after: 0 }],
        ['POST', '/rotate', undefined],
      ] as const)
        expect(code(await second.call(method, `/api/webhooks/${webhook.id}${path}`, body)), `${method} ${path}`).toBe(refusal)
      const taken = await owner.must<Webhook>('PATCH', `/api/webhooks/${webhook.id}`, { state: 'active' })
      expect(taken).toMatchObject({ state: 'active', author: { id: owner.id } })
      await makeTasks(owner, project, 1)
      await until('the event after that', () => receiver.received.length === 2)
      await owner.must('DELETE', `/api/webhooks/${webhook.id}`)
      receiver.received.length = 0
    }
  })

  it('H4 nothing is sent after the deletion of a webhook, or of its project, also where attempts wait or are under way', async () => {
    const { app, owner, project } = await startProject({ delaysMs: Array(9).fill(50) })
    const receiver = await startReceiver((_, response) => void setTimeout(() => response.writeHead(500).end(), 20))
    const doomed = await owner.must<{ id: string }>('POST', '/api/projects', { name: 'Doomed' })
    const first = await addWebhook(owner, project, receiver.url, ['task.created'])
    await addWebhook(owner, doomed.id, receiver.url, ['task.created'])
    await makeTasks(owner, project, 5)
    await makeTasks(owner, doomed.id, 5)
    await until('attempts', () => receiver.received.length > 3)
    await owner.must('DELETE', `/api/webhooks/${first.id}`)
    await owner.must('DELETE', `/api/projects/${doomed.id}`)
    const idle = `SELECT 1 FROM "Due" WHERE consumer = 'webhooks' AND key <> ''`
    await until('no work', async () => (await app.db.query(idle)).rows.length === 0)
    const count = receiver.received.length
    const last = await startReceiver()
    await addWebhook(owner, project, last.url, ['task.created'])
    await makeTasks(owner, project, 3)
    await last.got(3)
    expect(receiver.received).toHaveLength(count)
    await until('no rows', async () => {
      const { rows } = await app.db.query('SELECT 1 FROM "Webhook" WHERE "projectId" = $1 OR id = $2', [doomed.id, first.id])
      return (
        rows.length === 0 || (await app.db.query(`SELECT 1 FROM "Due" WHERE consumer = 'purge' AND key <> ''`)).rows.length > 0
      )
    })
  })

  it('a project has as many webhooks as it may have, a person makes as many as they may, and a filter names what there is', async () => {
    const { owner, project } = await startProject()
    const path = `/api/projects/${project}/webhooks`
    const bodies = [
      { events: [] },
      { events: ['task.exploded'] },
      { events: ['task.created', 'task.created'] },
      { events: ['session.revoked'] },
    ]
    for (const body of bodies)
      expect(code(await owner.call('POST', path, { url: 'https://hooks.example.com/', ...body }))).toBe('422 validation')
    const answers = await Promise.all(
      Array.from({ length: MAX_WEBHOOKS + 5 }, (_, n) => owner.call('POST', path, { url: `https://hooks.example.com/${n}` })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(MAX_WEBHOOKS)
    expect([...new Set(answers.filter(({ status }) => status !== 201).map(code))]).toEqual(['409 too-many'])
  })

  it('a person makes tests and replays up to a limit', async () => {
    const { owner, project } = await startProject({}, { env: { RATE_LIMIT: '100000' } })
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url, ['cut.created'])
    const answers = new Set<string>()
    for (let n = 0; n < 70; n++) answers.add(code(await owner.call('POST', `/api/webhooks/${webhook.id}/test`)))
    expect([...answers]).toEqual(['200 undefined', '429 rate-limited'])
  })

  it('a replay takes positions of the log only, a thousand events at a time, and no more than may wait', async () => {
    const { app, owner, project } = await startProject({ delaysMs: [60_000] })
    const receiver = await startReceiver(() => 500)
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    const path = `/api/webhooks/${webhook.id}/replay`
    for (const body of [{}, { after: -1 }, { after: 0.5 }, { after: 'x' }, { after: 0, upTo: Number.MAX_SAFE_INTEGER + 2 }])
      expect(code(await owner.call('POST', path, body)), JSON.stringify(body)).toBe('422 validation')
    await app.db.query(`UPDATE "Room" SET floor = 1 WHERE id = 'project:' || $1`, [project])
    expect(code(await owner.call('POST', path, { after: 0 }))).toBe('410 gone')
    expect(await owner.must('POST', path, { after: 1_000_000, upTo: 2_000_000 })).toMatchObject({ queued: 0 })
    await app.db.query(
      `INSERT INTO "WebhookDelivery" (id, "webhookId", "projectId", "eventId", seq, name, cause, status, attempts, "nextAt")
      SELECT event_id(), $1, $2, gen_random_uuid(), 1, 'task.created', 'event', 'pending', 1, now() + interval '1 hour' FROM generate_series(1, 10000)`,
      [webhook.id, project],
    )
    expect(code(await owner.call('POST', path, { after: 0 }))).toBe('409 too-many')
    // What happens now waits in the log, and is sent when others are over.
    const [taskId] = await makeTasks(owner, project, 1)
    await app.db.query(`DELETE FROM "WebhookDelivery" WHERE "nextAt" > now() + interval '30 minutes'`)
    receiver.react(() => 200)
    await owner.must('PATCH', `/api/webhooks/${webhook.id}`, { events: ['task.created', 'task.deleted'] })
    await until('the event that waited', () => receiver.received.some(({ event }) => event.data.id === taskId))
  })

  it('deliveries that are over are kept for a while, and those of others are left', async () => {
    const { app, owner, project } = await startProject()
    const webhook = await addWebhook(owner, project, 'http://127.0.0.1:9/', ['cut.created'])
    const uuidAt = `(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`
    const insert = (count: number, at: string, next: string) =>
      app.db.query(
        `INSERT INTO "WebhookDelivery" (id, "webhookId", "projectId", "eventId", seq, name, cause, status, attempts, "nextAt")
         SELECT ${uuidAt}, $1, $2, gen_random_uuid(), n, 'cut.created', 'event', 'delivered', 1, ${next} FROM (
           SELECT n, lpad(to_hex((extract(epoch FROM ${at}) * 1000)::bigint + n), 12, '0') AS h FROM generate_series(1, ${count}) n) rows`,
        [webhook.id, project],
      )
    await insert(40, `now() - interval '31 days'`, 'NULL')
    await insert(1_100, `now() - interval '1 day'`, 'NULL')
    await insert(50, `now() - interval '2 days'`, `now() + interval '1 hour'`)
    const query = async <T>({ text, values }: { text: string; values: unknown[] }) =>
      (await app.db.query(text, values)).rows as T[]
    await sweepDeliveries(query as never, new AbortController().signal)
    const { rows } = await app.db.query<{ waiting: number; over: number; oldest: number }>(
      `SELECT count("nextAt")::int AS waiting, (count(*) - count("nextAt"))::int AS over, min(seq) FILTER (WHERE "nextAt" IS NULL)::int AS oldest
       FROM "WebhookDelivery"`,
    )
    expect(rows).toEqual([{ waiting: 50, over: 1_000, oldest: 101 }])
    expect(await deliveriesOf(owner, webhook.id)).toHaveLength(1_050)
  })

  it('EVENT_RETENTION below four days is refused while there are webhooks, at the start and when one is made', async () => {
    const databaseUrl = await ownDatabase()
    const app = await startApp({ databaseUrl, env: { EVENT_RETENTION: '3d' } })
    const { owner, project } = await createTeam(app)
    const made = await owner.call('POST', `/api/projects/${project.id}/webhooks`, { url: 'https://hooks.example.com/' })
    expect(code(made)).toBe('409 retention-too-short')
    await app.close()
    const long = await startApp({ databaseUrl, env: { EVENT_RETENTION: '4d' } })
    try {
      await long.db.query(
        `INSERT INTO "Webhook" (id, "projectId", url, events, seq, "secretHash", "authorId") VALUES (gen_random_uuid(), $1, 'https://hooks.example.com/', '{}', 0, '', $2)`,
        [project.id, owner.id],
      )
    } finally {
      await long.close()
    }
    await expect(startApp({ databaseUrl, env: { EVENT_RETENTION: '3d' } })).rejects.toThrow(
      /^EVENT_RETENTION must be at least 4d/,
    )
  })
})
