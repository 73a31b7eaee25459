import { readFile, writeFile } from 'node:fs/promises'
import type { Costs, Input } from './growth-inputs.ts'
import { capacity, costOfProject, type Layout, nodesAtWall, STUDIO, usage } from './growth-model.ts'
import { simulate } from './growth-simulation.ts'
import { significant } from './numbers.ts'

const one: Layout = { name: 'one node', nodes: 1, cells: 1, replicas: 0, hints: 'all' }
const hundred: Layout = { ...one, name: '100 nodes, one Postgres', nodes: 100 }
const LAYOUTS: Layout[] = [
  one,
  { ...one, name: '10 nodes, one Postgres', nodes: 10 },
  hundred,
  { ...hundred, name: '… hints only where the room is open', hints: 'aimed' },
  { ...hundred, name: '… and 4 standbys that are read', hints: 'aimed', replicas: 4 },
  { ...hundred, name: '100 nodes in 10 cells', cells: 10 },
  { ...hundred, name: '… hints only where the room is open', cells: 10, hints: 'aimed' },
]

const SCALE = new URL('../../docs/scale.md', import.meta.url)
const DAY_S = 86_400

function markdown(rows: readonly Record<string, string>[]): string {
  const keys = Object.keys(rows[0] ?? {})
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(keys), line(keys.map(() => '---')), ...rows.map((row) => line(keys.map((key) => row[key] ?? '')))].join('\n')
}

const grouped = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const percent = (share: number) => `${Math.round(share * 100)} %`

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(bytes) / 3)))
  return `${grouped.format(bytes / 1000 ** power)} ${units[power]}`
}

function inputTable(inputs: readonly Input[]): string {
  return markdown(
    inputs.map(({ what, value, unit, from }) => ({
      cost: what,
      value: `${significant(value)} ${unit}`,
      from: from ?? '**guess**',
    })),
  )
}

/** What each thing costs by itself. */
function unitTable(costs: Costs): string {
  const us = (value: number) => `${significant(value)} µs`
  const perSecond = (value: number) => `${significant(value)} µs/s`
  return markdown([
    {
      '': 'an event: the write',
      'its node': us(costs.write.node),
      Postgres: us(costs.write.postgres),
      Redis: us(costs.redis.write),
      bytes: `${size(costs.eventBytes)} of log, ${size(costs.rowBytes)} of rows, ${size(costs.walBytes)} of WAL`,
    },
    {
      '': '… on each node where it is heard',
      'its node': us(costs.heard.node),
      Postgres: us(costs.heard.postgres),
      Redis: us(costs.redis.node),
      bytes: '',
    },
    { '': '… on each other node', 'its node': us(costs.hint), Postgres: '0', Redis: us(costs.redis.node), bytes: '' },
    {
      '': '… for each socket',
      'its node': us(costs.delivery),
      Postgres: '0',
      Redis: '0',
      bytes: `${size(costs.wireBytes)} sent`,
    },
    {
      '': 'a socket, idle',
      'its node': perSecond(costs.socket),
      Postgres: '0',
      Redis: '0',
      bytes: `${size(costs.socketBytes)} of memory`,
    },
    { '': 'a socket that joins', 'its node': us(costs.join.node), Postgres: us(costs.join.postgres), Redis: '0', bytes: '' },
    {
      '': 'a project, open on a node',
      'its node': perSecond(costs.room.node),
      Postgres: perSecond(costs.room.postgres),
      Redis: '0',
      bytes: '',
    },
    { '': 'a list of 50 comments', 'its node': us(costs.list.node), Postgres: us(costs.list.postgres), Redis: '0', bytes: '' },
  ])
}

function layoutTable(costs: Costs): string {
  return markdown(
    LAYOUTS.map((layout) => {
      const { projects, wall } = capacity(costs, STUDIO, layout)
      const shares = usage(costs, STUDIO, layout, projects)
      const seen = simulate(costs, STUDIO, layout, projects)
      const beside = (formula: number | undefined, simulated: number) =>
        `${percent(formula ?? Number.NaN)} / ${percent(simulated)}`
      return {
        layout: layout.name,
        projects: grouped.format(projects),
        sockets: grouped.format(projects * STUDIO.sockets),
        'writes/s': grouped.format(seen.writesPerSecond),
        'deliveries/s': grouped.format(seen.deliveriesPerSecond),
        'full first': wall,
        'nodes: formula / simulated': beside(shares['CPU of the nodes'], seen.nodes),
        'Postgres: formula / simulated': beside(shares['CPU of Postgres'], seen.postgres),
        'p50, p99 ms': `${significant(seen.p50)}, ${significant(seen.p99)}`,
        'log and rows a day': size(projects * STUDIO.writes * DAY_S * (costs.eventBytes + costs.rowBytes)),
      }
    }),
  )
}

function walls(costs: Costs): string {
  const where = (hints: Layout['hints']) => {
    const met = nodesAtWall(costs, STUDIO, hints)
    return met ? `from ${met.nodes} nodes on it is ${met.wall}` : 'it is the nodes at any number of them'
  }
  const { primary, nodes } = costOfProject(costs, STUDIO, one)
  return `What is full first on one Postgres: ${where('all')}; with hints only where a room is open, ${where('aimed')}.
On one node a project costs the node ${significant(nodes)} µs/s and Postgres ${significant(primary)} µs/s. One room takes
${significant(costs.hotRoom)} writes/s, whatever stands around it.`
}

/** The tables of docs/scale.md, computed and simulated. */
export function report(inputs: readonly Input[], costs: Costs): Record<'inputs' | 'units' | 'layouts', string> {
  return { inputs: inputTable(inputs), units: unitTable(costs), layouts: `${layoutTable(costs)}\n\n${walls(costs)}` }
}

/** @throws when docs/scale.md lacks one of the markers */
export async function writeScale(parts: Record<string, string>): Promise<void> {
  let text = await readFile(SCALE, 'utf8')
  for (const [name, part] of Object.entries(parts)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from === -1 || to < from) throw new Error(`docs/scale.md has no ${begin} … ${end}`)
    text = `${text.slice(0, from + begin.length)}\n${part}\n${text.slice(to)}`
  }
  await writeFile(SCALE, text)
}
