import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'
import { problem } from '../../errors.ts'
import { createSemaphore } from '../../lib/semaphore.ts'

// OWASP's first recommendation for Argon2id; the library's default algorithm is Argon2id.
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Hashes at a time: they run on libuv's four threads, one of which stays free for files and names. */
const semaphore = createSemaphore(Math.min(availableParallelism(), 3))
/** How many more may wait, about ten seconds' worth on two cores. */
const MAX_WAITING = 1_000
let present = 0

/**
 * Runs what hashes or verifies, a few at a time. Nothing that waits here may hold a connection to the database.
 * @throws problem unavailable when too many wait
 */
export async function withHashSlot<T>(work: () => Promise<T>): Promise<T> {
  if (present >= MAX_WAITING) throw problem('unavailable', 'Too many logins at once', { retryAfter: 2 })
  present++
  try {
    return await semaphore.run(work)
  } finally {
    present--
  }
}

/** The one form of a password, whichever keyboard wrote it (NIST SP 800-63B asks for it). */
const normalize = (password: string): string => password.normalize('NFC')

/** Memory in KiB, and passes over it. */
export type HashCost = Pick<typeof COST, 'memoryCost' | 'timeCost'>

/** The hash to store. */
export const hashPassword = (password: string, cost: HashCost = COST): Promise<string> =>
  hash(normalize(password), { ...COST, ...cost })

/**
 * Is this a hash of bcrypt, as people have who came from another system? One of a cost above 15 would take seconds to verify.
 * A login puts one of Argon2id in its place.
 */
export const isBcrypt = (passwordHash: string): boolean => /^\$2[aby]\$(0[4-9]|1[0-5])\$[./\w]{53}$/.test(passwordHash)

let decoy: Promise<string> | undefined

/**
 * Is this the password? Hashes of before passwords were normalised are of the form in which they were typed.
 * Takes as long for an account that does not exist as for one that does.
 */
export async function verifyPassword(password: string, passwordHash: string | undefined): Promise<boolean> {
  decoy ??= hashPassword('no account has this password')
  const stored = passwordHash ?? (await decoy)
  const forms = new Set([normalize(password), password])
  const matches = async (form: string) =>
    isBcrypt(stored) ? (await import('@node-rs/bcrypt')).verify(form, stored) : verify(stored, form)
  let right = false
  for (const form of forms) right ||= await matches(form)
  // Every lone surrogate becomes U+FFFD on its way into the hash, so all of them would be equal.
  return right && passwordHash !== undefined && password.isWellFormed()
}
