import { parseArgs } from 'node:util'

export interface Options {
  seed: number
  quick: boolean
  keep: boolean
  help: boolean
}

export const usage = `npm run demo -- [--quick] [--seed N] [--keep]
  --seed N   plays the same band with the same texts again
  --quick    a small project and no pauses
  --keep     leaves the server running at the end, with its address and logins
  NO_COLOR=1 without colours`

/** What was asked for on the command line. @throws an error that says what is wrong with it */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: 'string' },
      quick: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('--seed takes a whole number')
  return { seed, quick: values.quick, keep: values.keep, help: values.help }
}
