import pg from 'pg'
import { direct } from './hostile.ts'
import { type Filter, openTcpProxy } from './tcp-proxy.ts'

/** One node of a plan, as EXPLAIN (ANALYZE, FORMAT JSON) says it. */
interface Node {
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: Node[]
}

/** A statement that ran, with the plan it ran by: also one inside a trigger, a function or a foreign key's check. */
export interface Ran {
  'Query Text': string
  Plan: Node
}

export interface Watched {
  /** The same database, through a proxy that is read along; with settings for its connections. */
  url(settings?: Record<string, string>): string
  /** What ran on connections to `url` so far; a statement's plan is here before its answer. */
  ran: Ran[]
  close(): Promise<void>
}

/**
 * From now on Postgres sends each new connection of this database the plan of everything it runs (auto_explain, as a
 * notice). Nothing of the program under test is touched: the notices are read from the proxy.
 */
export async function watchPlans(databaseUrl: string): Promise<Watched> {
  const settings = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_nested_statements': 'on',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_format': 'json',
    'auto_explain.log_level': 'notice',
  }
  const url = new URL(databaseUrl)
  const admin = new pg.Client({ connectionString: direct(databaseUrl) })
  await admin.connect()
  try {
    for (const [name, value] of Object.entries(settings))
      await admin.query(`ALTER DATABASE ${admin.escapeIdentifier(url.pathname.slice(1))} SET ${name} = '${value}'`)
  } finally {
    await admin.end()
  }
  const ran: Ran[] = []
  const proxy = await openTcpProxy({ host: url.hostname, port: Number(url.port || 5432), down: () => readNotices(told) })
  function told(message: string): void {
    if (message.includes('"Query Text"')) ran.push(JSON.parse(message.slice(message.indexOf('{'))) as Ran)
  }
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  return {
    url(settings = {}) {
      const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)
      const made = new URL(url)
      if (options.length > 0) made.searchParams.set('options', options.join(' '))
      return made.href
    },
    ran,
    close: proxy.close,
  }
}

/** Passes on what Postgres sends, and reads the notices in it: type, length, then fields that each end in a zero. */
function readNotices(told: (message: string) => void): Filter {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk, push) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5) {
      const end = 1 + rest.readInt32BE(1)
      if (rest.length < end) break
      if (rest[0] === 'N'.charCodeAt(0)) {
        const fields = rest.toString('utf8', 5, end).split('\0')
        told(fields.find((field) => field.startsWith('M'))?.slice(1) ?? '')
      }
      rest = rest.subarray(end)
    }
    push(chunk)
  }
}

/** Rows of one table that any statement may look at. Retention takes a thousand at a time; nothing else comes near. */
const MOST_ROWS = 1_500

/**
 * What is wrong with a plan: a large table read from end to end, or far more rows than were asked for.
 * @param most rows of one table that it may look at
 */
export function faultsOf(plan: Node, large: ReadonlySet<string>, most = MOST_ROWS): string[] {
  const below = (plan.Plans ?? []).flatMap((node) => faultsOf(node, large, most))
  const table = plan['Relation Name']
  if (table === undefined || !large.has(table)) return below
  const rows = lookedAt(plan)
  if (plan['Node Type'] === 'Seq Scan') return [`Seq Scan on ${table}`, ...below]
  return rows > most ? [`${plan['Node Type']} reads ${rows} rows of ${table}`, ...below] : below
}

/** Rows of each table that a plan looks at. */
export function readsOf(plan: Node, reads = new Map<string, number>()): Map<string, number> {
  const table = plan['Relation Name']
  if (table !== undefined) reads.set(table, (reads.get(table) ?? 0) + lookedAt(plan))
  for (const node of plan.Plans ?? []) readsOf(node, reads)
  return reads
}

function lookedAt(node: Node): number {
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return Math.round((node['Actual Rows'] + removed) * node['Actual Loops'])
}

/** The tables that plans read or change. */
export function tablesOf(plan: Node): string[] {
  const below = (plan.Plans ?? []).flatMap(tablesOf)
  return plan['Relation Name'] === undefined ? below : [plan['Relation Name'], ...below]
}
