// npx tsx bench/simulate.ts              1, 10 and 100 nodes by the formulas of docs/scale.md, and by a simulation of the same costs
// npx tsx bench/simulate.ts --measure    measures first what no scenario tells (three minutes), and keeps it in bench/results.json
// npx tsx bench/simulate.ts --write      puts the tables into docs/scale.md
// Costs that nobody measured are guessed and named; it ends with 1 then.
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { readInputs } from './support/growth-inputs.ts'
import { report, writeScale } from './support/growth-report.ts'
import { startPostgres } from './support/postgres.ts'
import { saveResults } from './support/results.ts'
import { measureUnitCosts } from './support/unit-costs.ts'

const { values } = parseArgs({
  options: { measure: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
})

/** Null where nobody listens at its address. */
async function redisUrl(): Promise<string | null> {
  const url = process.env.BENCH_REDIS_URL ?? 'redis://127.0.0.1:6379'
  const { hostname, port } = new URL(url)
  const there = await new Promise<boolean>((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 6379) }, () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
  return there ? url : null
}

async function measure(): Promise<void> {
  const postgres = await startPostgres()
  try {
    const redis = await redisUrl()
    if (redis === null) console.error('!!! no Redis: what hints cost is not measured')
    let last = ''
    const figures = await measureUnitCosts(postgres, redis, (what) => {
      if (what !== last) console.error(`measuring: ${what}`)
      last = what
    })
    const title = 'What docs/scale.md needs besides, in µs and bytes'
    const none = { rows: [], notes: [], limit: null, ratio: null, peers: {}, asked: [] }
    const outcome = { ...none, title, at: new Date().toISOString(), ours: figures.heard.node, figures }
    await saveResults(new Map([['unit-costs', outcome]]))
  } finally {
    await postgres.close()
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
