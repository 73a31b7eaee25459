import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../support/until.ts'
import { addWebhook, deliveriesOf, makeTasks, startProject } from '../support/webhooks.ts'

const ROOT = join(import.meta.dirname, '../..')
const RECEIVER = join(ROOT, 'examples', 'webhook-receiver', 'receiver.ts')

/** The program of the example, with a secret. */
async function startExample(secret: string) {
  const env = { PATH: process.env.PATH, WEBHOOK_SECRET: secret, PORT: '0' }
  const loader = join(ROOT, 'node_modules', 'tsx', 'dist', 'loader.mjs')
  const child = spawn(process.execPath, ['--import', loader, RECEIVER], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  await until('the receiver listens', () => /localhost:\d+/.test(said))
  const url = /http:\/\/localhost:\d+\//.exec(said)?.[0] ?? ''
  const handled = () => [...said.matchAll(/^\{.*\}$/gm)].map(([line]) => JSON.parse(line) as { type: string; id: string })
  return { url, handled }
}

describe('examples/webhook-receiver', () => {
  it('H1 takes what its project sends, each event once, and refuses what another secret signs', async () => {
    const { owner, project } = await startProject()
    // Its address is known when it runs, and its secret when there is a webhook.
    const webhook = await addWebhook(owner, project, 'http://127.0.0.1:9/', ['task.created'])
    const { url, handled } = await startExample(webhook.secret)
    await owner.must('PATCH', `/api/webhooks/${webhook.id}`, { url })
    await makeTasks(owner, project, 3)
    await until('its three events', () => handled().length === 3)
    await owner.must('POST', `/api/webhooks/${webhook.id}/replay`, { after: 0 })
    await until('the replay', async () => {
      const rows = await deliveriesOf(owner, webhook.id)
      return rows.length === 6 && rows.every(({ status }) => status === 'delivered')
    })
    expect(handled()).toHaveLength(3)
    const other = await addWebhook(owner, project, url, ['task.created'])
    await owner.must('POST', `/api/webhooks/${other.id}/test`)
    await until(
      'its answer',
      async () =>
        (await deliveriesOf(owner, other.id)).length === 1 && (await deliveriesOf(owner, other.id))[0]?.status === 'failed',
    )
    expect((await deliveriesOf(owner, other.id))[0]?.statusCode).toBe(401)
  })
})
