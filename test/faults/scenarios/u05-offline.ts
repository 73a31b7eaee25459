import { createClient, type Draw, type Task, tasks } from '@cutroom/client'
import { until } from '../../support/until.ts'
import { sleep } from '../support/drive.ts'
import type { Scenario } from '../support/scenario.ts'
import { populate } from '../support/world.ts'

const WRITES = 50
/** A turn of the event loop in which a page draws, ms. */
const FRAME_MS = 50

/** A task that is drawn at once. */
function drawn(title: string): Draw {
  const payload = { title, description: null, status: 'todo' as const, rank: '~', assigneeId: null, assignee: null }
  return { name: 'task:created', payload: { ...payload, dueAt: null, labels: [] } }
}

export const scenario: Scenario = {
  id: 'U5',
  title: `ten minutes offline with ${WRITES} writes queued, the server killed while away and while they are sent`,
  async run(stage) {
    const [node] = await stage.nodes(1)
    if (!node) throw new Error('no node')
    const world = await populate(node, { people: 2, projects: 1, members: 2 })
    const [place] = world.projects
    const [owner, editor] = place?.members ?? []
    if (!place || !owner || !editor) throw new Error('nobody to write')
    const proxy = await stage.proxy({ port: Number(new URL(node.url).port) })
    const errors: string[] = []
    const client = createClient({
      url: proxy.url,
      tokens: { accessToken: owner.token, refreshToken: owner.refreshToken },
      onError: (error) => void (error instanceof TypeError || errors.push(String(error))),
      socket: { reconnectionDelay: 50, reconnectionDelayMax: 1_000 },
    })
    stage.undo(client.close)
    await client.restore()
    const room = client.room(place.id)
    await until('live', () => room.status === 'live', 30_000)

    stage.mark('cut')
    await proxy.cut()
    await until('stale', () => room.status === 'stale', 30_000)
    const titles = Array.from({ length: WRITES }, (_, n) => `Offline ${n}`)
    const shown = () => room.state?.tasksIn('todo').map(({ title }) => title) ?? []
    const lasts = stage.seconds(600, 4) * 1000
    const results: Promise<unknown>[] = []
    let slowest = 0
    for (const [n, title] of titles.entries()) {
      const began = performance.now()
      const args = { params: { projectId: place.id }, body: { title } }
      results.push(client.mutate(tasks.create, args, { draw: drawn(title) }))
      if (shown().at(-1) !== title) throw new Error(`${title} is not drawn`)
      slowest = Math.max(slowest, performance.now() - began)
      stage.progress((0.8 * n) / WRITES, 'offline')
      await sleep(lasts / WRITES)
    }
    stage.holds('all are drawn while offline', shown().join() === titles.join())
    stage.atMost('to draw one, with those before it', slowest, FRAME_MS, 'ms')
    // others went on, and the server died and came back
    await editor.must('POST', `/api/projects/${place.id}/tasks`, { title: 'Somebody else' })
    stage.mark('kill')
    await node.kill()
    await node.start()

    stage.mark('back')
    await proxy.pass()
    await until('some are sent', () => client.mutations.length < WRITES * 0.8, 60_000)
    stage.mark('kill')
    await node.kill()
    await node.start()
    const settled = await Promise.allSettled(results)
    await until('live again', () => room.status === 'live' && client.mutations.length === 0, 60_000)
    stage.zero('writes that were refused', settled.filter(({ status }) => status === 'rejected').length)
    const { data } = await editor.must<{ data: Task[] }>('GET', `/api/projects/${place.id}/tasks?limit=200`)
    const log = await room.history({ last: 1_000 })
    const created = log.flatMap(({ name, payload }) => (name === 'task:created' ? [(payload as Task).title] : []))
    const mine = created.filter((title) => title.startsWith('Offline'))
    stage.holds('each once and in order, in the log', mine.join() === titles.join(), `${mine.length} of ${WRITES}`)
    const listed = data.map(({ title }) => title).sort()
    stage.holds('and in the list', listed.join() === [...titles, 'Somebody else'].sort().join())
    stage.holds('the room shows what the list has', shown().length === data.length && room.pending.size === 0)
    stage.zero('errors of the client', errors.length, errors)
  },
}
