import { createProject, type Person, register } from '../../support/people.ts'
import { percentile } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { keepLoad, sleep } from '../support/drive.ts'
import type { Scenario } from '../support/scenario.ts'
import type { Stage } from '../support/stage.ts'
import { ask } from '../support/standby.ts'
import { populate, type World } from '../support/world.ts'
import { openHttp, startWriter, type Write, type Writer } from '../support/writer.ts'

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** What the parts below work with. */
interface Lane {
  stage: Stage
  url: string
  sql<R extends object = object>(text: string): Promise<R[]>
  send(method: string, path: string, person: Person, body?: unknown): Promise<{ status: number; body: string; ms: number }>
  /** Runs something while the neighbours write. @returns how long it took, and how long their writes took, p99, ms */
  beside(work: () => Promise<unknown>): Promise<{ ms: number; p99: number }>
}

function startLane(stage: Stage, url: string, writer: Writer): Lane {
  const http = openHttp()
  stage.undo(http.close)
  return {
    stage,
    url,
    sql: (text) => ask(stage.databaseUrl, text) as never,
    async send(method, path, { token }, body) {
      const from = performance.now()
      const { status, body: text } = await http.send(url, method, path, { token, body, timeoutMs: 120_000 })
      return { status, body: text, ms: performance.now() - from }
    },
    async beside(work) {
      const [from, since] = [Date.now(), performance.now()]
      await work()
      const [to, ms] = [Date.now(), performance.now() - since]
      const isUnderWay = ({ sentAt, outcome }: Write) => sentAt >= from && sentAt <= to && outcome === 'running'
      await until('the writes of this time to be answered', () => !writer.writes.some(isUnderWay), 60_000)
      return { ms, p99: percentile(writer.latencies(from, to), 0.99) }
    },
  }
}

/** A member with so many assigned tasks is removed. */
async function removal({ stage, url, sql, send, beside }: Lane, tasks: number): Promise<void> {
  const [owner, member] = [await register({ url }, 'Owner'), await register({ url }, 'Member')]
  const { id } = await createProject(owner)
  await send('POST', `/api/projects/${id}/members`, owner, { userId: member.id, role: 'editor' })
  await sql(`INSERT INTO "Task" (id, "projectId", title, rank, "assigneeId", "authorId")
    SELECT gen_random_uuid(), '${id}', 'Task ' || n, 'a' || lpad(n::text, 8, '0') || '1', '${member.id}', '${owner.id}' FROM generate_series(1, ${tasks}) AS n`)
  await sql('ANALYZE "Task"')
  let status = 0
  const { ms, p99 } = await beside(async () => {
    status = (await send('DELETE', `/api/projects/${id}/members/${member.id}`, owner)).status
  })
  stage.holds(`a member with ${tasks} assigned tasks is removed`, status === 204, String(status))
  const [left] = await sql<{ n: string; events: string }>(`SELECT count(*) AS n,
    (SELECT count(*) FROM "Event" WHERE room = 'project:${id}' AND name <> 'member:joined') AS events FROM "Task" WHERE "assigneeId" = '${member.id}'`)
  stage.zero('tasks that are still assigned', Number(left?.n))
  stage.holds('… with one event', left?.events === '1', left?.events)
  stage.atMost('the removal', ms / 1000, 3, 's')
  stage.atMost('neighbours, p99', p99, 200, 'ms')
}

/** A person in so many projects changes their name forty times at once. */
async function renames({ stage, url, sql, send, beside }: Lane, projects: number): Promise<void> {
  const person = await register({ url }, 'Pat')
  await sql(`WITH made AS (INSERT INTO "Project" (id, name, "authorId") SELECT gen_random_uuid(), 'P', '${person.id}' FROM generate_series(1, ${projects}) RETURNING id),
    rooms AS (INSERT INTO "Room" (id) SELECT 'project:' || id FROM made)
    INSERT INTO "Member" ("projectId", "userId", role) SELECT id, '${person.id}', 'owner' FROM made`)
  await sql('ANALYZE "Project"; ANALYZE "Member"; ANALYZE "Room"')
  const answers: Awaited<ReturnType<typeof send>>[] = []
  const { ms, p99 } = await beside(() =>
    Promise.all(
      Array.from(
        { length: 40 },
        async (_, n) => void answers.push(await send('PATCH', '/api/me', person, { name: `Name ${n}` })),
      ),
    ),
  )
  const done = answers.filter(({ status }) => status === 200)
  stage.zero(
    'answers that are neither done nor for later',
    answers.filter(({ status }) => status !== 200 && status !== 503 && status !== 429).length,
  )
  const [told] = await sql<{ n: string }>(
    `SELECT count(*) AS n FROM "Event" WHERE name = 'person:updated' AND "actorId" = '${person.id}'`,
  )
  stage.holds('an event in each project for each change', Number(told?.n) === done.length * projects, told?.n)
  stage.show(`40 names at once in ${projects} projects`, `${done.length} done, the others refused for now, in ${seconds(ms)}`)
  stage.show('the first was done', `in ${seconds(Math.min(...done.map((answer) => answer.ms)))}`)
  stage.atMost('writes in other projects, p99', p99, 200, 'ms')
}

