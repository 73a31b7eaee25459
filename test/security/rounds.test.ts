import { once } from 'node:events'
import type { Project } from '@cutroom/contract'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { forkProgram } from '../support/fork.ts'
import { createProject, PASSWORD, type Person, register, request } from '../support/people.ts'
import { dial, upgradeText } from '../support/raw-http.ts'
import { databaseForTest, type ServerProcess, useServers } from '../support/server-process.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { clientFrame } from '../support/websocket-frames.ts'

/**
 * SECURITY_ROUNDS=1 npx vitest run test/security/rounds.test.ts — the attacks at full strength on a real process, with figures.
 * More rounds measure longer. Figures belong to a machine that does nothing else.
 */
const ROUNDS = Number(process.env.SECURITY_ROUNDS ?? 0)
const MINUTES = 60_000
const TURNS = 12
const TURN_MS = 3_000

const figures: [what: string, asked: string, measured: string][] = []
function say(what: string, asked: string, measured: string): void {
  figures.push([what, asked, measured])
  console.log(`${what}: ${measured}`)
}
const at = (values: number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.min(Math.floor(values.length * part), values.length - 1)] ?? Number.NaN
const ms = (value: number) => `${value.toFixed(1)} ms`
const pause = (wait: number) => new Promise<void>((done) => setTimeout(done, wait))

