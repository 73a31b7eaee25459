import { type Role, tokens } from '@cutroom/contract'
import { revokeSessions } from '../features/auth/writes.ts'
import { createToken, openTokens, presentToken, tokenText } from '../features/me/tokens.ts'
import { apiTokens } from '../http/api-tokens.ts'
import { CommandError, note, table } from './output.ts'
import { isServersSecret, personOf, withStore } from './store.ts'

interface AddOptions {
  name: string
  role: Role
  project?: string[]
  expires?: string
}

/** `cutroom token add`: the token alone on the output. @throws CommandError | ProblemError */
export async function addToken(email: string, { name, role, project, expires }: AddOptions): Promise<void> {
  const input = { name, role, projectIds: project ?? null, expiresAt: expires ?? null }
  const parsed = tokens.create.schema.body.safeParse(input)
  if (!parsed.success)
    throw new CommandError(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'))
  await withStore(async (store) => {
    if ((await isServersSecret(store)) === false)
      throw new CommandError('JWT_SECRET is not the one of the server, which would refuse the token: set the same here')
    const user = await personOf(store, email)
    const api = apiTokens(store.config.jwtSecret)
    const made = await store.commit({ id: user.id, name: user.name }, (write) => createToken(write, api, user.id, parsed.data))
    note(`API token ${made.id} of ${user.email}, at most ${made.role}; shown this once:`)
    console.log(tokenText(api, user.id, made))
  })
}

/** `cutroom token list`. */
export async function listTokens(email: string, { json }: { json?: boolean }): Promise<void> {
  await withStore(async (store) => {
    const user = await personOf(store, email)
    const rows = (await store.prisma.session.findMany(openTokens(user.id))).map(presentToken)
    if (json) {
      for (const row of rows) console.log(JSON.stringify(row))
      return
    }
    const day = (time: string | null) => time?.slice(0, 10) ?? 'never'
    const lines = rows.map(({ id, role, projectIds, expiresAt, name }) => [
      id,
      role,
      projectIds ? `${projectIds.length}` : 'all',
      day(expiresAt),
      name,
    ])
    console.log(table([['ID', 'ROLE', 'IN', 'ENDS', 'NAME'], ...lines]))
  })
}

/** `cutroom token revoke`. @throws CommandError */
export async function revokeToken(id: string): Promise<void> {
  const { success } = tokens.revoke.schema.params.safeParse({ tokenId: id })
  await withStore(async ({ prisma, commit }) => {
    const row = success ? await prisma.session.findUnique({ where: { id }, include: { user: true } }) : null
    if (!row || row.name === null) throw new CommandError('There is no such API token: cutroom token list EMAIL shows all')
    const { userId, user } = row
    const ended = await commit({ id: userId, name: user.name }, (write) =>
      revokeSessions(write, userId, { only: id, kind: 'api-token' }, 'ended'),
    )
    if (ended === 0) throw new CommandError('It has ended before')
    console.log(`Ended “${row.name}” of ${user.email}.`)
  })
}