/** A vibe with so many comments below it is deleted, and a project with three times as many. */
async function deletions({ stage, url, sql, send, beside }: Lane, comments: number): Promise<void> {
  const owner = await register({ url }, 'Owner')
  const { id } = await createProject(owner)
  const vibe = JSON.parse((await send('POST', `/api/projects/${id}/vibes`, owner, { name: 'V' })).body) as { id: string }
  const fill = async (vibeId: string, count: number) => {
    const cut = JSON.parse((await send('POST', `/api/vibes/${vibeId}/cuts`, owner, { name: 'C' })).body) as { id: string }
    // Every tenth is a reply.
    await sql(`INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body)
      SELECT gen_random_uuid(), '${id}', '${cut.id}', '${owner.id}', repeat('x', 200) FROM generate_series(1, ${Math.round(count * 0.9)})`)
    await sql(`INSERT INTO "Comment" (id, "projectId", "cutId", "parentId", "authorId", body)
      SELECT gen_random_uuid(), '${id}', '${cut.id}', c.id, '${owner.id}', repeat('x', 200) FROM
      (SELECT id FROM "Comment" WHERE "cutId" = '${cut.id}' LIMIT ${Math.round(count * 0.1)}) AS c`)
  }
  await fill(vibe.id, comments)
  await sql('ANALYZE "Comment"')
  let status = 0
  const small = await beside(async () => {
    status = (await send('DELETE', `/api/vibes/${vibe.id}`, owner)).status
  })
  stage.holds(`a vibe with ${comments} comments below it is deleted`, status === 204, String(status))
  stage.atMost('the deletion', small.ms / 1000, 3, 's')
  stage.atMost('neighbours, p99', small.p99, 200, 'ms')

  const next = JSON.parse((await send('POST', `/api/projects/${id}/vibes`, owner, { name: 'V' })).body) as { id: string }
  await fill(next.id, comments * 3)
  let ms = 0
  const large = await beside(async () => {
    const answer = await send('DELETE', `/api/projects/${id}`, owner)
    status = answer.status
    ms = answer.ms
    while ((await sql(`SELECT 1 FROM "Project" WHERE id = '${id}'`)).length > 0) await sleep(500)
  })
  stage.holds(`a project with ${comments * 3} comments is deleted`, status === 204, String(status))
  stage.atMost('… and answered', ms / 1000, 1, 's')
  stage.show('its rows are gone', `after ${seconds(large.ms)}`)
  stage.atMost('neighbours, p99', large.p99, 200, 'ms')
}

/** Two cards take turns behind a third one. */
async function ranks({ stage, url, send, sql }: Lane, moves: number): Promise<void> {
  const owner = await register({ url }, 'Owner')
  const { id } = await createProject(owner)
  const made: string[] = []
  for (let n = 0; n < 3; n++)
    made.push((JSON.parse((await send('POST', `/api/projects/${id}/tasks`, owner, { title: 'T' })).body) as { id: string }).id)
  let refused = 0
  let longest = 0
  for (let n = 0; n < moves; n++) {
    const answer = await send('POST', `/api/tasks/${made[1 + (n % 2)]}/move`, owner, { status: 'todo', after: made[0] })
    if (answer.status === 200) longest = Math.max(longest, (JSON.parse(answer.body) as { rank: string }).rank.length)
    else refused++
    if (n % 500 === 0) stage.progress(0.8 + (0.2 * n) / moves, `${n} moves`)
  }
  const [row] = await sql<{ most: number }>(`SELECT max(length(rank)) AS most FROM "Task" WHERE "projectId" = '${id}'`)
  stage.zero(`of ${moves} moves in turn behind a card, refused`, refused)
  stage.atMost('the longest rank', Math.max(longest, row?.most ?? 0), 200, 'characters')
}

export const scenario: Scenario = {
  id: 'B4',
  title: 'writes that reach tens of thousands of rows or rooms, while neighbours write',
  async run(stage) {
    const [node] = await stage.nodes(1)
    if (!node) throw new Error('no node')
    const world: World = await populate(node, { people: 4, projects: 4, members: 3 })
    const writer = startWriter({ world, urls: [node.url], perSecond: 50, seed: stage.random.int(0, 2 ** 31) })
    const lane = startLane(stage, node.url, writer)
    const idle = await lane.beside(() => keepLoad(stage, stage.seconds(10, 2) * 1000, [0, 0.1], () => 'neighbours alone'))
    stage.show('neighbours alone, p99', `${idle.p99.toFixed(1)} ms`)
    stage.progress(0.1, 'a removal')
    await removal(lane, stage.short ? 5_000 : 50_000)
    stage.progress(0.3, 'names')
    await renames(lane, stage.short ? 1_000 : 20_000)
    stage.progress(0.6, 'deletions')
    await deletions(lane, stage.short ? 5_000 : 100_000)
    await writer.stop()
    await ranks(lane, stage.short ? 900 : 9_500)
  },
}
