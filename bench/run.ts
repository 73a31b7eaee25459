// npm run bench                    all scenarios, a table each, and bench/results.json
// npm run bench -- NAME --quick    one, in under 40 s; the last line is one line of JSON
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { delivery } from './scenarios/delivery.ts'
import { hotRoom } from './scenarios/hot-room.ts'

export interface Scenario {
  title: string
  run(options: { quick: boolean; progress: (share: number) => void }): Promise<Result>
}

export interface Result {
  rows: Record<string, string | number | undefined>[]
  json: Record<string, number>
  /** Every figure that is asked for was reached. */
  ok: boolean
}

const scenarios: Record<string, Scenario> = { 'hot-room': hotRoom, delivery }

function bar(name: string): (share: number) => void {
  let shown = -1
  return (share) => {
    const tenth = Math.round(share * 20)
    if (!process.stderr.isTTY || tenth === shown) return
    shown = tenth
    process.stderr.write(
      `\r${name} ${'█'.repeat(tenth)}${'░'.repeat(20 - tenth)} ${Math.round(share * 100)} %${share >= 1 ? '\n' : ''}`,
    )
  }
}

const names = process.argv.slice(2).filter((arg) => !arg.startsWith('--'))
const quick = process.argv.includes('--quick')
for (const name of names)
  if (!Object.hasOwn(scenarios, name)) throw new Error(`no scenario ${name}; there are ${Object.keys(scenarios).join(', ')}`)

const results: Record<string, Result['json'] & { ok: boolean }> = {}
for (const [name, scenario] of Object.entries(scenarios)) {
  if (names.length > 0 && !names.includes(name)) continue
  console.log(`\n${scenario.title}`)
  const progress = bar(name)
  const { rows, json, ok } = await scenario.run({ quick, progress })
  progress(1)
  console.table(Object.fromEntries(rows.map(({ subject, ...figures }) => [subject, figures])))
  results[name] = { ...json, ok } as (typeof results)[string]
}
if (names.length === 1 && names[0] !== undefined) console.log(JSON.stringify({ scenario: names[0], ...results[names[0]] }))
else {
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version, at: new Date().toISOString() }
  await writeFile(new URL('results.json', import.meta.url), `${JSON.stringify({ machine, results }, null, 2)}\n`)
}
process.exit(Object.values(results).every((result) => result.ok) ? 0 : 1)
