// npm run faults                          every scenario, one after another; a table each, plots in test/faults/out/
// npm run faults -- F1 F5 --seed 7        some of them, with chance as it was in the run that printed this seed
//   --seconds N   how long each phase of load lasts
//   --short       a few seconds each: shows that they work, and less than the full figures
// Ends with 1 where a promise is broken, or a figure is missed.
import { randomInt } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { hasRedis, refuseWithoutRedis } from '../support/redis.ts'
import { buildServer } from '../support/spawn-server.ts'
import { startProgress } from '../support/terminal.ts'
import { plot } from './support/plot.ts'
import { startPostgres } from './support/postgres.ts'
import { table } from './support/report.ts'
import type { Figure, Scenario } from './support/scenario.ts'
import { openStage } from './support/stage.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, short: { type: 'boolean', default: false } },
})
const wanted = new Set(positionals.map((name) => name.toUpperCase()))
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
if (!Number.isInteger(seed) || (seconds !== undefined && !(seconds > 0)))
  throw new Error('--seed is a whole number, --seconds a number above 0')

const folder = new URL('scenarios/', import.meta.url)
const files = (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort()
const scenarios: Scenario[] = []
for (const file of files) scenarios.push(((await import(new URL(file, folder).href)) as { scenario: Scenario }).scenario)
const ids = new Set(scenarios.map(({ id }) => id.toUpperCase()))
for (const name of wanted) if (!ids.has(name)) throw new Error(`there is no ${name}; there are ${[...ids].join(', ')}`)

console.log(`seed ${seed}`)
const out = new URL('out/', import.meta.url)
await mkdir(out, { recursive: true })
const built = await buildServer()
const postgres = await startPostgres()
const broken: Figure[] = []
const missed: Figure[] = []
const skipped: string[] = []
const summary: { id: string; figures: Figure[] }[] = []

async function play(scenario: Scenario): Promise<void> {
  const { id, title } = scenario
  console.log(`\n${id}  ${title}`)
  const progress = startProgress(id)
  const [before = 0] = loadavg()
  const stage = openStage({
    entry: built.entry,
    databaseUrl: await postgres.database(),
    seed,
    short: values.short,
    seconds,
    progress: progress.show,
  })
  try {
    await scenario.run(stage)
  } catch (error) {
    stage.holds('it ran to its end', false, 'no')
    stage.notes.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    await stage.close()
    progress.end()
  }
  const [load = 0] = loadavg()
  stage.show('machine', `${cpus().length} cores, load ${before.toFixed(1)} before, ${load.toFixed(1)} after`)
  console.log(table(stage.figures))
  for (const note of stage.notes) console.log(`  ! ${note}`)
  if (stage.samples.at.length > 0) {
    const file = new URL(`${id}.svg`, out)
    await writeFile(file, plot(`${id}  ${title} (seed ${seed})`, stage.samples, stage.marks))
    console.log(`  plot: test/faults/out/${id}.svg`)
  }
  for (const figure of stage.figures)
    if (!figure.ok) (figure.invariant ? broken : missed).push({ ...figure, what: `${id}: ${figure.what}` })
  summary.push({ id, figures: stage.figures })
}

try {
  for (const scenario of scenarios) {
    if (wanted.size > 0 && !wanted.has(scenario.id.toUpperCase())) continue
    if (scenario.needsRedis && !hasRedis()) {
      refuseWithoutRedis(scenario.id)
      skipped.push(scenario.id)
      continue
    }
    await play(scenario)
  }
} finally {
  await postgres.close()
  await built.remove()
}
await writeFile(new URL('figures.json', out), `${JSON.stringify({ seed, at: new Date().toISOString(), summary }, null, 2)}\n`)

console.log('')
for (const { what, measured } of broken) console.log(`BROKEN  ${what}: ${measured}`)
for (const { what, asked, measured } of missed) console.log(`missed  ${what}: ${measured} (asked ${asked})`)
if (skipped.length > 0) console.log(`SKIPPED for want of redis-server: ${skipped.join(', ')}`)
if (broken.length + missed.length === 0)
  console.log(`every promise kept, every figure reached${skipped.length > 0 ? ', of those that ran' : ''}`)
else console.log(`the same chance again: npm run faults -- ${[...wanted].join(' ')} --seed ${seed}`)
process.exit(broken.length + missed.length > 0 ? 1 : 0)
