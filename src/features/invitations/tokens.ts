import type { Config } from '../../config.ts'
import { type TokenLinks, tokenLinks } from '../shared/token-links.ts'

/** The links of invitations. */
export const invitationLinks = (config: Pick<Config, 'jwtSecret' | 'publicUrl'>): TokenLinks =>
  tokenLinks(config, 'cutroom invitation token', '/invitations')
