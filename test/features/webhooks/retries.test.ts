import type { Webhook, WebhookDelivery } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  DELAYS_MS,
  delayAfter,
  JITTER,
  LEAST_RETENTION_S,
  MAX_RETRY_AFTER_MS,
  retryAfterMs,
} from '../../../src/features/webhooks/timetable.ts'
import { startApp, type TestApp } from '../../support/app.ts'
import { ownDatabase, QUICK } from '../../support/consumers.ts'
import { createTeam } from '../../support/people.ts'
import { until } from '../../support/until.ts'
import { addWebhook, deliveriesOf, makeTasks, SOON, startProject, startReceiver } from '../../support/webhooks.ts'

const HOUR_MS = 3_600_000
const waitOf = ({ nextAt, lastAt }: WebhookDelivery): number => Date.parse(nextAt as string) - Date.parse(lastAt as string)

/** Lets the time pass until all that waits is due. */
async function passTime({ db }: TestApp): Promise<void> {
  await db.query(`UPDATE "WebhookDelivery" SET "nextAt" = now() WHERE "nextAt" IS NOT NULL`)
  await db.query(`UPDATE "Due" SET at = now() WHERE consumer = 'webhooks' AND key <> ''`)
}

describe('Attempts of webhooks', () => {
  it('H2 the schedule is 0, 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h, with some jitter, within what the log keeps', () => {
    const hours = [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    expect(DELAYS_MS).toEqual(hours.map((each) => each * HOUR_MS))
    for (const [n, delay] of DELAYS_MS.entries()) {
      const waits = Array.from({ length: 50 }, () => delayAfter(n + 1, undefined) as number)
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(delay)
      expect(Math.max(...waits)).toBeLessThanOrEqual(delay * (1 + JITTER))
      expect(new Set(waits).size).toBeGreaterThan(1)
    }
    expect(delayAfter(10, '60')).toBeNull()
    const longest = DELAYS_MS.reduce((sum, delay) => sum + Math.max(delay * (1 + JITTER), MAX_RETRY_AFTER_MS), 0)
    expect(longest).toBeLessThan(LEAST_RETENTION_S * 1_000)
  })

  it('H2 Retry-After is seconds or a date, two hours at most, and nothing where it is neither', () => {
    const now = Date.parse('2026-03-01T10:00:00Z')
    expect(retryAfterMs('120', now)).toBe(120_000)
    expect(retryAfterMs('Sun, 01 Mar 2026 10:30:00 GMT', now)).toBe(HOUR_MS / 2)
    expect(retryAfterMs('999999999', now)).toBe(2 * HOUR_MS)
    for (const value of [undefined, '', 'soon', '-5', 'Sun, 01 Mar 2020 10:30:00 GMT']) expect(retryAfterMs(value, now)).toBe(0)
  })

  it('H2 a receiver that asks for a later attempt gets none before', async () => {
    const { owner, project } = await startProject({ delaysMs: SOON })
    const receiver = await startReceiver((_, response) => void response.writeHead(503, { 'retry-after': '600' }).end())
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await makeTasks(owner, project, 1)
    await until('the record', async () => (await deliveriesOf(owner, webhook.id)).length === 1)
    const [delivery] = (await deliveriesOf(owner, webhook.id)) as [WebhookDelivery]
    expect(delivery).toMatchObject({ status: 'pending', attempts: 1, statusCode: 503, error: 'answered 503' })
    expect(waitOf(delivery)).toBe(600_000)
  })

  it('H2 an answer of 410 switches the webhook off, with an event, and ends its deliveries', async () => {
    const { owner, project } = await startProject({ delaysMs: SOON })
    const receiver = await startReceiver(() => 410)
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await makeTasks(owner, project, 1)
    const state = async () => (await owner.must<Webhook>('GET', `/api/webhooks/${webhook.id}`)).state
    await until('the end', async () => (await state()) === 'gone')
    await makeTasks(owner, project, 3)
    await owner.must('PATCH', `/api/webhooks/${webhook.id}`, { state: 'active' })
    receiver.react(() => 200)
    await makeTasks(owner, project, 1)
    await receiver.got(2)
    // What happened while it was off is not sent.
    expect(receiver.received.map(({ event }) => event.data.title)).toEqual(['Task 0', 'Task 0'])
    expect((await deliveriesOf(owner, webhook.id))[0]).toMatchObject({ status: 'failed', statusCode: 410, nextAt: null })
    const { data } = await owner.must<{ data: { name: string; meta: { actor: unknown } }[] }>(
      'GET',
      `/api/projects/${project}/events`,
    )
    const updates = data.filter(({ name }) => name === 'webhook:updated')
    expect(updates.map(({ meta }) => meta.actor === null)).toEqual([true, false])
  })

  it('H4 a receiver that is away for three days gets all of it by the real schedule, with one id for all attempts', async () => {
    const { app, owner, project } = await startProject()
    const receiver = await startReceiver(() => 503)
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await makeTasks(owner, project, 4)
    let awayMs = 0
    for (let attempts = 1; attempts <= 9; attempts++) {
      await until(`attempt ${attempts}`, async () => {
        const rows = await deliveriesOf(owner, webhook.id)
        return rows.length === 4 && rows.every((row) => row.attempts === attempts)
      })
      const waits = (await deliveriesOf(owner, webhook.id)).map(waitOf)
      const delay = DELAYS_MS[attempts - 1] as number
      for (const wait of waits) {
        expect(wait).toBeGreaterThanOrEqual(delay - 1)
        expect(wait).toBeLessThanOrEqual(delay * (1 + JITTER) + 1)
      }
      awayMs += delay
      if (attempts === 9) receiver.react(() => 200)
      await passTime(app)
    }
    expect(awayMs).toBeGreaterThan(72 * HOUR_MS)
    await until('the end', async () => (await deliveriesOf(owner, webhook.id)).every(({ status }) => status === 'delivered'))
    expect(receiver.received).toHaveLength(40)
    const ids = new Set(receiver.received.map(({ headers }) => headers['webhook-id']))
    expect(ids.size).toBe(4)
    for (const id of ids) {
      const attempts = receiver.received.filter(({ headers }) => headers['webhook-id'] === id)
      expect(attempts).toHaveLength(10)
      expect(new Set(attempts.map(({ body }) => body)).size).toBe(1)
    }
  })

  it('H4 after ten failed attempts a delivery is given up, and can be replayed', async () => {
    const { owner, project } = await startProject({ delaysMs: SOON })
    const receiver = await startReceiver(() => 500)
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await makeTasks(owner, project, 1)
    await until('the end', async () => (await deliveriesOf(owner, webhook.id))[0]?.status === 'failed')
    expect(receiver.received).toHaveLength(10)
    receiver.react(() => 200)
    await owner.must('POST', `/api/webhooks/${webhook.id}/replay`, { after: 0 })
    await receiver.got(11)
    expect(receiver.received[10]?.body).toBe(receiver.received[0]?.body)
    expect(receiver.received[10]?.headers['webhook-id']).toBe(receiver.received[0]?.headers['webhook-id'])
  })

  it('H4 a receiver that fails nine times of ten gets first attempts in order, and all events in the end', async () => {
    const { owner, project } = await startProject({ delaysMs: Array(9).fill(20) })
    const count = 30
    // Each event has its tenth part of luck: the one at its position modulo ten.
    const tries = new Map<string, number>()
    const receiver = await startReceiver(({ headers, event }) => {
      const id = String(headers['webhook-id'])
      const n = (tries.get(id) ?? 0) + 1
      tries.set(id, n)
      return n === ((event.seq as number) % 10) + 1 ? 200 : 500
    })
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await makeTasks(owner, project, count)
    await until('all of them', async () => {
      const rows = await deliveriesOf(owner, webhook.id)
      return rows.length === count && rows.every(({ status }) => status === 'delivered')
    })
    const firsts = [...new Map(receiver.received.map(({ event }) => [event.seq, event.seq as number])).values()]
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b))
    expect(firsts).toHaveLength(count)
    for (const { eventId, attempts } of await deliveriesOf(owner, webhook.id)) expect(tries.get(eventId)).toBe(attempts)
  })

  it('H4 a receiver that never answers holds up neither the others of its project nor those of other projects', async () => {
    const { app, owner, project } = await startProject({ timeoutMs: 400 })
    const silent = await startReceiver(() => undefined)
    const good = await startReceiver()
    const hung = await addWebhook(owner, project, silent.url, ['task.created'])
    await addWebhook(owner, project, good.url, ['task.created'])
    const other = await owner.must<{ id: string }>('POST', '/api/projects', { name: 'Other' })
    const away = await startReceiver()
    await addWebhook(owner, other.id, away.url, ['task.created'])
    await makeTasks(owner, project, 10)
    await makeTasks(owner, other.id, 10)
    await good.got(10)
    await away.got(10)
    expect(silent.received.length).toBeLessThan(10)
    await until('an attempt', async () => (await deliveriesOf(owner, hung.id)).length > 0)
    expect((await deliveriesOf(owner, hung.id))[0]).toMatchObject({
      status: 'pending',
      statusCode: null,
      error: 'no answer in time',
    })
    // A retry that hangs holds up no first attempt.
    silent.react(({ event }) => (event.seq === silent.received[0]?.event.seq ? undefined : 200))
    await passTime(app)
    await until('the rest', async () => {
      const rows = await deliveriesOf(owner, hung.id)
      return rows.length === 10 && rows.some(({ status }) => status === 'delivered')
    })
  })

  it('H4 a receiver that refuses connections is tried again', async () => {
    const { owner, project } = await startProject({ delaysMs: SOON })
    const receiver = await startReceiver()
    await receiver.close()
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await makeTasks(owner, project, 1)
    await until('its end', async () => (await deliveriesOf(owner, webhook.id))[0]?.status === 'failed')
    expect((await deliveriesOf(owner, webhook.id))[0]).toMatchObject({ attempts: 10, error: 'the connection was refused' })
  })

  it('H4 with two leaders each event has one record, and all attempts of it one id and one body', async () => {
    const databaseUrl = await ownDatabase()
    const nodes = await Promise.all(
      [1, 2].map(() =>
        startApp({
          databaseUrl,
          env: { WEBHOOKS_PRIVATE: 'on' },
          seams: { jobs: { timings: QUICK, alwaysLead: true }, webhooks: { delaysMs: SOON } },
        }),
      ),
    )
    onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.close()))))
    const [node] = nodes as [TestApp, TestApp]
    const { owner, project } = await createTeam(node)
    let count = 0
    const receiver = await startReceiver(() => (++count % 3 === 0 ? 500 : 200))
    const webhook = await addWebhook(owner, project.id, receiver.url, ['task.created'])
    await makeTasks(owner, project.id, 40)
    await until('all of it', async () => {
      const rows = await deliveriesOf(owner, webhook.id)
      return rows.length >= 40 && rows.every(({ status }) => status === 'delivered')
    })
    const rows = await deliveriesOf(owner, webhook.id)
    expect(rows.map(({ seq }) => seq)).toEqual([...new Set(rows.map(({ seq }) => seq))])
    expect(rows).toHaveLength(40)
    expect(new Set(receiver.received.map(({ headers, body }) => `${headers['webhook-id']} ${body}`)).size).toBe(40)
  })

  it('H4 an event that the log does not hold any more ends as failed, and says so', async () => {
    const { app, owner, project } = await startProject({ delaysMs: Array(9).fill(60_000) })
    const receiver = await startReceiver(() => 500)
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await makeTasks(owner, project, 1)
    await until('the record', async () => (await deliveriesOf(owner, webhook.id)).length === 1)
    await app.db.query(`DELETE FROM "Event" WHERE name = 'task:created'`)
    await passTime(app)
    await until('its end', async () => (await deliveriesOf(owner, webhook.id))[0]?.status === 'failed')
    expect((await deliveriesOf(owner, webhook.id))[0]?.error).toContain('the log does not reach back so far')
    expect(receiver.received).toHaveLength(1)
  })
})
