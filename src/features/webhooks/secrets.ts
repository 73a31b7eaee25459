import { createHmac } from 'node:crypto'
import { keyedMac } from '../../lib/keyed-mac.ts'
import { hashToken } from '../auth/refresh-token.ts'

/** How long the secret before signs beside the new one, ms. */
export const OVERLAP_MS = 24 * 3_600_000
const PREFIX = 'whsec_'

/** What of a webhook its secrets follow from. */
export interface SecretSource {
  id: string
  generation: number
  secretHash: string
  rotatedAt: Date | null
}

export interface WebhookSecrets {
  /** The secret of a webhook, 256 bits. It is derived, not drawn: the database keeps a hash, and an answer that was lost can be given again. */
  of(id: string, generation: number): string
  hashOf(id: string, generation: number): string
  /**
   * The value of `webhook-signature`: by the secret, and for a day after it was renewed by the one before.
   * @returns null where the secret is not the one that the receiver was told, since JWT_SECRET is another one
   */
  sign(source: SecretSource, message: { id: string; seconds: number; body: string }): string | null
}

/** @param secret the one that signs access tokens */
export function webhookSecrets(secret: string): WebhookSecrets {
  const macOf = keyedMac(secret, 'cutroom webhook secret')
  const keyOf = (id: string, generation: number) => Buffer.from(macOf(`${id} ${generation}`), 'base64url')
  const of = (id: string, generation: number) => PREFIX + keyOf(id, generation).toString('base64')
  const hashOf = (id: string, generation: number) => hashToken(of(id, generation))
  return {
    of,
    hashOf,
    sign({ id, generation, secretHash, rotatedAt }, message) {
      if (hashOf(id, generation) !== secretHash) return null
      const isOverlap = rotatedAt !== null && generation > 1 && Date.now() < rotatedAt.getTime() + OVERLAP_MS
      const signed = `${message.id}.${message.seconds}.${message.body}`
      const by = (one: number) => `v1,${createHmac('sha256', keyOf(id, one)).update(signed).digest('base64')}`
      return [generation, ...(isOverlap ? [generation - 1] : [])].map(by).join(' ')
    },
  }
}
