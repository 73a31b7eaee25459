import { readFile } from 'node:fs/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { addCrowd } from '../support/members.ts'
import { createTeam } from '../support/people.ts'
import { openPool } from '../support/pool.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { openSocketTransport } from '../support/socket-transport.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** The figure that was asked for is 2,000 beside 512 MB of heap (CROWD=2000 CROWD_HEAP=512); a smaller crowd needs less of both. */
const CROWD = Number(process.env.CROWD ?? 200)
const HEAP_MB = Number(process.env.CROWD_HEAP ?? 160)
const WAIT_MS = process.env.CROWD ? 900_000 : 120_000

if (!hasRedis()) refuseWithoutRedis('a crowd beside a small node')

interface Member {
  /** Resolves with the answer as it came. */
  join(projectId: string): Promise<string>
}

/** A client that reads everything and looks at the little it waits for: a thousand of them fit in one process. */
async function openMember(url: string, token: string): Promise<Member> {
  const waiting = new Map<string, (text: string) => void>()
  const socket = openSocketTransport(url, (data) => {
    const head = data.toString('latin1', 0, 16)
    for (const [start, came] of waiting) if (head.startsWith(start)) came(data.toString())
  })
  onTestFinished(() => socket.terminate())
  const until = (start: string) =>
    new Promise<string>((came, fail) => {
      waiting.set(start, came)
      socket.once('close', (code) => fail(new Error(`closed (${code}) while waiting for ${start}`)))
    })
  const connected = until('42["connected"')
  socket.on('open', () => socket.send(`40${JSON.stringify({ token })}`))
  await connected
  waiting.clear()
  return {
    async join(projectId) {
      for (let id = 1; ; id++) {
        const answer = until(`43${id}[`)
        socket.send(`42${id}["join:project",{"projectId":"${projectId}","activity":false}]`)
        const text = await answer
        if (!text.includes('"code":"unavailable"')) return text
        await new Promise((done) => setTimeout(done, 1_000))
      }
    },
  }
}

describe.runIf(hasRedis())('a crowd beside a small node', () => {
  const servers = useServers()

  it('B1 B2 a node keeps answering when all people of a project leave another node at once, and when they come to it at once', {
    timeout: 5 * WAIT_MS,
  }, async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const databaseUrl = await databaseForTest()
    const env = { REDIS_URL: redis.url }
    const large = await servers.start({ databaseUrl, env })
    const small = await servers.start({ databaseUrl, env: { ...env, NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` } })
    const { project, owner } = await createTeam(small)
    const crowd = await addCrowd(openPool(databaseUrl), { projectId: project.id, count: CROWD, like: owner })
    const watcher = await connect(small, owner)
    await watcher.join(project.id)

    const online = new Map<string, boolean>()
    const present = new Set<string>()
    watcher.socket.on('chat:presence', ({ userId, isOnline }) => online.set(userId, isOnline))
    watcher.socket.on('presence:changed', (change) => {
      for (const { user } of change.present) present.add(user.id)
      for (const id of change.left) present.delete(id)
    })
    watcher.frames.push = () => 0
    const isSeen = (seen: boolean) => {
      if (!small.alive()) throw new Error(`the node ended:\n${small.output()}`)
      return crowd.every(({ id }) => (online.get(id) ?? false) === seen && present.has(id) === seen)
    }

    let bytes = 0
    /** Each connects; then all join at once. */
    async function come(url: string): Promise<void> {
      const members: Member[] = []
      for (let i = 0; i < crowd.length; i += 100)
        members.push(...(await Promise.all(crowd.slice(i, i + 100).map(({ token }) => openMember(url, token)))))
      const acks = await Promise.all(members.map((member) => member.join(project.id)))
      bytes = acks.reduce((sum, ack) => sum + ack.length, 0)
      expect(acks.filter((ack) => !ack.includes('"ok":true'))).toEqual([])
    }

    await come(large.url)
    await until('the watcher sees the crowd', () => isSeen(true), WAIT_MS)
    large.signal('SIGKILL')
    await until('the watcher sees that it vanished', () => isSeen(false), WAIT_MS)
    await come(small.url)
    const acks = bytes / CROWD
    await until('the watcher sees the crowd again', () => isSeen(true), WAIT_MS)

    expect(small.alive()).toBe(true)
    expect((await fetch(`${small.url}/readyz`)).status).toBe(200)
    expect(acks).toBeLessThan(66_000)
    if (process.env.CROWD) {
      const peak = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${small.pid}/status`, 'utf8'))?.[1]
      // The longest pause of its event loop, in all of it.
      const lag = /eventloop_lag_max_seconds ([\d.]+)/.exec(await (await fetch(`${small.url}/metrics`)).text())?.[1]
      console.log(`${CROWD} people: ${acks} bytes of answer each, peak ${Number(peak) / 1024} MiB, event loop ${lag} s at most`)
    }
  })
})
