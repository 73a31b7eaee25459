import { setFlagsFromString } from 'node:v8'
import { Command } from 'commander'

/** Garbage is collected early. With 100,000 comments an export has 154 MiB for 212, an import 190 for 241 (bench/moving.ts). */
const collectEarly = (): void => setFlagsFromString('--heap-growing-percent=20')

/** `cutroom export`. */
export const exportCommand = (): Command =>
  new Command('export')
    .description('write a project into a folder: rows, history and files')
    .argument('<project>', 'id of the project')
    .argument('[folder]', 'is made; default: cutroom-<project>')
    .option('--dry-run', 'look at everything, and keep nothing')
    .action(async (project: string, folder: string | undefined, options) => {
      collectEarly()
      await (await import('./export.ts')).exportTo(project, folder, options)
    })

/** `cutroom import`. */
export function importCommand(): Command {
  const command = new Command('import')
    .description('bring a project from such a folder, with its ids and its history')
    .enablePositionalOptions()
    .argument('<folder>', 'as cutroom export wrote it')
    .option('--dry-run', 'look at everything, and change nothing')
    .action(async (folder: string, options) => {
      collectEarly()
      await (await import('./import.ts')).importFrom(folder, options)
    })
  command
    .command('photoflow')
    .description('orders of PhotoFlow become tasks of a project; again: those that are new')
    .argument('<file>', 'CSV, as PhotoFlow writes it')
    .requiredOption('-p, --project <id>', 'where the tasks are to be')
    .requiredOption('-a, --as <email>', 'an owner or editor of it, in whose name they are made')
    .option('--dry-run', 'say what fits and what does not, and change nothing')
    .action(async (file: string, options) => (await import('./import-photoflow.ts')).importPhotoFlow(file, options))
  command
    .command('bandmate')
    .description('all of a BandMate: people, projects, vibes, cuts, files, comments')
    .argument('<file>', 'its database of SQLite')
    .option('-u, --uploads <folder>', 'where it keeps files; default: uploads beside it')
    .option('--join-accounts', 'people here with the same e-mail are the same people')
    .option('--dry-run', 'say what fits and what does not, and change nothing')
    .action(async (file: string, options) => (await import('./import-bandmate.ts')).importBandMate(file, options))
  return command
}
