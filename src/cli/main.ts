import { setFlagsFromString } from 'node:v8'
import { Command } from 'commander'
import { packageVersion } from '../lib/package-version.ts'
import { tokenCommand, userCommand } from './accounts.ts'
import { consumersCommand } from './consumers.ts'
import { exportCommand, importCommand } from './moving.ts'

// A command makes a few queries and ends: to optimise Prisma's query compiler, which is WebAssembly, would cost half of its CPU time (0.6 of 1.3 s).
setFlagsFromString('--liftoff-only')

const program = new Command('cutroom')
  .description('A room-scoped collaboration backend. Without a command it serves.')
  .version(packageVersion())
  .showHelpAfterError('(cutroom --help shows the commands)')
  .configureHelp({ helpWidth: 80 })
  // Options of a command are not those of the commands below it, which import has.
  .enablePositionalOptions()
  .addHelpText(
    'after',
    `
The configuration is that of the server: .env in this folder, and variables
(.env.example lists them). Commands work while a server runs, and without one.`,
  )

program
  .command('serve')
  .description('run the server; what cutroom alone does, too')
  .action(async () => void (await import('./serve.ts')))

program
  .command('migrate')
  .description('bring the tables of the database up to date, which each start does, too')
  .action(async () => (await import('./migrate.ts')).migrateDatabase())

program.addCommand(userCommand())
program.addCommand(tokenCommand())
program.addCommand(consumersCommand())
program
  .command('search')
  .description('the index of the search')
  .command('rebuild')
  .description('have it built again from the rows, also while a server runs')
  .action(async () => (await import('./search.ts')).rebuildSearch())

program.addCommand(exportCommand())
program.addCommand(importCommand())

program
  .command('tail')
  .description('print the events of a project as they happen')
  .argument('<project>', 'id of the project')
  .option('-u, --url <url>', 'the server; default: CUTROOM_URL, else http://localhost:3000')
  .option('-t, --token <token>', 'an API token; better in CUTROOM_TOKEN, which ps does not show')
  .option('-f, --from <seq>', 'begin behind this position: 0 is all that is kept')
  .option('--json', 'one event a line, as JSON')
  .action(async (project: string, options) => (await import('./tail.ts')).tail(project, options))

program
  .command('doctor')
  .description('look at configuration, database, Redis, disk and clock: what is wrong, and the cure')
  .action(async () => (await import('./doctor.ts')).doctor())

program
  .command('seed')
  .description('make a band with its project, as data to look at, and print its logins')
  .option('--full', '3,000 comments on 300 cuts, in place of 120 on 24')
  .action(async (options) => (await import('./seed.ts')).seed(options))

// A reader of the output that has gone, like head, ends a command; the exit takes a Postgres of its own along.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

/** What went wrong, as a line that says what to do; a mistake of this program with its trace. */
function explain(error: unknown): void {
  const isMistake = !(error instanceof Error) || [TypeError, RangeError, ReferenceError].some((kind) => error instanceof kind)
  console.error(isMistake ? error : error.message)
  const { errors = [] } = (error as { extra?: { errors?: { pointer: string; detail: string }[] } }).extra ?? {}
  for (const { pointer, detail } of errors) console.error(`  ${pointer}: ${detail}`)
}

try {
  await program.parseAsync()
} catch (error) {
  explain(error)
  process.exitCode = 1
}