describe.runIf(ROUNDS > 0)('attacks at full strength', () => {
  const servers = useServers()
  afterAll(() => {
    const rows = [['attack', 'asked', 'measured'], ...figures]
    const widths = [0, 1, 2].map((n) => Math.max(...rows.map((row) => (row[n] ?? '').length)))
    console.log(rows.map((row) => row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join('  ')).join('\n'))
  })

  /** Numbers of /metrics, in one look; the event loop's are those since the last one. */
  async function look({ url }: ServerProcess): Promise<{ cpu: number; stall: number; memory: number }> {
    const text = await (await fetch(`${url}/metrics`)).text()
    const number = (name: string) => Number(new RegExp(`^cutroom_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN)
    return {
      cpu: number('process_cpu_seconds_total'),
      // Node counts the 10 ms between its own looks.
      stall: number('nodejs_eventloop_lag_max_seconds') * 1000 - 10,
      memory: number('process_resident_memory_bytes'),
    }
  }
  const memory = async (server: ServerProcess) => (await look(server)).memory

  async function scene(env: Record<string, string> = {}) {
    const server = await servers.start({ databaseUrl: await databaseForTest(), env })
    const owner = await register(server, 'Olga')
    const project = await createProject(owner)
    return { server, owner, project }
  }

  /** Runs beside the server until `stop`, which resolves to what it did. */
  async function attacker(kind: string, server: ServerProcess, people: Person[], project: Project) {
    const args = [kind, server.url, people.map(({ token }) => token).join(), project.id]
    const { child, end } = forkProgram(new URL('./attacker.ts', import.meta.url), args)
    onTestFinished(end)
    await once(child, 'message')
    return {
      go: () => child.send('go'),
      rest: () => child.send('rest'),
      async stop(): Promise<{ sent: number; closed: number }> {
        const said = once(child, 'message')
        child.send('stop')
        const [report] = await said
        await once(child, 'exit')
        return report
      },
    }
  }

  /** From the request of a write to its event on a neighbour's socket, at a steady pace. */
  async function latencies(
    owner: Person,
    project: Project,
    listener: Awaited<ReturnType<typeof connect>>,
    forMs: number,
    perSecond = 50,
  ) {
    const asked = new Map<string, number>()
    const values: number[] = []
    const heard = (payload: { title: string }) => {
      const from = asked.get(payload.title)
      if (from !== undefined) values.push(performance.now() - from)
      asked.delete(payload.title)
    }
    listener.socket.on('task:created', heard)
    const end = performance.now() + forMs
    const writes: Promise<unknown>[] = []
    const write = async (title: string) => {
      // On a machine that is busy with other things a write may be refused; it has no event then.
      const { status } = await owner.call('POST', `/api/projects/${project.id}/tasks`, { title })
      if (status !== 201) asked.delete(title)
    }
    const start = performance.now()
    for (let n = 0; performance.now() < end; n++) {
      const title = `${start} ${n}`
      asked.set(title, performance.now())
      writes.push(write(title))
      await pause(Math.max(start + ((n + 1) * 1000) / perSecond - performance.now(), 0))
    }
    await Promise.all(writes)
    await until('every event', () => asked.size === 0, MINUTES)
    listener.socket.off('task:created', heard)
    listener.frames.length = 0
    return values
  }

  for (const [kind, title] of [
    ['flood', 'S13 1,000 events a second from one socket, which comes back as another of 20 people whenever it is closed'],
    ['joins', 'S13 1,000 joins a second that ask for the whole log, likewise'],
    ['json', 'S10 JSON of depth 30,000 and 7,000 keys over a socket, 15 times a second'],
    ['bodies', 'S10 JSON of depth 100,000 and 25,000 keys over REST, 15 times a second'],
  ] as const)
    it(title, { timeout: 20 * MINUTES }, async () => {
      const { server, owner, project } = await scene()
      const eves = await Promise.all(Array.from({ length: 20 }, (_, n) => register(server, `Eve ${n}`)))
      for (const { id } of eves) await owner.must('POST', `/api/projects/${project.id}/members`, { userId: id, role: 'viewer' })
      const listener = await connect(server, owner)
      await listener.join(project.id)
      await latencies(owner, project, listener, 5_000)
      const calm: number[] = []
      const attacked: number[] = []
      const stalls = { calm: [] as number[], attacked: [] as number[] }
      const cpu = { calm: 0, attacked: 0 }
      const attacking = await attacker(kind, server, eves, project)
      // Short turns, so that whatever else the machine does meets both alike.
      for (let n = 0; n < TURNS * ROUNDS; n++) {
        const before = await look(server)
        calm.push(...(await latencies(owner, project, listener, TURN_MS)))
        const between = await look(server)
        attacking.go()
        attacked.push(...(await latencies(owner, project, listener, TURN_MS)))
        const after = await look(server)
        cpu.calm += between.cpu - before.cpu
        cpu.attacked += after.cpu - between.cpu
        stalls.calm.push(between.stall)
        stalls.attacked.push(after.stall)
        attacking.rest()
        await pause(200)
      }
      const done = await attacking.stop()
      say(
        title,
        'neighbours’ p99 +10 %',
        `p50 ${ms(at(calm, 0.5))} → ${ms(at(attacked, 0.5))}, p99 ${ms(at(calm, 0.99))} → ${ms(at(attacked, 0.99))} (${done.sent} sent, closed ${done.closed} times)`,
      )
      const share = (seconds: number) => `${((seconds * 100) / ((TURNS * TURN_MS * ROUNDS) / 1000)).toFixed(0)} %`
      say('  of one core the server used', '', `${share(cpu.calm)} → ${share(cpu.attacked)}`)
      say(
        '  longest stall of the event loop',
        kind === 'json' || kind === 'bodies' ? '20 ms' : '',
        `median of turns ${ms(at(stalls.calm, 0.5))} → ${ms(at(stalls.attacked, 0.5))}, worst ${ms(at(stalls.calm, 1))} → ${ms(at(stalls.attacked, 1))}`,
      )
      expect(listener.socket.connected).toBe(true)
      expect(done.sent).toBeGreaterThan(100)
    })

  async function logins(server: ServerProcess, email: string, count: number): Promise<number[]> {
    const values: number[] = []
    for (let n = 0; n < count; n++) {
      const from = performance.now()
      const { status } = await request(server.url, 'POST', '/api/auth/login', { body: { email, password: PASSWORD } })
      expect(status).toBe(200)
      values.push(performance.now() - from)
    }
    return values
  }

  for (const limit of ['off', '1000000'])
    it(`S12 1,000 connections that never say who they are, RATE_LIMIT=${limit}`, { timeout: 5 * MINUTES }, async () => {
      const { server, owner } = await scene({ RATE_LIMIT: limit })
      // With limits on, 20 logins an account in 15 minutes.
      const tries = limit === 'off' ? 100 : 9
      const before = await logins(server, owner.email, tries)
      const host = { host: new URL(server.url).host }
      const ways = [upgradeText(host), `${upgradeText(host)}`, upgradeText(host).slice(0, -2), '']
      const from = performance.now()
      const lines = await Promise.all(Array.from({ length: 1_000 }, (_, n) => dial(server, ways[n % ways.length])))
      for (const [n, line] of lines.entries()) if (n % ways.length === 1) line.socket.write(clientFrame('40').subarray(0, 5))
      const during = await logins(server, owner.email, tries)
      await until('all gone', () => lines.every((line) => line.livedMs() !== undefined), 30_000).catch(() => {})
      const lived = lines.map((line) => line.livedMs() ?? Number.POSITIVE_INFINITY)
      const statuses = (status: number) => lines.filter((line) => line.received().startsWith(`HTTP/1.1 ${status}`)).length
      say(
        `S12 1,000 strangers, RATE_LIMIT=${limit}`,
        'all gone in 6 s',
        `the last after ${(Math.max(...lived) / 1000).toFixed(2)} s; ${statuses(101)} let in, ${statuses(429)} refused, ${statuses(408)} timed out`,
      )
      say(
        '  a login during it',
        '50 ms',
        `p50 ${ms(at(before, 0.5))} → ${ms(at(during, 0.5))}, worst ${ms(at(before, 1))} → ${ms(at(during, 1))}`,
      )
      expect(Math.max(...lived)).toBeLessThan(6_000)
      expect(performance.now() - from).toBeLessThan(60_000)
    })

  it('S11 attachments that are claimed and never sent, by 200 people at once', { timeout: 5 * MINUTES }, async () => {
    const { server, owner, project } = await scene()
    const healthy = await connect(server, owner)
    await healthy.join(project.id)
    const placeholder = '{"_placeholder":true,"num":0}'
    const claims = [
      `4510-["x",${placeholder}]`,
      `4511-["x",${placeholder}]`,
      `451000000-["x",${placeholder}]`,
      `42["x","${'y'.repeat(65_000)}"]`,
    ]
    const host = { host: new URL(server.url).host }
    const wave = async () => {
      const lines = await Promise.all(Array.from({ length: 200 }, () => dial(server, upgradeText(host))))
      await until('all in', () => lines.every((line) => line.received().includes('"sid"')))
      for (const [n, line] of lines.entries()) {
        line.socket.write(clientFrame(`40${JSON.stringify({ token: owner.token })}`))
        line.socket.write(clientFrame(claims[n % claims.length] ?? ''))
        // And what an attachment would be, nine times.
        for (let more = 0; more < 9; more++) line.socket.write(clientFrame('x'.repeat(60_000)))
      }
      const peak = await memory(server)
      await until('all gone', () => lines.every((line) => line.livedMs() !== undefined), 30_000)
      return peak
    }
    // Memory that a process takes once it keeps: the first waves warm it up.
    for (let n = 0; n < 20; n++) await wave()
    await pause(2_000)
    const before = await memory(server)
    let peak = 0
    for (let n = 0; n < 5 * ROUNDS; n++) peak = Math.max(peak, await wave())
    await pause(2_000)
    const after = await memory(server)
    const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MB`
    say(
      'S11 1,000 connections that claim attachments',
      'memory +5 MB',
      `${mb(before)} → ${mb(after)}, at most ${mb(peak)} in between; all closed`,
    )
    expect(healthy.socket.connected).toBe(true)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'heard' })
    await until('the event', () => healthy.frames.some(({ name }) => name === 'task:created'))
  })

  it('S14 an unknown account and a wrong password take as long', { timeout: 20 * MINUTES }, async () => {
    const { server, owner } = await scene()
    const attempt = async (email: string) => {
      const from = performance.now()
      const { status } = await request(server.url, 'POST', '/api/auth/login', { body: { email, password: 'a wrong password' } })
      expect(status).toBe(401)
      return performance.now() - from
    }
    await attempt('nobody@example.com')
    const known: number[] = []
    const unknown: number[] = []
    for (let n = 0; n < 500 * ROUNDS; n++) {
      // In changing order: the second must not be slower for being second.
      if (n % 2) known.push(await attempt(owner.email))
      unknown.push(await attempt(`nobody-${n}@example.com`))
      if (n % 2 === 0) known.push(await attempt(owner.email))
    }
    const delta = at(unknown, 0.5) - at(known, 0.5)
    say(
      `S14 ${1_000 * ROUNDS} logins, known and unknown`,
      'medians 5 ms apart',
      `${ms(Math.abs(delta))} (known ${ms(at(known, 0.5))}, unknown ${ms(at(unknown, 0.5))})`,
    )
    expect(Math.abs(delta)).toBeLessThan(5)
  })
})
