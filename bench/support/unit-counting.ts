// CPU time of Cutroom's nodes, Postgres and Redis while something is written.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { alternate } from './alternate.ts'
import { cpuOf } from './cpu.ts'
import type { Load } from './load.ts'
import { median } from './numbers.ts'
import { N_MARK, type Place, type Running, type SocketSpec, type World } from './subject.ts'

const ROUNDS = 7
const ROUND_MS = 2_000
const CONNECTIONS = 8

/** ms so far. */
interface Cpu {
  nodes: number[]
  postgres: number
  redis: number
}

/** CPU time of Redis so far, ms. Others may use it at the same time: medians are taken. */
async function redisCpu(redis: Redis | null): Promise<number> {
  const info = (await redis?.info('cpu')) ?? ''
  const of = (key: string) => Number(new RegExp(`${key}:([\\d.]+)`).exec(info)?.[1] ?? 0) * 1000
  return of('used_cpu_sys') + of('used_cpu_user')
}

export async function count(running: Running, postgres: number, redis: Redis | null): Promise<Cpu> {
  return { nodes: running.pids.map((pid) => cpuOf([pid])), postgres: cpuOf([postgres]), redis: await redisCpu(redis) }
}

/** What was used between two counts. */
export const minus = (after: Cpu, before: Cpu): Cpu => ({
  nodes: after.nodes.map((ms, n) => ms - (before.nodes[n] ?? 0)),
  postgres: after.postgres - before.postgres,
  redis: after.redis - before.redis,
})

const requestsOf = (running: Running, { people }: World, places: readonly Place[]) =>
  places.flatMap((place) => {
    const person = people[place.members[0] ?? -1]
    return person ? [running.write(person, place, N_MARK)] : []
  })

/** A socket for the first member of each place, at the node of this address. */
export function socketsOf(running: Running, { people }: World, places: readonly Place[], url: string): SocketSpec[] {
  return places.flatMap((place) => {
    const person = people[place.members[0] ?? -1]
    return person ? [{ ...running.connect(person, [place]), url }] : []
  })
}

/** µs per write while writers are as quick as they can. */
async function writing(
  load: Load,
  running: Running,
  world: World,
  places: readonly Place[],
  at: { postgres: number; redis: Redis | null },
) {
  const before = await count(running, at.postgres, at.redis)
  const { done, failed, complaint } = await load.loop({
    requests: requestsOf(running, world, places),
    connections: CONNECTIONS,
    ms: ROUND_MS,
  })
  if (failed > 0) throw new Error(`${failed} writes failed, the first with ${complaint}`)
  // What was written last is still being delivered.
  await sleep(100)
  const { nodes, postgres, redis } = minus(await count(running, at.postgres, at.redis), before)
  const each = (ms: number) => (ms * 1000) / done
  return { nodes: nodes.map(each), postgres: each(postgres), redis: each(redis) }
}

type Writing = Awaited<ReturnType<typeof writing>>
type Picked = (one: Writing) => number | undefined

/** µs per write. */
export const medianOf = (rounds: readonly Writing[], pick: Picked): number => median(rounds.map((one) => pick(one) ?? Number.NaN))

/** Rounds alternate in time, so that what the machine does besides falls out of their differences. */
export const medianDifference = (more: readonly Writing[], less: readonly Writing[], pick: Picked): number =>
  median(more.map((one, n) => (pick(one) ?? Number.NaN) - (pick(less[n] as Writing) ?? Number.NaN)))

export interface Aimed {
  load: Load
  running: Running
  world: World
  heard: readonly Place[]
  quiet: readonly Place[]
  postgres: number
  redis: Redis | null
}

/** Writes to projects with a socket and to projects without one, in turn. */
export async function compare({ load, running, world, heard, quiet, ...at }: Aimed, told: () => void) {
  const write = (places: readonly Place[]) => writing(load, running, world, places, at)
  const found = await alternate([heard, quiet], {
    rounds: ROUNDS,
    async warmUp(places) {
      await write(places)
      await write(places)
    },
    measure: write,
    progress: told,
  })
  return { heard: found.get(heard) ?? [], quiet: found.get(quiet) ?? [] }
}
