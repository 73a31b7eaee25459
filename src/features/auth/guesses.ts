import type { Limit, MakeLimit } from '../../http/limits.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'

/** Failures in 15 minutes: at one account (or link) from one network; at one from everywhere; from one network at any. */
const PAIR = 20
const ACCOUNT = 100
const NETWORK = 120
/** Failures that a network unknown to an account has while that account is under attack from everywhere. */
const PAIR_UNDER_ATTACK = 1

/** A password that is about to be tried. */
export interface Attempt {
  /** Whose password it is: an e-mail address, a link. */
  subject: string
  address: string
}

/** Limits on guessing passwords. Only failures count, so that neither an office nor an owner is shut out by what goes well. */
export interface GuessLimits<A extends Attempt> {
  /** @throws problem rate-limited */
  assert(attempt: A): Promise<void>
  failed(attempt: A): Promise<void>
}

/**
 * A guesser is stopped where they come from. What is guessed at from everywhere stays open to its owner: from networks that it knows,
 * and for one failure from any other.
 * @param name tells the passwords of one kind from others
 * @param isKnown has it been opened from this network before?
 */
export function createGuessLimits<A extends Attempt>(
  limit: MakeLimit,
  name: string,
  isKnown: (attempt: A) => Promise<boolean>,
): GuessLimits<A> {
  const pairs = limit(`${name}-pair`, PAIR)
  const subjects = limit(`${name}-account`, ACCOUNT)
  const networks = limit(`${name}-network`, NETWORK)
  const pairOf = ({ subject, address }: Attempt) => `${subject} ${networkOf(address)}`
  const isSpent = async (limit: Limit, key: string, most: number) => (await limit.used(key)) >= most

  return {
    async assert(attempt) {
      const network = networkOf(attempt.address)
      await pairs.assert(pairOf(attempt))
      const [underAttack, isBusy] = await Promise.all([
        isSpent(subjects, attempt.subject, ACCOUNT),
        isSpent(networks, network, NETWORK),
      ])
      if ((!underAttack && !isBusy) || (await isKnown(attempt))) return
      if (isBusy) await networks.assert(network)
      await pairs.assert(pairOf(attempt), PAIR_UNDER_ATTACK)
    },
    async failed(attempt) {
      await Promise.all([
        pairs.count(pairOf(attempt)),
        subjects.count(attempt.subject),
        networks.count(networkOf(attempt.address)),
      ])
    },
  }
}
