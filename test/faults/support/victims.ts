import type { Node } from './node.ts'
import { onCommitDone, onCommitSent } from './postgres-wire.ts'
import type { Stage } from './stage.ts'
import { type Place, populate, type World } from './world.ts'
import { type Http, newWrite, openHttp, type Request, sendUntilAnswered, type Write } from './writer.ts'

/**
 * When a server dies around its COMMIT:
 * - `done`: Postgres has committed and said so, the server is killed before it reads that, so no feed is notified;
 * - `sent`: COMMIT has left, the server is killed before the answer;
 * - `unsent`: COMMIT never reached Postgres.
 */
export type Moment = 'done' | 'sent' | 'unsent'

/** A server whose way to Postgres is in our hands, to be killed at an exact moment of a write, again and again. */
export interface Victim {
  node: Node
  /**
   * Sends one write, kills the server at that moment of it, and starts it again where it is to live.
   * @param before a write that is answered first: whose right was seen is believed, and the next write is one batch
   */
  strike(moment: Moment, write: Write, place: Place, lives: boolean, before: Write | null): Promise<void>
  /** Up again. */
  ready(): Promise<void>
  /** Strikes that hit nothing: the write was answered all the same. */
  misses(): number
  /** Strikes that hit a batch. */
  batches(): number
}

/** The write in which a server is killed, and its repetition. */
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
  let batches = 0
  let starting: Promise<void> = Promise.resolve()
  let node: Node | undefined
  const fell = (batch: boolean) => {
    if (batch) batches++
    armed = null
    fallen = true
    node?.killNow()
  }
  const target = new URL(stage.databaseUrl)
  const proxy = await stage.proxy({
    port: Number(target.port),
    // What was sent before a server dies is worked on by Postgres all the same.
    lingers: true,
    up: onCommitSent((batch) => {
      if (armed === 'sent') return () => fell(batch)
      if (armed !== 'unsent') return 'pass'
      fell(batch)
      return 'stop'
    }),
    down: onCommitDone((batch) => {
      if (armed === 'done') fell(batch)
      return !fallen
    }),
  })
  target.port = String(proxy.port)
  const [made] = await stage.nodes(1, { databaseUrl: target.href, redisUrl })
  if (!made) throw new Error('no victim')
  node = made

  return {
    node: made,
    async strike(moment, write, place, lives, before) {
      const person = place.members[0]
      // The first use of a token on a node is noted in a transaction of its own, which is not the one to strike.
      await http.send(made.url, 'GET', '/api/me', { token: person?.token ?? '' })
      if (before && person) await sendUntilAnswered(http, before, { urls: [made.url], person, asks: askOf(place, before) })
      armed = moment
      fallen = false
      write.tries++
      write.triedAt = Date.now()
      const { method, path, body } = askOf(place, write)
      const headers = { 'idempotency-key': write.key }
      const answer = await http.send(made.url, method, path, { token: person?.token ?? '', body, headers }).catch(() => null)
      write.answeredAt = Date.now()
      armed = null
      if (answer !== null) misses++
      // The old process must be gone: its port is the new one's.
      await made.kill()
      fallen = false
      if (!lives) return
      starting = made.start()
      // Thrown to the caller of `ready`; there may be none yet.
      starting.catch(() => {})
    },
    ready: () => starting,
    misses: () => misses,
    batches: () => batches,
  }
}

export interface Kills {
  world: World
  /** Has its own way to Postgres, and lives. */
  survivor: Node
  victims: Victim[]
  http: Http
}

/** One server that lives, others that will be killed again and again, and people who write. */
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
  /** Answered before, so that `write` is one batch. */
  before: Write | null
  place: Place
  moment: Moment
}

/** Its outcome is unknown until it is repeated. */
const struck = (key: string, place: Place): Write => ({ ...newWrite(key, place), outcome: 'unknown' })

/** Both kinds of transactions end in a way of their own, and each must have been struck as often as was meant. */
export function judgeKinds(stage: Stage, victims: readonly Victim[], strikes: readonly Strike[]): void {
  const sum = (of: (victim: Victim) => number) => victims.reduce((total, victim) => total + of(victim), 0)
  const [batches, meant] = [sum((victim) => victim.batches()), strikes.filter(({ before }) => before).length]
  stage.zero(
    'kills that came too late',
    sum((victim) => victim.misses()),
  )
  stage.holds('transactions of both kinds were struck', batches === meant, `${batches} batches of ${strikes.length} (${meant})`)
}

/** All that was written, for the oracle. */
export const writesOf = (strikes: readonly Strike[]): Write[] =>
  strikes.flatMap(({ write, before }) => (before ? [before, write] : [write]))

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
      const { moments } = options
      const moment = moments[kill % moments.length] ?? 'done'
      // Each moment of both kinds of transactions.
      const batched = (moments.length % 2 ? kill : Math.floor(kill / moments.length)) % 2 === 1
      const before = batched ? struck(`before-${kill}`, place) : null
      const strike: Strike = { write: struck(`kill-${kill}`, place), before, place, moment }
      strikes.push(strike)
      stage.mark(strike.moment)
      await victim.strike(moment, strike.write, place, !(options.lastStaysDead && kill === options.kills - 1), before)
      await options.after?.(strike)
      stage.progress(kill / options.kills, `${kill + 1} of ${options.kills} kills`)
    }
    await victim.ready()
  }
  await Promise.all(victims.map(work))
  return strikes
}
