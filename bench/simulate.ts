// npx tsx bench/simulate.ts              1, 10 and 100 nodes by the formulas of docs/scale.md, and by a simulation of the same costs
// npx tsx bench/simulate.ts --measure    measures first what no scenario measures (three minutes), and keeps it in bench/results.json
// npx tsx bench/simulate.ts --write      puts the tables into docs/scale.md
// Costs that were not measured are guessed and named; it ends with 1 then.
import { parseArgs } from 'node:util'
import { removeBuilds } from './support/build.ts'
import { readInputs } from './support/growth-inputs.ts'
import { report, writeScale } from './support/growth-report.ts'
import { startPostgres } from './support/postgres.ts'
import { stopPrograms } from './support/program.ts'
import { findRedis } from './support/redis.ts'
import { saveResults } from './support/results.ts'
import { measureUnitCosts } from './support/unit-costs.ts'

const { values } = parseArgs({
  options: { measure: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})

async function measure(): Promise<void> {
  const postgres = await startPostgres()
  const redis = await findRedis()
  let tidied: Promise<void> | undefined
  /** Once: at the end, or at a signal. */
  function tidy(): Promise<void> {
    tidied ??= (async () => {
      await stopPrograms()
      await redis?.close()
      await postgres.close()
      await removeBuilds()
    })()
    return tidied
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void tidy().finally(() => process.exit(130)))
  try {
    if (redis === null) console.error('!!! no Redis: what hints cost is not measured')
    let last = ''
    const figures = await measureUnitCosts(postgres, redis?.url ?? null, (what) => {
      if (what !== last) console.error(`measuring: ${what}`)
      last = what
    })
    const title = 'What docs/scale.md needs besides, in µs and bytes'
    const none = { rows: [], notes: [], limit: null, ratio: null, peers: {}, asked: [] }
    const outcome = { ...none, title, at: new Date().toISOString(), ours: figures.heard.node, figures }
    await saveResults(new Map([['unit-costs', outcome]]))
  } finally {
    await tidy()
  }
}

if (values.measure) await measure()
const { inputs, costs } = await readInputs()
const parts = report(inputs, costs)
console.log(Object.values(parts).join('\n\n'))
const guessed = inputs.filter(({ from }) => from === null)
for (const { what, value, unit } of guessed) console.error(`!!! GUESSED, not in bench/results.json: ${what} (${value} ${unit})`)
if (values.write) {
  await writeScale(parts)
  console.error('docs/scale.md has the tables')
}
process.exitCode = guessed.length > 0 ? 1 : 0
