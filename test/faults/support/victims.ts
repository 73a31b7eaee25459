import type { Node } from './node.ts'
import { onCommitDone, onCommitSent } from './postgres-wire.ts'
import type { Stage } from './stage.ts'
import { type Place, populate, type World } from './world.ts'
import { type Http, openHttp, type Request, type Write } from './writer.ts'

/**
 * When a server dies around its COMMIT:
 * - `done`: Postgres has committed and said so, the server is killed before it hears of it, so nobody is poked;
 * - `sent`: COMMIT has left, the server is killed before the answer;
 * - `unsent`: COMMIT never reached Postgres.
 */
export type Moment = 'done' | 'sent' | 'unsent'

/** A server whose way to Postgres is in our hands, to be killed at an exact moment of a write, again and again. */
export interface Victim {
  node: Node
  /** Sends one write, kills the server at that moment of it, and starts it again meanwhile where it is to live. */
  strike(moment: Moment, write: Write, place: Place, lives: boolean): Promise<void>
  /** Up again. */
  ready(): Promise<void>
  /** Strikes that hit nothing: the write was answered all the same. */
  misses(): number
}

/** The write in which a victim is struck; whoever asks again asks this. */
export const askOf = (place: Place, write: Write): Request => ({
  method: 'POST',
  path: `/api/cuts/${place.cutId}/comments`,
  body: { body: write.key },
})

/** Starts a victim. It must get no other writes than those it is struck in. */
export async function startVictim(stage: Stage, http: Http, redisUrl?: string): Promise<Victim> {
  let armed: Moment | null = null
  let fallen = false
  let misses = 0
  let starting: Promise<void> = Promise.resolve()
  let node: Node | undefined
  const fell = () => {
    armed = null
    fallen = true
    node?.killNow()
  }
  const target = new URL(stage.databaseUrl)
  const wire = await stage.wire({
    port: Number(target.port),
    // What was sent before a server dies is worked on by Postgres all the same.
    lingers: true,
    up: onCommitSent(() => {
      if (armed === 'sent') return fell
      if (armed !== 'unsent') return 'pass'
      fell()
      return 'stop'
    }),
    down: onCommitDone(() => {
      if (armed === 'done') fell()
      return !fallen
    }),
  })
  target.port = String(wire.port)
  const [made] = await stage.nodes(1, { databaseUrl: target.href, redisUrl })
  if (!made) throw new Error('no victim')
  node = made

  return {
    node: made,
    async strike(moment, write, place, lives) {
      armed = moment
      fallen = false
      write.tries++
      write.triedAt = Date.now()
      const { method, path, body } = askOf(place, write)
      const headers = { 'idempotency-key': write.key }
      const answer = await http
        .send(made.url, method, path, { token: place.members[0]?.token ?? '', body, headers })
        .catch(() => null)
      write.answeredAt = Date.now()
      armed = null
      if (answer !== null) misses++
      // The old process must be gone: its port is the new one's.
      await made.kill()
      fallen = false
      if (!lives) return
      starting = made.start()
      // Whoever waits hears of a failure; nobody may be waiting yet.
      starting.catch(() => {})
    },
    ready: () => starting,
    misses: () => misses,
  }
}

export interface Kills {
  world: World
  /** Has its own way to Postgres, and lives. */
  survivor: Node
  victims: Victim[]
  http: Http
}

/** One server that lives, others that will be killed again and again, and somebody to write. */
export async function startKills(
  stage: Stage,
  { count = 2, redisUrl }: { count?: number; redisUrl?: string } = {},
): Promise<Kills> {
  const http = openHttp()
  stage.undo(http.close)
  const [[survivor], ...victims] = await Promise.all([
    stage.nodes(1, { redisUrl }),
    ...Array.from({ length: count }, () => startVictim(stage, http, redisUrl)),
  ])
  if (!survivor) throw new Error('no survivor')
  const world = await populate(survivor, { people: 4, projects: 3, members: 3 })
  return { world, survivor, victims, http }
}

export interface Strike {
  write: Write
  place: Place
  moment: Moment
}

/** Kills, the victims side by side, one write each; `after` each strike, before the next of that victim. */
export async function killAround(
  stage: Stage,
  { world, victims }: Kills,
  options: { kills: number; moments: Moment[]; after?: (strike: Strike) => Promise<void>; lastStaysDead?: boolean },
): Promise<Strike[]> {
  const strikes: Strike[] = []
  let next = 0
  const work = async (victim: Victim) => {
    for (let kill = next++; kill < options.kills; kill = next++) {
      await victim.ready()
      const place = stage.random.pick(world.projects)
      const key = `kill-${kill}`
      const write: Write = {
        key,
        projectId: place.id,
        sentAt: Date.now(),
        answeredAt: 0,
        triedAt: 0,
        ms: 0,
        tries: 0,
        outcome: 'unknown',
        status: 0,
        node: 0,
      }
      const strike: Strike = { write, place, moment: options.moments[kill % options.moments.length] ?? 'done' }
      strikes.push(strike)
      stage.mark(strike.moment)
      await victim.strike(strike.moment, write, place, !(options.lastStaysDead && kill === options.kills - 1))
      await options.after?.(strike)
      stage.progress(kill / options.kills, `${kill + 1} of ${options.kills} kills`)
    }
    await victim.ready()
  }
  await Promise.all(victims.map(work))
  return strikes
}
