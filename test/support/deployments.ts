import { afterAll, beforeAll } from 'vitest'
import type { Seams } from '../../src/app.ts'
import { startApp, type TestApp } from './app.ts'
import { createDatabase } from './database.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from './redis.ts'

/** The nodes that a test speaks to: one and the same where there is one. */
export interface Deployed {
  /** Takes what is written over REST. */
  rest: TestApp
  /** Has the sockets of the example. */
  sockets: TestApp
  /**
   * Has the sockets of others. Typing, presence and relays go from node to node over Redis alone: with it this is the node of `rest`, else
   * that of `sockets`.
   */
  others: TestApp
}

export interface Deployment {
  title: string
  nodes: 1 | 2
  withRedis: boolean
}

/** What the nodes run with, given the setting of their Redis, if there is one. */
type OptionsOf = (redis: { REDIS_URL?: string }) => { env: Record<string, string>; seams?: Seams }

const all: Deployment[] = [
  { title: 'one node', nodes: 1, withRedis: false },
  { title: 'one node with Redis', nodes: 1, withRedis: true },
  { title: 'two nodes', nodes: 2, withRedis: false },
  { title: 'two nodes with Redis', nodes: 2, withRedis: true },
]
/** For `describe.each`: those that this machine can have. */
export const deployments = all.filter(({ withRedis }) => !withRedis || hasRedis())
if (deployments.length < all.length) refuseWithoutRedis('what runs on nodes with Redis')

/** Nodes that are not told of new events look for them this often, ms. */
const ALONE: Seams = { timings: { sweepMs: 50 }, jobs: { timings: { sweepMs: 50 } } }
/** So seldom that with Redis its notifications alone can have brought what came. */
const TOLD: Seams = { timings: { sweepMs: 60_000 } }

/** What is to be closed, the last one first. */
type Ends = (() => Promise<void>)[]

/** Nodes of one database, and one folder of files. */
async function deploy(ends: Ends, { nodes, withRedis }: Deployment, optionsOf: OptionsOf): Promise<Deployed> {
  const redis = withRedis ? await startRedis() : undefined
  if (redis) ends.push(redis.close)
  const { env, seams } = optionsOf(redis ? { REDIS_URL: redis.url } : {})
  const database = await createDatabase()
  ends.push(database.drop)
  const own = redis ? TOLD : ALONE
  const options = { databaseUrl: database.url, seams: { ...own, ...seams, timings: { ...own.timings, ...seams?.timings } } }
  const start = async (more: Record<string, string> = {}) => {
    const node = await startApp({ ...options, env: { ...env, ...more } })
    ends.push(node.close)
    return node
  }
  const rest = await start()
  const sockets = nodes === 1 ? rest : await start({ DATA_DIR: rest.config.dataDir })
  return { rest, sockets, others: redis ? rest : sockets }
}

/** The nodes of the tests of a `describe`: started before them, closed after them. */
export function useDeployment(deployment: Deployment, optionsOf: OptionsOf): () => Deployed {
  const ends: Ends = []
  let site: Deployed | undefined
  beforeAll(async () => {
    site = await deploy(ends, deployment, optionsOf)
  })
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  })
  return () => {
    if (!site) throw new Error('the nodes are there only inside tests')
    return site
  }
}
