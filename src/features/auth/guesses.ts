import type { Database } from '../../db/client.ts'
import type { Limit, MakeLimit } from '../../http/limits.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'

/** Failed logins in 15 minutes: at one account from one network; at one account from everywhere; from one network at any account. */
const PAIR = 20
const ACCOUNT = 100
const NETWORK = 120
/** Failures that a network unknown to an account has while that account is under attack from everywhere. */
const PAIR_UNDER_ATTACK = 1
/** Sessions of an account whose addresses are looked through. */
const SESSIONS = 200

/** A login that is about to be tried. */
export interface Attempt {
  email: string
  /** Of the account with this e-mail, if there is one. */
  userId: string | undefined
  address: string
}

/** Limits on guessing passwords. Only failures count, so that neither an office nor an owner is shut out by what goes well. */
export interface GuessLimits {
  /** @throws problem rate-limited */
  assert(attempt: Attempt): Promise<void>
  failed(attempt: Attempt): Promise<void>
}

/**
 * A guesser is stopped where they come from. An account that is guessed at from everywhere stays open to its owner: from networks
 * in which it had a session before, and for one failure from any other.
 */
export function createGuessLimits(limit: MakeLimit, prisma: Database['prisma']): GuessLimits {
  const pairs = limit('login-pair', PAIR)
  const accounts = limit('login-account', ACCOUNT)
  const networks = limit('login-network', NETWORK)
  const pairOf = ({ email, address }: Attempt) => `${email} ${networkOf(address)}`
  const isSpent = async (limit: Limit, key: string, most: number) => (await limit.used(key)) >= most

  /** Has the account had a session from this network? */
  async function isKnown({ userId, address }: Attempt): Promise<boolean> {
    if (userId === undefined) return false
    const sessions = await prisma.session.findMany({
      where: { userId },
      select: { address: true },
      orderBy: { id: 'desc' },
      take: SESSIONS,
    })
    const network = networkOf(address)
    return sessions.some((session) => session.address !== null && networkOf(session.address) === network)
  }

  return {
    async assert(attempt) {
      const network = networkOf(attempt.address)
      await pairs.assert(pairOf(attempt))
      const [underAttack, isBusy] = await Promise.all([
        isSpent(accounts, attempt.email, ACCOUNT),
        isSpent(networks, network, NETWORK),
      ])
      if ((!underAttack && !isBusy) || (await isKnown(attempt))) return
      if (isBusy) await networks.assert(network)
      await pairs.assert(pairOf(attempt), PAIR_UNDER_ATTACK)
    },
    async failed(attempt) {
      await Promise.all([pairs.count(pairOf(attempt)), accounts.count(attempt.email), networks.count(networkOf(attempt.address))])
    },
  }
}
