import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import type { Result } from './scenario.ts'

export interface Outcome extends Result {
  title: string
  notes: string[]
  at: string
}

interface Results {
  machine: { cpus: number; model: string | undefined; memoryGb: number; node: string }
  scenarios: Record<string, Omit<Outcome, 'plot'>>
}

const FILE = new URL('../results.json', import.meta.url)
const PLOTS = new URL('../plots/', import.meta.url)

const model = cpus()[0]?.model.trim()
const machine = { cpus: cpus().length, model, memoryGb: Math.round(totalmem() / 2 ** 30), node: process.version }

const WIDTH = 130

/** JSON in two spaces, lists of plain values on one line where they fit. `before` stands in front of it. */
function print(value: unknown, indent = '', before = ''): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const inner = `${indent}  `
  const wrap = (open: string, items: string[], close: string) =>
    items.length === 0 ? open + close : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${indent}${close}`
  if (!Array.isArray(value)) {
    const given = Object.entries(value).filter(([, one]) => one !== undefined)
    return wrap(
      '{',
      given.map(([key, one]) => `${JSON.stringify(key)}: ${print(one, inner, `${JSON.stringify(key)}: `)}`),
      '}',
    )
  }
  const items = value.map((one) => print(one, inner))
  const line = `[${items.join(', ')}]`
  const fits = value.every((one) => typeof one !== 'object' || one === null) && `${indent}${before}${line},`.length <= WIDTH
  return fits ? line : wrap('[', items, ']')
}

/** What earlier runs found on this very machine. */
async function known(): Promise<Results['scenarios']> {
  try {
    const found = JSON.parse(await readFile(FILE, 'utf8')) as Partial<Results>
    return JSON.stringify(found.machine) === JSON.stringify(machine) ? (found.scenarios ?? {}) : {}
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return {}
  }
}

/** results.json takes over what was measured now; scenarios that did not run keep what an earlier run on this machine found. */
export async function saveResults(outcomes: ReadonlyMap<string, Outcome>): Promise<void> {
  const found = Object.fromEntries([...outcomes].map(([name, { plot, ...outcome }]) => [name, outcome]))
  const results: Results = { machine, scenarios: { ...(await known()), ...found } }
  await writeFile(FILE, `${print(results)}\n`)
}

/** @returns where it is, from the root of the repository */
export async function savePlot(name: string, svg: string): Promise<string> {
  await mkdir(PLOTS, { recursive: true })
  await writeFile(new URL(`${name}.svg`, PLOTS), svg)
  return `bench/plots/${name}.svg`
}
