import { timingSafeEqual } from 'node:crypto'
import type { Config } from '../../config.ts'
import { Prisma, type Query } from '../../db/client.ts'
import { keyedMac } from '../../lib/keyed-mac.ts'

/** Letters and digits that are not taken for one another, of which each stands for five bits. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const GROUPS = 4
const GROUP = 5

/**
 * The code with which the first account registers where registration is by invitation: 100 bits. It is the same on all nodes, since it
 * follows from their secret, and is good for nothing as soon as there is an account.
 */
export function firstAccountCode({ jwtSecret }: Pick<Config, 'jwtSecret'>): string {
  const bytes = Buffer.from(keyedMac(jwtSecret, 'cutroom first account code')(''), 'base64url')
  const letters = Array.from(bytes.subarray(0, GROUPS * GROUP), (byte) => ALPHABET.charAt(byte % ALPHABET.length))
  return Array.from({ length: GROUPS }, (_, n) => letters.slice(n * GROUP, (n + 1) * GROUP).join('')).join('-')
}

/** Whether a code that a person typed is this one; small letters, spaces and dashes do not matter. */
export function isCode(given: string, code: string): boolean {
  const plain = (text: string) => Buffer.from(text.replace(/[\s-]/g, '').toUpperCase())
  const [a, b] = [plain(given), plain(code)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Whether there is no account yet. */
export async function isWithoutAccounts(query: Query): Promise<boolean> {
  const rows = await query(Prisma.sql`SELECT 1 FROM "User" LIMIT 1`)
  return rows.length === 0
}

/** Lets one registration at a time look whether it is the first one. */
export const lockFirstAccount = async (query: Query): Promise<void> =>
  void (await query(Prisma.sql`SELECT pg_advisory_xact_lock(hashtextextended('cutroom first account', 0))`))
