import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { auth, me } from '@cutroom/contract'
import { hashPassword } from '../features/auth/password.ts'
import { createReset, resetLinks } from '../features/auth/reset-links.ts'
import { createUser, replacePassword, revokeSessions } from '../features/auth/writes.ts'
import { CommandError, note, table } from './output.ts'
import { personOf, type Store, withStore } from './store.ts'

interface PasswordOptions {
  passwordStdin?: boolean
}

/** The password of the input, or one that is made, which the person is told. */
async function choosePassword({ passwordStdin }: PasswordOptions): Promise<{ password: string; isMade: boolean }> {
  if (!passwordStdin) return { password: randomBytes(15).toString('base64url'), isMade: true }
  return { password: (await text(process.stdin)).replace(/\r?\n$/, ''), isMade: false }
}

/** What the contract says against a value, as one line. */
const complaintOf = (issues: readonly { path: PropertyKey[]; message: string }[]): CommandError =>
  new CommandError(issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'))

/** Prints a password that was made: to the output alone, so that it can be piped on. */
function tell(email: string, { password, isMade }: { password: string; isMade: boolean }): void {
  if (!isMade) return
  note(`Password of ${email}, shown this once:`)
  console.log(password)
}

/** `cutroom user add`. @throws CommandError */
export async function addUser(email: string, options: PasswordOptions & { name: string }): Promise<void> {
  const chosen = await choosePassword(options)
  const parsed = auth.register.schema.body.safeParse({ email, name: options.name, password: chosen.password })
  if (!parsed.success) throw complaintOf(parsed.error.issues)
  const { data } = parsed
  await withStore(async ({ commit }) => {
    const passwordHash = await hashPassword(data.password)
    const user = await commit(null, (write) => createUser(write, { email: data.email, name: data.name, passwordHash }))
    note(`Created ${data.email} (${user.id}).`)
  })
  tell(data.email, chosen)
}

/** `cutroom user password`. @throws CommandError */
export async function setPassword(email: string, options: PasswordOptions): Promise<void> {
  const chosen = await choosePassword(options)
  const parsed = me.changePassword.schema.body.safeParse({ current: '', next: chosen.password })
  if (!parsed.success) throw complaintOf(parsed.error.issues)
  await withStore(async (store) => {
    const user = await personOf(store, email)
    const next = await hashPassword(parsed.data.next)
    const ended = await store.commit(null, async (write) => {
      if (!(await replacePassword(write, user.id, user.passwordHash, next)))
        throw new CommandError('The password was changed at the same time: try again')
      return revokeSessions(write, user.id, {}, 'password')
    })
    note(`New password for ${user.email}; ${ended} sessions and API tokens ended.`)
  })
  tell(email, chosen)
}

/** `cutroom user reset-link`. @throws CommandError */
export async function printResetLink(email: string): Promise<void> {
  await withStore(async (store) => {
    const user = await personOf(store, email)
    const { port, publicUrl = `http://localhost:${port}`, jwtSecret } = store.config
    const links = resetLinks({ jwtSecret, publicUrl })
    const id = await store.commit(null, async (write) => createReset(write, links, user.email))
    note(`A link to a new password for ${user.email}; it works once, for an hour:`)
    console.log(links.urlOf(id))
  })
}

/** Accounts that are read at a time. */
const PAGE = 1_000

/** Accounts with their open sessions, the oldest first, by pages. */
async function* pagesOf(prisma: Store['prisma']) {
  const open = { revokedAt: null, expiresAt: { gt: new Date() }, name: null }
  const select = { id: true, email: true, name: true, createdAt: true }
  const _count = { select: { sessions: { where: open }, memberships: true } }
  for (let last: string | undefined; ; ) {
    const where = last === undefined ? {} : { id: { gt: last } }
    const users = await prisma.user.findMany({ where, select: { ...select, _count }, orderBy: { id: 'asc' }, take: PAGE })
    yield users
    last = users.at(-1)?.id
    if (users.length < PAGE) return
  }
}

/** `cutroom user list`. */
export async function listUsers({ json }: { json?: boolean }): Promise<void> {
  await withStore(async ({ prisma }) => {
    for await (const users of pagesOf(prisma)) {
      if (json) {
        for (const { _count, ...user } of users)
          console.log(JSON.stringify({ ...user, sessions: _count.sessions, projects: _count.memberships }))
        continue
      }
      const rows = users.map(({ email, name, createdAt, _count }) => {
        const day = createdAt.toISOString().slice(0, 10)
        return [day, `${_count.memberships}`, `${_count.sessions}`, email, name]
      })
      console.log(table([['SINCE', 'PROJECTS', 'SESSIONS', 'EMAIL', 'NAME'], ...rows]))
    }
  })
}
