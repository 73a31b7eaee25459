// The formulas of docs/scale.md: what projects cost the nodes, Postgres and Redis, and how many fit.
import type { Costs } from './growth-inputs.ts'

/** What one project does, per second where not said otherwise. */
export interface Workload {
  /** Standing in its room. */
  sockets: number
  writes: number
  lists: number
  /** How long a socket stays, s. */
  staysS: number
}

/** How the machines are arranged. Nodes are divided evenly among cells. */
export interface Layout {
  name: string
  nodes: number
  /** Each with its own Postgres, Redis and nodes; a project is in one of them. */
  cells: number
  /** Standbys of each Postgres, which answer feeds, joins and sweeps. */
  replicas: number
  /** Receivers of a write's notification: all nodes of the cell, as Cutroom does it, or those where the room is open. */
  hints: 'all' | 'aimed'
}

/** What was not measured. */
export const ASSUMED = {
  /** Share of its CPU that anything may be asked for: above it delays grow fast. */
  ceiling: 0.7,
  /** Cores of each Postgres; a node and Redis use one each. */
  postgresCores: 16,
  nodeBytes: 2 * 2 ** 30,
  /** A node without sockets. */
  nodeBaseBytes: 200 * 2 ** 20,
  /** What applying a write costs a standby, as a share of what it cost the primary. It applies on one core. */
  replay: 0.1,
  /** Between two machines, there or back, ms. */
  wayMs: 0.25,
}

/** The workload that the tables are for: a project at which people are working. */
export const STUDIO: Workload = { sockets: 6, writes: 0.1, lists: 0.1, staysS: 1_800 }

/** On how many of a cell's nodes a project's sockets are, as a balancer scatters them. */
export function nodesOf({ sockets }: Workload, nodes: number): number {
  return nodes * (1 - (1 - 1 / nodes) ** sockets)
}

/** µs of CPU per second that one project in a cell costs. */
export interface PerProject {
  /** All nodes of the cell together. */
  nodes: number
  primary: number
  /** All standbys together, beyond applying. */
  standbys: number
  redis: number
  /** On one core of each standby. */
  applying: number
}

export function costOfProject(costs: Costs, work: Workload, { nodes, cells, replicas, hints }: Layout): PerProject {
  const near = nodes / cells
  const present = nodesOf(work, near)
  const told = hints === 'all' ? near - 1 : present * (1 - 1 / near)
  const joins = work.sockets / work.staysS
  const { write, heard, delivery, hint, list, join, room, socket, redis } = costs
  const reads = work.writes * present * heard.postgres + joins * join.postgres + present * room.postgres
  return {
    nodes:
      work.writes * (write.node + present * heard.node + work.sockets * delivery + told * hint) +
      work.lists * list.node +
      joins * join.node +
      work.sockets * socket +
      present * room.node,
    primary: work.writes * write.postgres + work.lists * list.postgres + (replicas === 0 ? reads : 0),
    standbys: replicas === 0 ? 0 : reads,
    redis: near === 1 ? 0 : work.writes * (redis.write + (told + 1) * redis.node),
    applying: replicas === 0 ? 0 : work.writes * write.postgres * ASSUMED.replay,
  }
}

const SECOND_US = 1e6

/** Share of each resource that so many projects take; 1 is all of it. */
export function usage(costs: Costs, work: Workload, layout: Layout, projects: number): Record<string, number> {
  const { nodes, cells, replicas } = layout
  const each = costOfProject(costs, work, layout)
  const inCell = projects / cells
  const cpu = (us: number, cores: number) => (inCell * us) / (cores * SECOND_US)
  const bytes = ASSUMED.nodeBytes - ASSUMED.nodeBaseBytes
  return {
    'CPU of the nodes': cpu(each.nodes, nodes / cells),
    'memory of the nodes': (projects * work.sockets * costs.socketBytes) / nodes / bytes,
    'CPU of Postgres': cpu(each.primary, ASSUMED.postgresCores),
    ...(replicas > 0 && {
      'CPU of the standbys': cpu(each.standbys / replicas + each.applying, ASSUMED.postgresCores),
      'applying on a standby': cpu(each.applying, 1),
    }),
    ...(nodes > cells && { 'CPU of Redis': cpu(each.redis, 1) }),
  }
}

export interface Capacity {
  projects: number
  /** What is full first. */
  wall: string
}

/** How many projects fit, with nothing used beyond the ceiling. All costs are linear in their number. */
export function capacity(costs: Costs, work: Workload, layout: Layout): Capacity {
  const full = Object.entries(usage(costs, work, layout, 1)).map(([wall, share]) => ({ wall, projects: ASSUMED.ceiling / share }))
  return full.reduce((least, one) => (one.projects < least.projects ? one : least))
}

/** With how many nodes on one Postgres something else is full before they are; null up to `most`. */
export function nodesAtWall(
  costs: Costs,
  work: Workload,
  hints: Layout['hints'],
  most = 300,
): { nodes: number; wall: string } | null {
  for (let nodes = 1; nodes <= most; nodes++) {
    const { wall } = capacity(costs, work, { name: '', nodes, cells: 1, replicas: 0, hints })
    if (!wall.endsWith('of the nodes')) return { nodes, wall }
  }
  return null
}
