import { forkProgram } from '../../support/fork.ts'
import { until } from '../../support/until.ts'
import type { Plan } from './follower.ts'
import { openFollowers, type Seen, type Status } from './followers.ts'
import type { Stage } from './stage.ts'
import type { World } from './world.ts'

export type { Placed, Seen } from './followers.ts'

export type ToCrowd =
  | { type: 'start'; plans: Plan[]; seed: number; perSecond: number }
  | { type: 'churn'; perSecond: number }
  | { type: 'finish' }
  | { type: 'end' }
export type FromCrowd = { type: 'status'; status: Status } | { type: 'result'; seen: Seen }

/** Many followers. */
export interface Crowd {
  size: number
  live(): number
  /** Events that arrived, all followers together. */
  events(): number
  /** Resolves when all are live and have everything up to these heads. @throws with what is missing after that time */
  settled(heads: Map<string, number>, withinMs: number): Promise<void>
  /** So many a second leave from now on, and others take their places; 0: no more. */
  churn(perSecond: number): void
  /** Closes the followers and hands over what they saw. Their delays go to the stage's plot. */
  finish(): Promise<Seen>
}

export interface CrowdOptions {
  world: World
  urls: string[]
  size: number
  /** One address and stock reconnection. */
  stock?: boolean
  /** How many connect per second. */
  perSecond?: number
  /** Which node a follower starts on; default round robin. */
  first?: (index: number) => number
  /** In this very process: for a few, where nothing is measured. */
  near?: boolean
}

/** Followers spread over the projects of a world, live from now on. Resolves when all are in their rooms. */
export async function startCrowd(stage: Stage, options: CrowdOptions): Promise<Crowd> {
  const { world, urls, size, stock = false } = options
  const plans: Plan[] = Array.from({ length: size }, (_, index) => {
    const place = world.projects[index % world.projects.length]
    const round = Math.floor(index / world.projects.length)
    const person = place?.members[round % place.members.length]
    if (!place || !person) throw new RangeError('a crowd needs projects with members')
    const first = options.first?.(index) ?? (index + round) % urls.length
    return { token: person.token, projectId: place.id, urls, first, stock }
  })
  return startFollowers(stage, plans, options)
}

interface Source {
  status(): Status
  churn(perSecond: number): void
  finish(): Promise<Seen>
}

function inThisProcess(stage: Stage, plans: Plan[], seed: number, perSecond: number): Source {
  const open = openFollowers(plans, seed, perSecond)
  stage.undo(open.finish)
  return { status: open.status, churn: open.churn, finish: async () => open.finish() }
}

function inChild(stage: Stage, plans: Plan[], seed: number, perSecond: number): Source {
  const { child, exited, end } = forkProgram(new URL('./crowd-process.ts', import.meta.url))
  stage.undo(end)
  let status: Status = { live: 0, events: 0, slowest: new Map() }
  let finished: ((seen: Seen) => void) | undefined
  child.on('message', (message: FromCrowd) => {
    if (message.type === 'status') status = message.status
    else finished?.(message.seen)
  })
  const send = (message: ToCrowd) => void child.send(message)
  send({ type: 'start', plans, seed, perSecond })
  return {
    status: () => status,
    churn: (rate) => send({ type: 'churn', perSecond: rate }),
    async finish() {
      const result = new Promise<Seen>((resolve) => {
        finished = resolve
      })
      send({ type: 'finish' })
      const seen = await Promise.race([result, exited])
      if (!('ledger' in seen)) throw new Error('the crowd died')
      send({ type: 'end' })
      await exited
      return seen
    },
  }
}

/** The same for plans of one's own. */
export async function startFollowers(
  stage: Stage,
  plans: Plan[],
  { perSecond = 400, near = false }: Pick<CrowdOptions, 'perSecond' | 'near'> = {},
): Promise<Crowd> {
  const source = (near ? inThisProcess : inChild)(stage, plans, stage.random.int(0, 2 ** 31), perSecond)
  const began = Date.now() - stage.now()
  await until('the crowd is in its rooms', () => source.status().live === plans.length, 60_000)

  return {
    size: plans.length,
    live: () => source.status().live,
    events: () => source.status().events,
    churn: source.churn,
    async settled(heads, withinMs) {
      const has = (id: string) => source.status().slowest.get(id)
      const lacking = () => [...heads].filter(([id, head]) => (has(id) ?? head) < head)
      const all = () => source.status().live === plans.length && lacking().length === 0
      await until('', all, withinMs).catch(() => {
        const words = lacking().map(([id, head]) => `${id}: ${has(id)} of ${head}`)
        const live = `${source.status().live} of ${plans.length} followers are live`
        throw new Error(`after ${withinMs} ms ${live}, and lack: ${words.join(', ') || 'nothing'}`)
      })
    },
    async finish() {
      const seen = await source.finish()
      const { samples } = seen.ledger
      // One by one: a spread of as many arguments as there are events is more than a call takes.
      samples.at.forEach((at, index) => {
        stage.samples.at.push(at - began)
        stage.samples.delay.push(samples.delay[index] ?? 0)
        stage.samples.node.push(samples.node[index] ?? 0)
        stage.samples.replayed.push(samples.replayed[index] ?? false)
      })
      return seen
    },
  }
}
