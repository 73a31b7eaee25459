import type { Webhook, WebhookReplay } from '@cutroom/contract'
import { Webhook as Reference } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { until } from '../../support/until.ts'
import { addWebhook, deliveriesOf, makeTasks, type Received, startProject, startReceiver } from '../../support/webhooks.ts'

const verified = (secret: string, { body, headers }: Pick<Received, 'body' | 'headers'>) =>
  new Reference(secret).verify(body, headers as Record<string, string>)
const idsOf = (received: readonly Received[]) => received.map(({ headers }) => headers['webhook-id'])

describe('Webhooks', () => {
  it('H1 signatures verify with the reference library, and with the secret of another webhook they do not', async () => {
    const { owner, project } = await startProject()
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url)
    const other = await addWebhook(owner, project, `${receiver.url}/other`, ['cut.created'])
    const [taskId] = await makeTasks(owner, project, 1)
    await receiver.got(3)
    const task = receiver.received.find(({ event }) => event.type === 'task.created') as Received
    expect(verified(webhook.secret, task)).toEqual(task.event)
    expect(() => verified(other.secret, task)).toThrow()
    expect(() => verified(webhook.secret, { ...task, body: task.body.replace('Task 0', 'Task 1') })).toThrow()
    expect(task.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Cutroom-Webhooks/1' })
    const { data } = await owner.must<{
      data: { name: string; payload: unknown; meta: { id: string; at: string; seq: number } }[]
    }>('GET', `/api/projects/${project}/events`)
    const logged = data.find(({ name }) => name === 'task:created')
    expect(task.headers['webhook-id']).toBe(logged?.meta.id)
    expect(task.event).toEqual({
      type: 'task.created',
      timestamp: logged?.meta.at,
      data: expect.objectContaining({ id: taskId, title: 'Task 0' }),
      room: `project:${project}`,
      seq: logged?.meta.seq,
    })
    expect(task.event.data).toEqual(logged?.payload)
  })

  it('H1 while a secret is renewed the one before verifies, too, and a day later it does not', async () => {
    const { app, owner, project } = await startProject()
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    const renewed = await owner.must<Webhook & { secret: string }>('POST', `/api/webhooks/${webhook.id}/rotate`)
    expect(renewed.secret).not.toBe(webhook.secret)
    expect(Date.parse(renewed.previousSecretUntil as string) - Date.now()).toBeGreaterThan(86_000_000)
    await makeTasks(owner, project, 1)
    await receiver.got(1)
    const [both] = receiver.received as [Received]
    expect(verified(webhook.secret, both)).toEqual(both.event)
    expect(verified(renewed.secret, both)).toEqual(both.event)
    await app.db.query(`UPDATE "Webhook" SET "rotatedAt" = now() - interval '24 hours 1 second'`)
    await makeTasks(owner, project, 1)
    await receiver.got(2)
    const last = receiver.received[1] as Received
    expect(verified(renewed.secret, last)).toEqual(last.event)
    expect(() => verified(webhook.secret, last)).toThrow()
  })

  it('H1 a secret that follows from another JWT_SECRET signs nothing, and a renewed one does', async () => {
    const { app, owner, project } = await startProject()
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await app.db.query(`UPDATE "Webhook" SET "secretHash" = 'of another one'`)
    await makeTasks(owner, project, 1)
    await until('the attempt', async () => (await deliveriesOf(owner, webhook.id)).length === 1)
    expect(await deliveriesOf(owner, webhook.id)).toMatchObject([
      { status: 'pending', attempts: 1, statusCode: null, error: expect.stringContaining('JWT_SECRET') },
    ])
    expect(receiver.received).toEqual([])
    const { secret } = await owner.must<{ secret: string }>('POST', `/api/webhooks/${webhook.id}/rotate`)
    await makeTasks(owner, project, 1)
    await receiver.got(1)
    expect(verified(secret, receiver.received[0] as Received)).toBeTruthy()
  })

  it('H4 first attempts come in the order of the log, each id once, from the making of the webhook on', async () => {
    const { owner, editor, project } = await startProject()
    await makeTasks(owner, project, 3)
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url)
    await Promise.all([makeTasks(owner, project, 20), makeTasks(editor, project, 20)])
    await receiver.got(41)
    const seqs = receiver.received.map(({ event }) => event.seq as number)
    expect(receiver.received[0]?.event).toMatchObject({ type: 'webhook.created', data: { webhookId: webhook.id } })
    expect(seqs).toEqual(seqs.map((_, n) => (seqs[0] as number) + n))
    expect(new Set(idsOf(receiver.received)).size).toBe(41)
    await until('the last record', async () => (await deliveriesOf(owner, webhook.id)).length === 41)
    const rows = await deliveriesOf(owner, webhook.id)
    expect(rows.every(({ status, attempts, statusCode }) => status === 'delivered' && attempts === 1 && statusCode === 204)).toBe(
      true,
    )
    expect(rows.map(({ eventId }) => eventId)).toEqual(idsOf(receiver.received))
  })

  it('a webhook gets the events of its filter, also of one that was changed', async () => {
    const { owner, project } = await startProject()
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url, ['task.deleted'])
    const [first = ''] = await makeTasks(owner, project, 2)
    await owner.must('DELETE', `/api/tasks/${first}`)
    await receiver.got(1)
    await owner.must('PATCH', `/api/webhooks/${webhook.id}`, { events: ['task.created'] })
    await makeTasks(owner, project, 1)
    await receiver.got(2)
    expect(receiver.received.map(({ event }) => event.type)).toEqual(['task.deleted', 'task.created'])
  })

  it('a webhook that is switched off gets nothing, and goes on from where it is switched on', async () => {
    const { owner, project } = await startProject()
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created'])
    await owner.must('PATCH', `/api/webhooks/${webhook.id}`, { state: 'off' })
    await makeTasks(owner, project, 2)
    expect((await owner.call('POST', `/api/webhooks/${webhook.id}/test`)).body).toMatchObject({ code: 'webhook-disabled' })
    await owner.must('PATCH', `/api/webhooks/${webhook.id}`, { state: 'active' })
    const [last] = await makeTasks(owner, project, 1)
    await receiver.got(1)
    expect(receiver.received.map(({ event }) => event.data.id)).toEqual([last])
  })

  it('a test is sent once, signed, and its delivery says how that went', async () => {
    const { owner, project } = await startProject()
    const receiver = await startReceiver(() => 500)
    const webhook = await addWebhook(owner, project, receiver.url, ['cut.created'])
    const asked = await owner.must<{ id: string; eventId: string }>('POST', `/api/webhooks/${webhook.id}/test`)
    expect(asked).toMatchObject({ status: 'pending', attempts: 0, cause: 'test', seq: null })
    await until('its end', async () => (await deliveriesOf(owner, webhook.id))[0]?.status === 'failed')
    expect(await deliveriesOf(owner, webhook.id)).toMatchObject([{ id: asked.id, attempts: 1, statusCode: 500, nextAt: null }])
    const [sent] = receiver.received as [Received]
    expect(sent.headers['webhook-id']).toBe(asked.eventId)
    expect(verified(webhook.secret, sent)).toMatchObject({ type: 'webhook.test', data: { webhookId: webhook.id }, seq: null })
  })

  it('H4 a replay of a range has the ids and the bytes that were sent, in order, also after a rename', async () => {
    const { owner, project } = await startProject()
    const receiver = await startReceiver()
    const webhook = await addWebhook(owner, project, receiver.url, ['task.created', 'webhook.created'])
    await makeTasks(owner, project, 5)
    await receiver.got(6)
    const first = [...receiver.received]
    await owner.must('PATCH', '/api/me', { name: 'Anna' })
    const [from, to] = [first[1]?.event.seq as number, first[4]?.event.seq as number]
    const answer = await owner.must<WebhookReplay>('POST', `/api/webhooks/${webhook.id}/replay`, { after: from, upTo: to })
    expect(answer).toMatchObject({ queued: 3, upTo: to })
    await receiver.got(9)
    const again = receiver.received.slice(6)
    expect(again.map(({ body }) => body)).toEqual(first.slice(2, 5).map(({ body }) => body))
    expect(idsOf(again)).toEqual(idsOf(first.slice(2, 5)))
    await until('the records', async () => (await deliveriesOf(owner, webhook.id)).every(({ status }) => status === 'delivered'))
    expect((await deliveriesOf(owner, webhook.id)).map(({ cause }) => cause)).toEqual([
      ...Array(6).fill('event'),
      ...Array(3).fill('replay'),
    ])
  })

  it('an answer with a secret can be given again under its Idempotency-Key, and nothing else shows the secret', async () => {
    const { app, owner, project } = await startProject()
    const path = `/api/projects/${project}/webhooks`
    const body = { url: 'https://hooks.example.com/' }
    const key = { 'idempotency-key': 'made-once' }
    const made = await owner.must<Webhook & { secret: string }>('POST', path, body, key)
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(await owner.must('POST', path, body, key)).toEqual(made)
    expect(await owner.must('GET', `/api/webhooks/${made.id}`)).not.toHaveProperty('secret')
    const renewed = await owner.must<{ secret: string }>('POST', `/api/webhooks/${made.id}/rotate`, undefined, {
      'idempotency-key': 'renewed-once',
    })
    const second = await owner.must<{ secret: string }>('POST', `/api/webhooks/${made.id}/rotate`, undefined, {
      'idempotency-key': 'renewed-once',
    })
    expect(second.secret).toBe(renewed.secret)
    for (const table of ['Webhook', 'IdempotencyKey', 'Event'])
      for (const { secret } of [made, renewed])
        expect(JSON.stringify((await app.db.query(`SELECT * FROM "${table}"`)).rows)).not.toContain(secret.slice('whsec_'.length))
  })
})
