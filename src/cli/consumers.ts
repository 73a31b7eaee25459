import { Command } from 'commander'
import type { Meant } from '../rooms/log/consumers/inspect.ts'

/** What a command line means: ROOM SEQ, KEY, or nothing. */
async function meantBy(place: string | undefined, seq: string | undefined): Promise<Meant> {
  if (place === undefined) return 'all'
  if (seq === undefined) return { key: place }
  if (/^\d{1,15}$/.test(seq)) return { room: place, seq: Number(seq) }
  const { CommandError } = await import('./output.ts')
  throw new CommandError('SEQ is the number of an event: cutroom consumers list NAME shows those that failed')
}

/** `cutroom consumers`. What the commands do is loaded with them. */
export function consumersCommand(): Command {
  const command = new Command('consumers').description(
    'the durable readers of the log, and jobs: positions, retries, dead letters',
  )
  command
    .command('list', { isDefault: true })
    .description('how far each is behind and what failed; with a name its rooms, retries and dead letters')
    .argument('[name]', 'a consumer')
    .option('--json', 'one row a line, as JSON')
    .action(async (name: string | undefined, options) => (await import('./consumers-list.ts')).listConsumers(name, options))
  command
    .command('retry')
    .description('try again at once what failed or was given up: all of it, or one')
    .argument('<name>', 'a consumer or a job')
    .argument('[room]', 'the room of an event, or the key of a row of a job')
    .argument('[seq]', 'the number of the event')
    .action(async (name: string, place, seq) =>
      (await import('./consumers-list.ts')).retryConsumer(name, await meantBy(place, seq)),
    )
  command
    .command('skip')
    .description('give up what fails: a room that it held up goes on, a dead letter is removed')
    .argument('<name>', 'a consumer or a job')
    .argument('<room>', 'the room of the event, or the key of a row of a job')
    .argument('[seq]', 'the number of the event')
    .action(async (name: string, place: string, seq) =>
      (await import('./consumers-list.ts')).skipConsumer(name, await meantBy(place, seq)),
    )
  return command
}
