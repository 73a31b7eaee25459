import type { Config } from '../../config.ts'
import { keyedMac } from '../../lib/keyed-mac.ts'

/** Links of one kind: the token of each, by the id of its row, and its page. */
export interface TokenLinks {
  tokenOf(id: string): string
  urlOf(id: string): string
}

/**
 * @param config without `publicUrl` a page is a path on this server
 * @param purpose of the tokens, which no other kind of them has
 * @param page its path, before the token
 */
export function tokenLinks(
  { jwtSecret, publicUrl = '' }: Pick<Config, 'jwtSecret' | 'publicUrl'>,
  purpose: string,
  page: string,
): TokenLinks {
  const tokenOf = keyedMac(jwtSecret, purpose)
  return { tokenOf, urlOf: (id) => `${publicUrl}${page}/${tokenOf(id)}` }
}
