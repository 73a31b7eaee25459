import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from '../../setup/until.ts'
import type { Ledger, Plan } from './follower.ts'
import type { Stage } from './stage.ts'
import type { World } from './world.ts'

export type ToCrowd = { type: 'start'; plans: Plan[]; seed: number; perSecond: number } | { type: 'finish' } | { type: 'end' }

export interface Placed {
  projectId: string
  epoch?: string
  start?: number
  last?: number
}

export type FromCrowd =
  | { type: 'status'; live: number; events: number; slowest: [projectId: string, last: number][] }
  | { type: 'result'; ledger: Ledger; positions: Placed[] }

/** What the followers of a crowd saw, all of it. */
export interface Seen {
  ledger: Ledger
  positions: Placed[]
}

/** Many followers in a process of their own. */
export interface Crowd {
  size: number
  live(): number
  /** Events that arrived, all followers together. */
  events(): number
  /** Resolves when everybody is live and has everything up to these heads. Says who lacks what where they never do. */
  settled(heads: Map<string, number>, withinMs: number): Promise<void>
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
}

/** Followers spread over the projects of a world, live from now on. Resolves when all are in their rooms. */
export async function startCrowd(stage: Stage, options: CrowdOptions): Promise<Crowd> {
  const { world, urls, size, stock = false, perSecond = 400 } = options
  const plans: Plan[] = Array.from({ length: size }, (_, index) => {
    const place = world.projects[index % world.projects.length]
    const round = Math.floor(index / world.projects.length)
    const person = place?.members[round % place.members.length]
    if (!place || !person) throw new RangeError('a crowd needs projects with members')
    return {
      token: person.token,
      projectId: place.id,
      urls,
      first: options.first?.(index) ?? (index + round) % urls.length,
      stock,
    }
  })
  return startFollowers(stage, plans, perSecond)
}

/** The same for plans of one's own. */
export async function startFollowers(stage: Stage, plans: Plan[], perSecond = 400): Promise<Crowd> {
  const child = fork(fileURLToPath(new URL('./crowd-process.ts', import.meta.url)), {
    execArgv: ['--import', import.meta.resolve('tsx')],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  stage.undo(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exited
  })
  let status = { live: 0, events: 0, slowest: new Map<string, number>() }
  let finished: ((seen: Seen) => void) | undefined
  child.on('message', (message: FromCrowd) => {
    if (message.type === 'status') status = { ...message, slowest: new Map(message.slowest) }
    else finished?.(message)
  })
  const send = (message: ToCrowd) => void child.send(message)
  send({ type: 'start', plans, seed: stage.random.int(0, 2 ** 31), perSecond })
  const began = Date.now() - stage.now()
  await until('the crowd is in its rooms', () => status.live === plans.length, 60_000)

  return {
    size: plans.length,
    live: () => status.live,
    events: () => status.events,
    async settled(heads, withinMs) {
      const lacking = () => [...heads].filter(([id, head]) => status.slowest.has(id) && (status.slowest.get(id) ?? -1) < head)
      await until('', () => status.live === plans.length && lacking().length === 0, withinMs).catch(() => {
        const words = lacking().map(([id, head]) => `${id}: ${status.slowest.get(id)} of ${head}`)
        throw new Error(
          `after ${withinMs} ms ${status.live} of ${plans.length} followers are live, and lack: ${words.join(', ') || 'nothing'}`,
        )
      })
    },
    async finish() {
      const result = new Promise<Seen>((resolve) => {
        finished = resolve
      })
      send({ type: 'finish' })
      const seen = await result
      send({ type: 'end' })
      await exited
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
