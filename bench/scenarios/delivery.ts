// Request to delivery on one node: 200 writes/s over 20 projects with 200 sockets. The clock starts when a writer sends
// its POST and stops when the event is in the hands of each socket of that project.
import { Agent, request as httpRequest } from 'node:http'
import { io, type Socket } from 'socket.io-client'
import { type Comment, endpoints } from '../../src/contract/index.ts'
import type { Scenario } from '../run.ts'
import { startPostgres } from '../support/database.ts'
import { percentile, round } from '../support/numbers.ts'
import { startServer } from '../support/server.ts'

const PROJECTS = 20
const SOCKETS = 200
const WRITES_PER_S = 200
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** One JSON request; rejects unless 2xx. fetch would cost the load generator more than the server. */
function call<T>(url: string, method: string, path: string, body: unknown, token?: string, key?: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(key !== undefined && { 'idempotency-key': key }),
    }
    const sent = httpRequest(url + path, { method, headers, agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text) as T)
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
      })
    })
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}

const figures = (sample: number[]) => ({
  p50: round(percentile(sample, 0.5)),
  p99: round(percentile(sample, 0.99)),
  p999: round(percentile(sample, 0.999)),
  samples: sample.length,
})

interface Stage {
  token: string
  cutId: string
}

/** A project with a cut and SOCKETS / PROJECTS members on sockets; `heard` is called for every event of each. */
async function stage(url: string, n: number, heard: (comment: Comment) => void): Promise<Stage & { sockets: Socket[] }> {
  const register = (name: string) =>
    call<{ accessToken: string; user: { id: string } }>(url, 'POST', endpoints.auth.register.url, {
      email: `${name}-${n}@example.com`,
      password: 'a long enough password',
      name,
      delivery: 'body',
    })
  const owner = await register('owner')
  const token = owner.accessToken
  const project = await call<{ id: string }>(url, 'POST', '/api/projects', { name: `Project ${n}` }, token)
  const vibe = await call<{ id: string }>(url, 'POST', `/api/projects/${project.id}/vibes`, { name: 'Vibe' }, token)
  const cut = await call<{ id: string }>(url, 'POST', `/api/vibes/${vibe.id}/cuts`, { name: 'Cut' }, token)
  const sockets: Socket[] = []
  for (let s = 0; s < SOCKETS / PROJECTS; s++) {
    const member = await register(`member-${s}`)
    await call(url, 'POST', `/api/projects/${project.id}/members`, { userId: member.user.id, role: 'commenter' }, token)
    const socket = io(url, { transports: ['websocket'], forceNew: true, auth: { token: member.accessToken } })
    socket.on('comment:created', (comment: Comment) => heard(comment))
    const answer = await socket.timeout(10_000).emitWithAck('join:project', { projectId: project.id, activity: false })
    if (!answer.ok) throw new Error(JSON.stringify(answer.error))
    sockets.push(socket)
  }
  return { token, cutId: cut.id, sockets }
}

export const delivery: Scenario = {
  title: 'Request to delivery, 200 writes/s over 20 projects with 200 sockets, one node (ms)',
  async run({ quick, progress }) {
    const postgres = await startPostgres()
    const server = await startServer(await postgres.database(), { JWT_SECRET: 'a secret of the bench, thirty-two or more' })
    const sentAt = new Map<string, { sent: number; keyed: boolean }>()
    const plain: number[] = []
    const keyed: number[] = []
    const answers: number[] = []
    const stages: Awaited<ReturnType<typeof stage>>[] = []
    let measuring = false
    const heard = (comment: Comment) => {
      const write = sentAt.get(comment.body)
      if (write && measuring) (write.keyed ? keyed : plain).push(performance.now() - write.sent)
    }
    try {
      for (let n = 0; n < PROJECTS; n++) {
        stages.push(await stage(server.url, n, heard))
        progress((n / PROJECTS) * 0.3)
      }
      const [warmS, measuredS] = quick ? [3, 10] : [5, 30]
      const total = (warmS + measuredS) * WRITES_PER_S
      const start = performance.now()
      const writes: Promise<void>[] = []
      for (let n = 0; n < total; n++) {
        // An open loop: writes leave on time, whether or not the earlier ones were answered.
        const due = start + (n * 1000) / WRITES_PER_S
        const wait = due - performance.now()
        if (wait > 1) await new Promise((next) => setTimeout(next, wait))
        measuring = n >= warmS * WRITES_PER_S
        const { token, cutId } = stages[n % PROJECTS] as Stage
        const body = `note ${n} on the bridge`
        // Every other write can be repeated safely, which costs a look and a row.
        const key = n % 2 ? `bench-${n}` : undefined
        const sent = performance.now()
        sentAt.set(body, { sent, keyed: key !== undefined })
        writes.push(
          call(server.url, 'POST', `/api/cuts/${cutId}/comments`, { body, atMs: n }, token, key).then(() => {
            if (measuring) answers.push(performance.now() - sent)
          }),
        )
        if (n % 200 === 0) progress(0.3 + (n / total) * 0.7)
      }
      await Promise.all(writes)
      const expected = measuredS * WRITES_PER_S * (SOCKETS / PROJECTS)
      const end = performance.now() + 5_000
      const delivered = () => plain.length + keyed.length
      while (delivered() < expected && performance.now() < end) await new Promise((next) => setTimeout(next, 20))
      if (delivered() < expected) throw new Error(`${expected - delivered()} of ${expected} deliveries are missing`)
      const all = figures([...plain, ...keyed])
      return {
        rows: [
          { subject: 'request to delivery', ...all },
          { subject: '  plain writes', ...figures(plain) },
          { subject: '  with Idempotency-Key', ...figures(keyed) },
          { subject: 'request to answer', ...figures(answers) },
          { subject: 'asked', p50: 5, p99: 40 },
        ],
        json: all,
        ok: all.p50 <= 5 && all.p99 <= 40,
      }
    } finally {
      for (const { sockets } of stages) for (const socket of sockets) socket.close()
      agent.destroy()
      await server.stop()
      await postgres.close()
    }
  },
}
