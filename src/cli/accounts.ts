import { Command, InvalidArgumentError, Option } from 'commander'

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]

/** When a token ends: `90d`, or a date. */
function readEnd(value: string): string {
  const [, count, unit] = /^(\d{1,5})([dhm])$/.exec(value) ?? []
  const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000 }[unit ?? '']
  const time = count !== undefined && unitMs !== undefined ? Date.now() + Number(count) * unitMs : Date.parse(value)
  if (!(time > Date.now())) throw new InvalidArgumentError('It is a time to come, like 90d, or a date, like 2030-01-31.')
  return new Date(time).toISOString()
}

/** `cutroom user`. */
export function userCommand(): Command {
  const user = new Command('user').description('accounts: add, password, reset-link, list')
  user
    .command('add')
    .description('create an account, also where REGISTRATION is invite')
    .argument('<email>')
    .requiredOption('-n, --name <name>', 'as others see it')
    .option('--password-stdin', 'read the password from the input; without this, one is made and printed')
    .action(async (email: string, options) => (await import('./users.ts')).addUser(email, options))
  user
    .command('password')
    .description('set a new password; all sessions and API tokens of the account end')
    .argument('<email>')
    .option('--password-stdin', 'read the password from the input; without this, one is made and printed')
    .action(async (email: string, options) => (await import('./users.ts')).setPassword(email, options))
  user
    .command('reset-link')
    .description('print a link with which a person sets a new password, once, within an hour')
    .argument('<email>')
    .action(async (email: string) => (await import('./users.ts')).printResetLink(email))
  user
    .command('list')
    .description('all accounts, the oldest first')
    .option('--json', 'one account a line, as JSON')
    .action(async (options) => (await import('./users.ts')).listUsers(options))
  return user
}

/** `cutroom token`. */
export function tokenCommand(): Command {
  const token = new Command('token').description('API tokens for bots: add, list, revoke')
  token
    .command('add')
    .description('create an API token of a person, and print it: it is shown this once')
    .argument('<email>', 'of the person it acts for')
    .requiredOption('-n, --name <name>', 'what it is for')
    .addOption(
      new Option('-r, --role <role>', 'its highest role').choices(['viewer', 'commenter', 'editor', 'owner']).default('editor'),
    )
    .option('-p, --project <id>', 'a project of its scope, may be repeated; without it: all', collect)
    .option('-e, --expires <when>', 'its end, like 90d or 2030-01-31; without it: none', readEnd)
    .action(async (email: string, options) => (await import('./tokens.ts')).addToken(email, options))
  token
    .command('list')
    .description('the API tokens of a person')
    .argument('<email>')
    .option('--json', 'one token a line, as JSON')
    .action(async (email: string, options) => (await import('./tokens.ts')).listTokens(email, options))
  token
    .command('revoke')
    .description('end an API token; its sockets are closed within a second')
    .argument('<id>', 'as cutroom token list shows it')
    .action(async (id: string) => (await import('./tokens.ts')).revokeToken(id))
  return token
}
