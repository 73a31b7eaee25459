import { createHmac, hkdfSync } from 'node:crypto'

/**
 * A MAC of texts or bytes, under a key for one purpose: 43 characters that go into an address. What is derived in this way can be given again,
 * although only its hash is stored.
 * @param secret the one that signs access tokens
 */
export function keyedMac(secret: string, purpose: string): (content: string | Buffer) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
  return (content) => createHmac('sha256', key).update(content).digest('base64url')
}
