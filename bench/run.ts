// npm run bench                    all scenarios: a table each, bench/plots/NAME.svg and bench/results.json
// npm run bench -- NAME …          some of them
// npm run bench -- NAME --quick    one, in under 40 s, and nothing is written; the last line is one line of JSON
// Ends with 1 where a scenario did not come to its end or, unless quick, a figure that is asked for was missed.
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { startProgress } from '../test/support/terminal.ts'
import { beside } from './subjects/cutroom/index.ts'
import { removeBuilds } from './support/build.ts'
import { type BenchPostgres, startPostgres } from './support/postgres.ts'
import { stopPrograms } from './support/program.ts'
import { type Outcome, savePlot, saveResults } from './support/results.ts'
import type { Bench, Scenario } from './support/scenario.ts'
import type { Subject } from './support/subject.ts'
import { summary, table, verdicts } from './support/table.ts'

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
})

/** A scenario is found by being a file in scenarios/. */
async function findScenarios(): Promise<Map<string, Scenario>> {
  const folder = new URL('scenarios/', import.meta.url)
  const found: [string, Scenario][] = []
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.ts')) continue
    const { scenario } = (await import(new URL(file, folder).href)) as { scenario: Scenario }
    found.push([file.slice(0, -3), scenario])
  }
  return new Map(found.sort(([, a], [, b]) => a.id.localeCompare(b.id, 'en', { numeric: true })))
}

const scenarios = await findScenarios()
for (const name of wanted)
  if (!scenarios.has(name)) throw new Error(`there is no ${name}; there are ${[...scenarios.keys()].join(', ')}`)

let postgres: Promise<BenchPostgres> | undefined
const silent = new Set<string>()

async function subjects(...asked: string[]): Promise<Subject[]> {
  const found: Subject[] = []
  const other = process.env.BENCH_BESIDE
  const names = other === undefined ? asked : asked.filter((name) => ['cutroom', 'limit', 'socket-io'].includes(name))
  for (const name of names) {
    const file = new URL(`subjects/${name}/index.ts`, import.meta.url)
    if (!existsSync(file)) continue
    const { subject } = (await import(file.href)) as { subject: Subject }
    const missing = await subject.missing()
    if (missing === null) {
      found.push(subject)
      if (name === 'cutroom' && other !== undefined) found.push(beside(other))
    } else if (name === 'cutroom') throw new Error(missing)
    else if (!silent.has(name)) {
      silent.add(name)
      console.error(`!!! ${subject.title} is left out: ${missing}`)
    }
  }
  return found
}

async function play(name: string, { id, title, run }: Scenario): Promise<Outcome> {
  console.log(`\n${id}  ${title}`)
  const progress = startProgress(name)
  const notes: string[] = []
  const [before = 0] = loadavg()
  const bench: Bench = {
    quick: values.quick,
    progress: progress.show,
    postgres: () => {
      postgres ??= startPostgres()
      return postgres
    },
    subjects,
    note: (text) => void notes.push(text),
  }
  const result = await run(bench).finally(() => progress.end())
  const [after = 0] = loadavg()
  notes.push(`load of the machine ${before.toFixed(1)} before, ${after.toFixed(1)} after`)
  console.log(table(result.rows))
  console.log(verdicts(result.asked))
  for (const note of notes) console.log(`  ${note}`)
  if (result.plot !== undefined && !values.quick) console.log(`  plot: ${await savePlot(name, result.plot)}`)
  return { title: `${id} ${title}`, notes, at: new Date().toISOString(), ...result }
}

let tidied: Promise<void> | undefined
let broken = false
/** Once: at the end of the run, or at a signal. */
function tidy(): Promise<void> {
  tidied ??= (async () => {
    await stopPrograms()
    await (await postgres)?.close()
    await removeBuilds()
  })()
  return tidied
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    broken = true
    void tidy().finally(() => process.exit(130))
  })

const outcomes = new Map<string, Outcome>()
const failed: string[] = []
try {
  for (const [name, scenario] of scenarios) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    try {
      outcomes.set(name, await play(name, scenario))
    } catch (error) {
      if (broken) break
      failed.push(name)
      console.error(`!!! ${name} did not come to its end:`, error)
    }
  }
} finally {
  await tidy()
}

if (!values.quick) await saveResults(outcomes)
if (outcomes.size > 1) console.log(`\n${summary([...outcomes.values()])}`)
const missed = !values.quick && [...outcomes.values()].some(({ asked }) => asked.some(({ ok }) => !ok))
for (const [scenario, { ours, limit, ratio, peers }] of outcomes)
  if (wanted.length > 0 || values.quick) console.log(JSON.stringify({ scenario, ours, limit, ratio, peers }))
process.exit(failed.length > 0 || missed ? 1 : 0)
