import { fork } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect as dial } from 'node:net'
import { fileURLToPath } from 'node:url'
import { io } from 'socket.io-client'
import { highest, percentile } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { keepLoad, sleep } from '../support/drive.ts'
import type { Node } from '../support/node.ts'
import type { FromOpener, ToOpener } from '../support/opener-process.ts'
import type { Scenario } from '../support/scenario.ts'
import type { Stage } from '../support/stage.ts'
import { ask } from '../support/standby.ts'
import { type Place, populate } from '../support/world.ts'
import { openHttp } from '../support/writer.ts'

const MB = 2 ** 20
const PER_SECOND = 20
const READERS = 20
const GONE_MS = 60_000

/** What is measured beside whatever else goes on. */
interface Beside {
  /** From request to delivery, ms. */
  deliveries: number[]
  /** Delays of `/healthz`, ms. */
  health: number[]
  /** The most that the server held, bytes. */
  rss: number
}

const healthMs = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const from = performance.now()
    const asked = request(`${url}/healthz`, { agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(performance.now() - from))
    })
    asked.on('error', reject)
    asked.end()
  })

/** A neighbour who writes and another who listens, the server's memory and its health, until it is stopped. */
async function startNeighbours(stage: Stage, node: Node, place: Place) {
  const [writer, listener] = place.members
  if (!writer || !listener) throw new RangeError('neighbours are two')
  const socket = io(node.url, { transports: ['websocket'], forceNew: true, auth: { token: listener.token } })
  const http = openHttp()
  stage.undo(() => socket.close())
  stage.undo(http.close)
  await new Promise<void>((resolve) => socket.once('connected', () => resolve()))
  await socket.emitWithAck('join:project', { projectId: place.id, activity: false })
  let now: Beside = { deliveries: [], health: [], rss: 0 }
  const sent = new Map<string, number>()
  socket.on('comment:created', (_comment, meta: { mutationId?: string }) => {
    const from = sent.get(meta.mutationId ?? '')
    if (from !== undefined) now.deliveries.push(performance.now() - from)
  })
  const failures: string[] = []
  const failed = (error: Error) => void failures.push(error.message)
  function write(): void {
    const key = crypto.randomUUID()
    sent.set(key, performance.now())
    http
      .send(node.url, 'POST', `/api/cuts/${place.cutId}/comments`, {
        token: writer?.token ?? '',
        body: { body: 'on we go' },
        headers: { 'idempotency-key': key },
      })
      .then(({ status }) => status === 201 || failures.push(`a write was answered ${status}`), failed)
  }
  const look = async () => {
    const beside = now
    beside.health.push(await healthMs(node.url))
    beside.rss = Math.max(beside.rss, await node.rss())
  }
  const timers = [setInterval(write, 1000 / PER_SECOND), setInterval(() => void look().catch(failed), 200)]
  stage.undo(() => timers.forEach(clearInterval))
  return {
    failures,
    /** What was measured since it was asked last. */
    take(): Beside {
      const taken = now
      now = { deliveries: [], health: [], rss: 0 }
      return taken
    },
  }
}

/** Opens the project in a process of its own. */
async function openProject(stage: Stage, order: ToOpener): Promise<FromOpener> {
  const child = fork(fileURLToPath(new URL('../support/opener-process.ts', import.meta.url)))
  stage.undo(() => child.kill('SIGKILL'))
  child.send(order)
  const [opened] = (await once(child, 'message')) as [FromOpener]
  return opened
}

function judge(stage: Stage, { deliveries, health, rss }: Beside, idle: Beside, before: number, mostMb: number): void {
  const quiet = percentile(idle.deliveries, 0.99)
  stage.show('… request to delivery, neighbours alone, p99', `${quiet.toFixed(1)} ms`)
  stage.atMost('… during it', percentile(deliveries, 0.99), Math.max(3 * quiet, 100), 'ms')
  stage.atMost('… slowest /healthz', highest(health), 200, 'ms')
  stage.atMost('… memory of the server above what it held before', (rss - before) / MB, mostMb, 'MB')
}

/** Clients that ask for large pages of the log and never read. @returns after how long the server has closed all of them, ms */
async function unread(stage: Stage, node: Node, place: Place): Promise<number> {
  const { hostname, port } = new URL(node.url)
  // A client that reads nothing does not see the end either: the server's handles say it.
  const handles = () => node.metric('cutroom_nodejs_active_handles')
  const before = await handles()
  for (let n = 0; n < READERS; n++) {
    const socket = dial({ host: hostname, port: Number(port) })
    stage.undo(() => socket.destroy())
    socket.on('error', () => {})
    socket.pause()
    const token = place.members[0]?.token
    socket.write(
      `GET /api/projects/${place.id}/events?limit=500&after=${n} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )
  }
  const from = performance.now()
  await until('they are there', async () => (await handles()) >= before + READERS / 2, 10_000)
  while ((await handles()) > before + 2) {
    if (performance.now() - from > 2 * GONE_MS) return Number.POSITIVE_INFINITY
    await sleep(250)
  }
  return performance.now() - from
}

export const scenario: Scenario = {
  id: 'B1',
  title: 'a project of 300,000 comments is opened, and answers of 1 MiB are not read, while neighbours write',
  async run(stage) {
    const comments = stage.short ? 10_000 : 300_000
    const [node] = await stage.nodes(1)
    if (!node) throw new Error('no node')
    const { projects } = await populate(node, { people: 4, projects: 2, members: 2 })
    const [large, near] = projects
    const person = large?.members[0]
    if (!large || !near || !person) throw new Error('no projects')
    for (let made = 0; made < comments; made += 10_000) {
      stage.progress((0.4 * made) / comments, `${made} comments`)
      await ask(
        stage.databaseUrl,
        `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body)
         SELECT gen_random_uuid(), '${large.id}', '${large.cutId}', '${person.id}', repeat(md5(n::text), 63) FROM generate_series(1, 10000) n`,
      )
    }
    await ask(
      stage.databaseUrl,
      `INSERT INTO "Event" (id, room, name, payload)
       SELECT gen_random_uuid(), 'project:${large.id}', 'extension:event', json_build_object('data', repeat(md5(n::text), 7800)) FROM generate_series(1, 60) n`,
    )
    await ask(stage.databaseUrl, 'ANALYZE')

    const neighbours = await startNeighbours(stage, node, near)
    await keepLoad(stage, stage.seconds(15, 3) * 1000, [0.4, 0.5], () => 'neighbours alone')
    const idle = neighbours.take()
    let before = await node.rss()
    stage.mark('open')
    stage.progress(0.5, 'opening')
    const tokens = { accessToken: person.token, refreshToken: person.refreshToken }
    const opened = await openProject(stage, { url: node.url, tokens, projectId: large.id })
    stage.holds(`the typed client has all ${comments} comments`, opened.comments === comments, String(opened.comments))
    stage.show('it took', `${(opened.ms / 1000).toFixed(1)} s`)
    judge(stage, neighbours.take(), idle, before, 200)

    before = await node.rss()
    stage.mark('readers that do not read')
    stage.progress(0.8, 'answers that are not read')
    const gone = await unread(stage, node, large)
    stage.atMost(`${READERS} readers who do not read are gone`, gone / 1000, GONE_MS / 1000, 's')
    judge(stage, neighbours.take(), idle, before, 100)
    stage.zero('writes and questions of neighbours that failed', neighbours.failures.length, neighbours.failures)
  },
}
