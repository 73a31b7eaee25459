import { me } from '@cutroom/contract'
import * as z from 'zod'
import type { Query } from '../../../db/client.ts'
import type { Write } from '../../../rooms/log/commit.ts'
import { isBcrypt } from '../../auth/password.ts'
import type { Account } from '../../auth/serialize.ts'
import { MovingError } from '../export.ts'
import { insertPeople } from '../insert.ts'
import type { BandMateRow } from './source.ts'
import { idFrom, lineFrom, type Misfit } from './values.ts'

type Newcomer = Account & { passwordHash: string | null }

/** Everyone of a BandMate. */
export interface People {
  /** By their id there. */
  accounts: ReadonlyMap<string, Account>
  /** Who has no account here yet. */
  newcomers: readonly Newcomer[]
}

const Email = z.email().max(254).toLowerCase()

const FOUND = `SELECT id, email, name, "avatarUrl", version, "createdAt", "updatedAt" FROM "User"
  WHERE id = ANY ($1::uuid[]) OR email = ANY ($2::text[])`

function newcomerOf(user: BandMateRow<'User'>, taken: ReadonlySet<string>, misfits: Misfit[]): Newcomer {
  const id = idFrom(user.id)
  const say = (message: string) => misfits.push({ what: `person ${user.email}`, message })
  const parsed = Email.safeParse(user.email)
  const isUsable = parsed.success && !taken.has(parsed.data)
  const email = isUsable ? parsed.data : `${id}@bandmate.invalid`
  if (!isUsable) say(`the e-mail is ${parsed.success ? 'another person’s, too' : 'none'}: their account has ${email}`)
  const passwordHash = user.password !== null && isBcrypt(user.password) ? user.password : null
  if (passwordHash === null) say('has no password that can be kept: cutroom user reset-link gives them one')
  return {
    id,
    email,
    name: lineFrom(user.name, 100, 'Unnamed'),
    avatarUrl: me.update.schema.body.safeParse({ avatarUrl: user.avatarUrl }).data?.avatarUrl ?? null,
    version: 1,
    createdAt: user.createdAt,
    updatedAt: user.updatedAt,
    passwordHash,
  }
}

/**
 * Finds the accounts of people, and says who is to get one. Nothing is written.
 * @param joins people with an account of the same e-mail are the same people; otherwise they are refused
 * @throws MovingError
 */
export async function findPeople(
  query: Query,
  users: readonly BandMateRow<'User'>[],
  joins: boolean,
  misfits: Misfit[],
): Promise<People> {
  const found = await query<Account>({
    text: FOUND,
    values: [users.map(({ id }) => idFrom(id)), users.map(({ email }) => email.toLowerCase())],
  })
  const byId = new Map(found.map((account) => [account.id, account]))
  const byEmail = new Map(found.map((account) => [account.email, account]))
  const accounts = new Map<string, Account>()
  const newcomers: Newcomer[] = []
  const taken = new Set<string>()
  const strangers: string[] = []
  for (const user of users) {
    const same = byId.get(idFrom(user.id))
    const other = same ? undefined : byEmail.get(user.email.toLowerCase())
    if (other && !joins) strangers.push(other.email)
    let account = same ?? other
    if (!account) {
      const newcomer = newcomerOf(user, taken, misfits)
      taken.add(newcomer.email)
      newcomers.push(newcomer)
      account = newcomer
    }
    accounts.set(user.id, account)
  }
  if (strangers.length > 0)
    throw new MovingError(
      `Accounts here have e-mails of people there: ${strangers.slice(0, 10).join(', ')}. Only you know whether they are the same people: ` +
        '--join-accounts takes them as such, otherwise change their e-mails first',
    )
  return { accounts, newcomers }
}

/** Accounts of one statement. */
const BATCH = 200

/** Makes the accounts of newcomers, with the passwords that they have. */
export async function makeAccounts(write: Write, newcomers: readonly Newcomer[], noPassword: string): Promise<void> {
  for (let n = 0; n < newcomers.length; n += BATCH)
    await insertPeople(
      write,
      newcomers.slice(n, n + BATCH).map((row) => ({ number: 0, row: { ...row } })),
      noPassword,
    )
}
